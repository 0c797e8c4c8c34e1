"""Deliveries gone wrong: scripted and seeded faults, disorder, and the words a scenario has for them."""

from __future__ import annotations

import json

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.protocol.delivery_faults import Kind
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, document, small_world

URL = "http://127.0.0.1:8787/webhooks"


class Case:
    """A world with one endpoint and one mailbox; `cause` makes one customer.created."""

    def __init__(self, status: int = 200) -> None:
        self.world = small_world(customers={})
        self.api = client(self.world)
        self.hook = self.api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["customer.created"]})
        self.box = Mailbox(self.world, status)

    def fault(self, kind: str, **fields) -> None:
        """Script one fault."""
        control_api.post(self.world, "delivery-fault", {"kind": kind, **fields})

    def cause(self, name: str = "eve") -> None:
        """Make an event and deliver what is due."""
        self.api.v1.customers.create({"name": name})
        self.world.advance_to(self.world.now)

    def bodies(self) -> list[dict]:
        """What arrived."""
        return [json.loads(body) for _, _, body in self.box.got]

    def names(self) -> list[str]:
        """The customers' names in the order of arrival."""
        return [body["data"]["object"]["name"] for body in self.bodies()]

    def verifies(self, number: int = 0) -> bool:
        """Whether the SDK accepts the delivery now, with its usual tolerance for old ones."""
        _, headers, body = self.box.got[number]
        line = headers["Stripe-Signature"]
        try:
            stripe.WebhookSignature.verify_header(body.decode(), line, self.hook.secret, tolerance=None)
        except stripe.SignatureVerificationError:
            return False
        return abs(int(line.split(",")[0][2:]) - self.world.now) <= 300


def test_a_lost_delivery_never_comes() -> None:
    """No try arrives, and Stripe's list still shows the event as undelivered."""
    case = Case()
    case.fault("lost", type="customer.*")
    case.cause("ada")
    case.cause("ben")
    case.world.advance_to(case.world.now + 3 * DAY)
    assert case.names() == ["ben"]
    assert [row.data.object.name for row in case.api.v1.events.list({"delivery_success": False}).data] == ["ada"]


def test_a_missed_try_is_made_good_by_the_schedule() -> None:
    """The first try does not arrive, the second, ten minutes later, does."""
    case = Case()
    case.fault("missed")
    case.cause()
    assert case.box.got == []
    case.world.advance_to(case.world.now + 600)
    assert case.names() == ["eve"]


def test_a_duplicate_has_the_same_id_and_a_twin_another() -> None:
    """The same event twice, and two events for one change; both are in the list of events as they came."""
    case = Case()
    case.fault("duplicated", seconds=HOUR)
    case.cause()
    case.world.advance_to(case.world.now + HOUR)
    assert len({body["id"] for body in case.bodies()}) == 1
    assert len(case.box.got) == 2
    assert case.api.v1.events.list({}).data[0].pending_webhooks == 0
    twin = Case()
    twin.fault("twin")
    twin.cause()
    one, other = twin.bodies()
    assert one["id"] != other["id"]
    assert one["data"] == other["data"]
    assert one["request"] == other["request"]
    assert len(twin.api.v1.events.list({"type": "customer.created"}).data) == 2


def test_a_delayed_delivery_comes_after_what_happened_later() -> None:
    """The older event arrives two hours after the younger one, signed with the time of its arrival."""
    case = Case()
    case.fault("delayed", seconds=2 * HOUR)
    case.cause("ada")
    case.cause("ben")
    case.world.advance_to(case.world.now + 2 * HOUR)
    assert case.names() == ["ben", "ada"]
    assert case.verifies(1)


def test_a_slow_answer_counts_as_a_failure() -> None:
    """The endpoint took the event and said 200, too late: the same event comes again."""
    case = Case()
    case.fault("slow")
    case.cause()
    assert case.api.v1.events.list({}).data[0].pending_webhooks == 1
    case.world.advance_to(case.world.now + 600)
    assert len(case.box.got) == 2
    assert case.api.v1.events.list({}).data[0].pending_webhooks == 0


@pytest.mark.parametrize("kind", ["bad_signature", "truncated", "stale", "future"])
def test_what_an_endpoint_must_refuse_comes_right_the_next_time(kind) -> None:
    """A forged, cut, old or future-dated delivery does not verify; the retry does."""
    case = Case(400)
    case.fault(kind)
    case.cause()
    assert not case.verifies()
    case.world.advance_to(case.world.now + 600)
    assert case.verifies(1)
    assert case.bodies()[1]["type"] == "customer.created" if kind != "truncated" else True


def test_bodies_of_other_times() -> None:
    """An old version, values nobody knows, and a type nobody knows, all with a good signature."""
    case = Case()
    for kind in ("wrong_version", "new_enum", "unknown_type"):
        case.fault(kind)
        case.cause()
    old, enum, unknown = case.bodies()
    assert old["api_version"] == "2024-06-20"
    assert enum["type"] == "customer.created"
    assert unknown["type"] == "customer.simulated_new_value"
    assert all(case.verifies(number) for number in range(3))


