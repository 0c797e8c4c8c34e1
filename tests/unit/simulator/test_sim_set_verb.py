"""The control verb `set`: every field's good and bad values, what is then carried out, and hostile arguments of all verbs."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.clock_bench import FROZEN, Bench
from tests.unit.simulator.helpers import DAY, START, client, failed_invoice, small_world
from tests.unit.simulator.payments import events, verb
from tests.unit.simulator.serving import ask, serving

FAR = 4_102_444_800
Values = tuple[list[Any], list[Any]]
INSTANT: Values = ([START + 60 * DAY, None], [0, -1, START, FAR + 1, 10**30, True, 1.5, "soon", [], {}])
TRUTH: Values = ([True, False], [None, 0, 1, "true", [], {}])
TEXTS: Values = ([{}, {"a": "b"}], [None, "a", 1, [], {"a": 1}, {"a": None}, {str(n): "" for n in range(51)}])
FIELDS: dict[str, dict[str, Values]] = {
    "invoice": {
        "next_payment_attempt": INSTANT,
        "auto_advance": TRUTH,
        "metadata": TEXTS,
        "attempt_count": ([0, 3, 1000], [-1, 1001, None, True, "3", 1.0, []]),
    },
    "subscription": {
        "cancel_at": INSTANT,
        "cancel_at_period_end": TRUTH,
        "metadata": TEXTS,
        "status": (["active", "past_due", "unpaid", "paused"], [None, "", "trialing", "ended", 1, [], {}]),
    },
    "customer": {"delinquent": TRUTH, "metadata": TEXTS},
    "webhook_endpoint": {
        "status": (["enabled", "disabled"], [None, "off", True, []]),
        "metadata": TEXTS,
        "url": (["https://example.com/a"], [None, "", "ftp://example.com", 1, []]),
        "enabled_events": ([["*"], ["invoice.paid"]], [None, [], "*", [1], [""], {}]),
        "description": (["words", None], [1, [], "x" * 5001]),
    },
}
EVERY = [(kind, field) for kind, fields in FIELDS.items() for field in fields]


def _objects(world: World) -> dict[str, str]:
    """One object of each kind that can be set."""
    invoice = failed_invoice(world)
    api = client(world)
    row = api.v1.invoices.retrieve(invoice)
    made = api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]})
    subscription = row.parent.subscription_details.subscription
    return {"invoice": invoice, "subscription": subscription, "customer": row.customer, "webhook_endpoint": made.id}


def _row(world: World, kind: str, id_: str) -> dict[str, Any]:
    return dict(world.sim.account("acct_1AcmeUS", False).get(kind, id_))


@pytest.mark.parametrize(("kind", "field"), EVERY, ids=lambda value: value)
def test_a_field_takes_its_good_values_and_no_bad_one(kind: str, field: str) -> None:
    """Good values are there afterwards; bad ones are a ControlError about `value` and change nothing."""
    world = small_world()
    id_ = _objects(world)[kind]
    good, bad = FIELDS[kind][field]
    before = _row(world, kind, id_)
    for value in bad:
        with pytest.raises(ControlError) as caught:
            verb(world, "set", object=id_, field=field, value=value)
        assert caught.value.field == "value"
    assert _row(world, kind, id_) == before
    for value in good:
        verb(world, "set", object=id_, field=field, value=value)
        assert _row(world, kind, id_)[field] == value
    world.advance_to(world.now + 40 * DAY)


def test_cancel_at_is_carried_out() -> None:
    """At its instant the subscription ends."""
    world = small_world()
    subscription = client(world).v1.subscriptions.list().data[0].id
    at = world.now + 5 * DAY
    verb(world, "set", object=subscription, field="cancel_at", value=at)
    world.advance_to(at + 60)
    found = client(world).v1.subscriptions.retrieve(subscription)
    assert (found.status, found.ended_at) == ("canceled", at)


def test_status_canceled_ends_the_subscription_and_nothing_of_it_can_be_set_then() -> None:
    """With customer.subscription.deleted and ended_at; afterwards only metadata can be set."""
    world = small_world()
    subscription = client(world).v1.subscriptions.list().data[0].id
    verb(world, "set", object=subscription, field="status", value="canceled")
    found = client(world).v1.subscriptions.retrieve(subscription)
    assert (found.status, found.ended_at) == ("canceled", world.now)
    assert len(events(world, "customer.subscription.deleted", about=subscription)) == 1
    for field, value in (("status", "active"), ("cancel_at", None), ("cancel_at_period_end", True)):
        with pytest.raises(ControlError, match="only its metadata"):
            verb(world, "set", object=subscription, field=field, value=value)
    verb(world, "set", object=subscription, field="metadata", value={"a": "b"})
    assert client(world).v1.subscriptions.retrieve(subscription).metadata["a"] == "b"


@pytest.mark.parametrize("by", ["update", "verb"])
def test_a_paused_subscription_told_to_end_with_a_period_that_is_over_ends(by: str) -> None:
    """It would wait for ever: it ends at once, by the API and by the verb."""
    world = small_world()
    api = client(world)
    subscription = api.v1.subscriptions.list().data[0].id
    verb(world, "set", object=subscription, field="status", value="paused")
    world.advance_to(world.now + 70 * DAY)
    if by == "update":
        api.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    else:
        verb(world, "set", object=subscription, field="cancel_at_period_end", value=True)
    world.advance_to(world.now + 60)
    assert api.v1.subscriptions.retrieve(subscription).status == "canceled"


def test_the_time_of_a_test_clock_counts_for_its_objects() -> None:
    """An instant before the clock's time is no future, one after it is carried out when the clock gets there."""
    bench = Bench()
    made = bench.subscribe(bench.customer().id)
    with pytest.raises(ControlError):
        verb(bench.world, "set", object=made.id, field="cancel_at", value=FROZEN)
    verb(bench.world, "set", object=made.id, field="cancel_at", value=FROZEN + 5 * DAY)
    bench.advance(FROZEN + 4 * DAY)
    assert bench.api.v1.subscriptions.retrieve(made.id).status == "active"
    bench.advance(FROZEN + 6 * DAY)
    found = bench.api.v1.subscriptions.retrieve(made.id)
    assert (found.status, found.ended_at) == ("canceled", FROZEN + 5 * DAY)


HOSTILE: list[Any] = [
    None, True, -1, 0, 10**30, 1.5, "", "x" * 6000, "null", "\x00", "💳", [], {}, [[]], {"a": {}}, "sub_none", "in_none",
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(control_api.VERBS))
def test_hostile_arguments_are_control_errors(name: str) -> None:
    """Every field of every verb with every odd value, the others plausible: done or ControlError; the world goes on."""
    world = small_world()
    ids = _objects(world)
    known = control_api.VERBS[name]
    plausible = {
        **ids,
        "object": ids["subscription"],
        "customer": "ada",
        "field": "metadata",
        "endpoint": ids["webhook_endpoint"],
    }
    for field in (*known.required, *known.optional):
        for value in HOSTILE:
            given = {each: plausible.get(each, "x") for each in known.required}
            try:
                control_api.post(world, name, {**given, field: value})
            except ControlError:
                continue
    world.advance_to(world.now + 45 * DAY)


def test_hostile_arguments_over_http_are_4xx() -> None:
    """The same through the door, once for each verb and value: never a 500, and the world still answers."""
    world = small_world()
    with serving(world) as port:
        for name, known in control_api.VERBS.items():
            for value in HOSTILE:
                body = dict.fromkeys((*known.required, *known.optional), value)
                status, _ = ask(port, "POST", f"/_simulator/{name}", body)[:2]
                assert status < 500, (name, value)
