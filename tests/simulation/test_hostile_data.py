"""Bodies and answers that are not as documented: loops go on, nothing is charged wrongly, nothing is believed."""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.protocol.webhooks import signature
from tests.simulation import truth, worlds
from tests.simulation.judges import Judge
from tests.simulation.records import Records
from tests.simulation.rig import Request, Rig

URL = "http://127.0.0.1:8787/webhooks/stripe/sim-co"
ODD: tuple[Any, ...] = (None, "", "?", "never_heard_of", -1, 0, 10**30, 1.5, True, [], {}, [None], {"id": 7}, "\ud800")


def deliver(rig: Rig, raw: bytes) -> int:
    """Sign it as Stripe would, and hand it over."""
    (account,) = rig.world.sim.accounts.values()
    (secret,) = account.secrets.values()
    return rig.deliver(URL, {"Stripe-Signature": signature(secret, raw, rig.world.now)}, raw)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield (*path, name)
        yield from places(child, (*path, name))


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy with another value, or (with Ellipsis) nothing, at a place."""
    found = copy.deepcopy(value)
    target = found
    for name in path[:-1]:
        target = target[name]
    if odd is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = odd
    return found


def failing() -> tuple[Rig, list[bytes]]:
    """Ada's renewal is declined and Ben's too; all genuine bodies so far."""
    rig = Rig({"ada": worlds.customer(renews_in_days=0.1), "ben": worlds.customer("pm_card_mastercard")})
    rig.decline("ada", "insufficient_funds", times=1)
    rig.decline("ben", "expired_card")
    bodies: list[bytes] = []

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        bodies.append(body)
        return rig.deliver(url, headers, body)

    rig.post = post
    rig.live(1.5)
    return rig, bodies


def test_bodies_with_one_odd_value_each():
    """Six hundred signed events, each with one field missing or of another kind: answered, and the cases end as ever."""
    rig, bodies = failing()
    rng = random.Random(5)
    by_type = {json.loads(body)["type"]: json.loads(body) for body in bodies}
    statuses = set()
    for number in range(600):
        event = by_type[rng.choice(sorted(by_type))]
        odd = changed(event, rng.choice(list(places(event))), rng.choice((..., *ODD)))
        if odd.get("id") == event["id"]:
            odd["id"] = f"evt_odd{number}"
        statuses.add(deliver(rig, json.dumps(odd).encode()))
    assert statuses <= {200, 400}
    rig.live(12)
    assert rig.engine.loops.charging_stopped is None
    assert rig.case("ada").state is CaseState.RECOVERED
    assert rig.case("ben").state is CaseState.EXHAUSTED
    truth.agree(rig)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"{" * 5000,
        b"[" * 100_000,
        b'{"id": "evt_1"}',
        b'{"id": 1, "object": "event", "type": "invoice.paid", "created": 1, "livemode": false, "data": {"object": {}}}',
        b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1, "livemode": "false", "data": {}}',
        b"\xff\xfe\x00",
        b'{"id": "evt_\\u0000"}',
        json.dumps({"id": "evt_big", "data": "x" * 300_000}).encode(),
    ],
    ids=range(13),
)
def test_bodies_that_are_no_events(raw: bytes):
    """Signed or not, what is no event is refused with 400 and stored nowhere; the loops go on."""
    rig = Rig({"ada": worlds.customer(renews_in_days=0.1)})
    rig.decline("ada", "insufficient_funds", times=1)
    assert deliver(rig, raw) == 400
    rig.live(10)
    assert rig.case("ada").state is CaseState.RECOVERED


def test_ids_that_would_change_a_path():
    """An event that names an object like a path: no such request is ever sent, and charging goes on."""
    rig, bodies = failing()
    template = next(json.loads(body) for body in bodies if b'"type":"invoice.payment_failed"' in body)
    for number, bad in enumerate(
        ("in_1/pay", "..", ".", "../customers/cus_1", "in_1?expand[]=x", "in_1#", "in 1", "", "sub_1%2Fx")
    ):
        odd = changed(changed(template, ("id",), f"evt_path{number}"), ("data", "object", "id"), bad)
        assert deliver(rig, json.dumps(odd).encode()) in (200, 400)
    rig.live(12)
    assert rig.engine.loops.charging_stopped is None
    assert rig.case("ada").state is CaseState.RECOVERED
    strange = [each for each in rig.requests if {".", "..", ""} & set(each.path.split("/")[1:])]
    assert strange == []
    assert all(len(each.path.split("/")) <= 4 for each in rig.requests if each.method == "GET")
    assert {each.object_id for each in rig.pays()} == {rig.case("ada").invoice}
    truth.agree(rig)


def odd_answers(seed: int, share: float, about: Callable[[Request], bool]) -> Callable[[Request, int, str], str]:
    """Some of the good answers get one odd or missing value."""
    rng = random.Random(seed)

    def change(request: Request, status: int, body: str) -> str:
        if status != 200 or not about(request) or rng.random() >= share:
            return body
        answer = json.loads(body)
        return json.dumps(changed(answer, rng.choice(list(places(answer))), rng.choice((..., *ODD))))

    return change


@pytest.mark.parametrize("seed", range(6))
def test_answers_with_odd_values_charge_nothing_wrongly(seed: int):
    """For a week a third of Stripe's answers carry one odd value: every invariant of charging holds throughout."""
    names = ("ada", "ben", "cleo", "dan")
    rig = Rig({name: worlds.customer(renews_in_days=0.1 + at / 3, price="weekly") for at, name in enumerate(names)})
    for name, code in zip(names, ("insufficient_funds", "lost_card", "requires_action", "do_not_honor"), strict=True):
        rig.decline(name, code, times=3)
    judge = Judge(rig, spacing_hours=1, visa_per_30_days=100, per_minute=100)
    records = Records(rig)
    change = odd_answers(seed, 0.3, lambda request: True)
    rig.change_answer.append(change)

    def on_step(_: object) -> None:
        judge.step()
        records.step()

    rig.live(7, on_step=on_step)
    rig.change_answer.remove(change)
    rig.live(20, on_step=on_step)
    assert rig.engine.loops.charging_stopped is None
    for invoice, count in rig.world.ledger.successes_by_invoice().items():
        assert count == 1, invoice
    assert all(each.state is not CaseState.ATTEMPTING for each in rig.cases())


def test_fields_left_out_of_the_answer_to_pay():
    """Fields of a paid invoice's answer are left out one by one: one charge, and the attempt is settled by reading."""
    rig = Rig({"ada": worlds.customer(renews_in_days=0.1)})
    rig.decline("ada", "insufficient_funds", times=1)
    rig.live(10)
    answer = rig.pays()[0].answer
    assert answer is not None
    for name in ("id", "status", "livemode", "object", *list(answer)[::5]):
        again = Rig({"ada": worlds.customer(renews_in_days=0.1)})
        again.decline("ada", "insufficient_funds", times=1)
        again.change_answer.append(functools.partial(_without, name))
        again.live(10)
        assert again.case("ada").state is CaseState.RECOVERED, name
        assert len(again.pays()) == 1, name
        truth.agree(again)


def _without(name: str, request: Request, status: int, body: str) -> str:
    return json.dumps(changed(json.loads(body), (name,), ...)) if request.is_pay else body