def test_an_invoice_of_an_old_version_and_one_with_new_words() -> None:
    """Before basil an invoice names its subscription itself; new words stand in every enumeration at its top."""
    world = small_world()
    client(world).v1.webhook_endpoints.create({"url": URL, "enabled_events": ["invoice.paid"]})
    box = Mailbox(world)
    for nth, kind in enumerate(("wrong_version", "new_enum"), start=1):
        control_api.post(world, "delivery-fault", {"kind": kind, "type": "invoice.paid", "nth": nth})
    world.advance_to(START + 31 * DAY)
    old, new = [json.loads(body)["data"]["object"] for _, _, body in box.got[:2]]
    assert old["subscription"].startswith("sub_")
    assert "parent" not in old
    assert old["paid"] is True
    assert {new["status"], new["billing_reason"], new["collection_method"]} == {"simulated_new_value"}


def test_the_script_counts_matching_deliveries() -> None:
    """Both nth and times count from one among the deliveries that match type and endpoint; clear forgets."""
    case = Case()
    case.fault("lost", endpoint=case.hook.id, nth=2, times=2)
    case.fault("lost", endpoint="http://127.0.0.1:1/*")
    case.fault("lost", type="invoice.*")
    for name in ("a", "b", "c", "d"):
        case.cause(name)
    assert case.names() == ["a", "d"]
    case.fault("lost", times=99)
    case.fault("disorder")
    case.fault("clear")
    case.cause("e")
    assert case.names() == ["a", "d", "e"]
    assert case.world.sim.outbox.disorder is None


@pytest.mark.parametrize("fields", [{"kind": "eaten"}, {"kind": "lost", "nth": 0}, {"kind": "lost", "seconds": -1}])
def test_unknown_faults_are_refused(fields) -> None:
    """The control request says what is wrong."""
    with pytest.raises(ControlError):
        control_api.post(small_world(), "delivery-fault", fields)


def _story(**faults) -> list[tuple[str, int]]:
    world = build_world({**document(), "delivery_faults": faults})
    client(world).v1.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})
    arrived: list[tuple[str, int]] = []

    def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
        arrived.append((body.decode().split('"', 4)[3], world.now))
        return 200

    world.deliver = deliver
    world.advance_to(START + 45 * DAY)
    return arrived


def test_disorder_shuffles_one_instant_and_nothing_else() -> None:
    """The same deliveries at the same instants in another order, the same again for the same seed."""
    plain, shuffled = _story(), _story(disorder=True)
    assert plain != shuffled
    assert sorted(plain) == sorted(shuffled)
    assert [at for _, at in plain] == [at for _, at in shuffled]
    assert shuffled == _story(disorder=True)
    assert shuffled != _story(disorder=True, seed=99)


def test_rates_are_drawn_from_the_seed() -> None:
    """Equal seeds lose, double and delay the same deliveries; rates of nought change nothing."""
    rates = {"lost": 0.2, "duplicated": 0.2, "delayed": 0.3, "twin": 0.1}
    once, again = _story(rates=rates, delay_seconds=7200), _story(rates=rates, delay_seconds=7200)
    assert once == again
    assert once != _story(rates=rates, delay_seconds=7200, seed=8)
    plain = _story()
    assert plain == _story(rates={"lost": 0})
    assert {id_ for id_, _ in plain} - {id_ for id_, _ in once}
    assert len({id_ for id_, _ in once}) < len(once)
    assert _story(rates={"lost": 1}) == []


def test_scenarios_name_faults_and_their_mistakes() -> None:
    """A script in the scenario works as one in the control interface; each mistake names its path."""
    ids = [id_ for id_, _ in _story(script=[{"kind": "lost", "type": "invoice.paid", "times": 9}])]
    assert 0 < len(ids) < len(_story())
    for wrong, path in (
        ({"rates": {"eaten": 0.1}}, "delivery_faults.rates"),
        ({"rates": {"lost": 0.8, "twin": 0.3}}, "delivery_faults.rates"),
        ({"rates": {"lost": True}}, "delivery_faults.rates"),
        ({"script": [{"kind": "eaten"}]}, "delivery_faults.script[0]"),
        ({"script": [{"type": "x"}]}, "delivery_faults.script[0].kind"),
        ({"delay_seconds": 0}, "delivery_faults.delay_seconds"),
        ({"order": 1}, "delivery_faults.order"),
    ):
        with pytest.raises(ScenarioError) as caught:
            _story(**wrong)
        assert caught.value.path == path


def test_every_kind_of_fault_can_be_drawn() -> None:
    """Each kind at a rate of one does something to a world, and none makes it fall over."""
    for kind in Kind:
        _story(rates={kind.value: 1}, delay_seconds=60)
