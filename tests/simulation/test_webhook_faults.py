"""Webhooks that never come, come twice, come in another order, or come from somebody else."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable

import pytest

from flexpay_reconcile.daemon.listener import STATUS
from flexpay_reconcile.operations.receive_event import Received
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.protocol.webhooks import signature
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.rig import Rig

ANSWERS = {
    "ada": ("insufficient_funds", 1),
    "ben": ("lost_card", None),
    "cleo": ("requires_action", None),
    "dan": ("expired_card", None),
    "eve": ("never_heard_of", None),
}
Post = tuple[str, dict[str, str], bytes]


def book() -> Rig:
    """Five customers whose renewals fail in five ways."""
    rig = Rig({name: worlds.customer(renews_in_days=0.5 + number / 10) for number, name in enumerate(ANSWERS)})
    for name, (code, times) in ANSWERS.items():
        rig.decline(name, code, times)
    return rig


def ends(rig: Rig) -> dict[str, tuple[CaseState, str | None, int]]:
    """Where each customer's case ended."""
    return {name: (c.state, c.closed_because, c.attempts_used) for name in ANSWERS for c in [rig.case(name)]}


def test_without_any_webhook_every_failed_invoice_is_found():
    """100 % of deliveries are lost: the sweep finds every failed invoice within six hours, and all end alike (D6)."""
    heard = book()
    heard.live(14)
    deaf = book()
    deaf.post = lambda url, headers, body: 503
    deaf.live(1.3)
    assert len(deaf.cases()) == len(ANSWERS)
    deaf.live(12.7)
    assert ends(deaf) == ends(heard)
    with deaf.parts.store.reading() as view:
        assert view.inbox.counts() == {}
    truth.agree(deaf)


def test_every_delivery_twice():
    """Each event is delivered twice: stored once, and the end is the same (D3)."""
    once = book()
    once.live(14)
    twice = book()
    answers = []

    def post(url, headers, body):
        answers.append((twice.deliver(url, headers, body), twice.deliver(url, headers, body)))
        return 200

    twice.post = post
    twice.live(14)
    assert set(answers) == {(200, 200)}
    assert ends(twice) == ends(once)
    with twice.parts.store.reading() as view:
        assert view.inbox.counts() == {"done": len(answers)}
    truth.agree(twice)


class Held:
    """Deliveries taken from Stripe and handed over later, freshly signed as Stripe's own repetition would be."""

    def __init__(self, rig: Rig, *, also_now: bool = False) -> None:
        """From now on; with `also_now` the listener gets them at once, too."""
        self.rig = rig
        self.posts: list[Post] = []
        self._also_now = also_now
        rig.post = self._take

    def _take(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.posts.append((url, headers, body))
        return self.rig.deliver(url, headers, body) if self._also_now else 200

    def hand_over(self, posts: list[Post]) -> None:
        """Deliver these now."""
        (account,) = self.rig.world.sim.accounts.values()
        (secret,) = account.secrets.values()
        for url, headers, body in posts:
            signed = signature(secret, body, self.rig.world.now)
            assert self.rig.deliver(url, {**headers, "Stripe-Signature": signed}, body) == 200


def in_order(rig: Rig, arrange: Callable[[list[Post]], list[Post]], hold_hours: int) -> None:
    """Hold deliveries back and hand them over a few hours later in another order."""
    held = Held(rig)
    for _ in range(14 * 24 // hold_hours):
        rig.live(hold_hours / 24)
        batch, held.posts = arrange(held.posts), []
        held.hand_over(batch)
    rig.live(1)


@pytest.mark.parametrize(
    "arrange",
    [
        list,
        lambda held: held[::-1],
        lambda held: random.Random(7).sample(held, len(held)),
        lambda held: random.Random(8).sample(held, len(held)) + held[: len(held) // 2],
    ],
    ids=["late", "backwards", "shuffled", "shuffled and half of them again"],
)
def test_any_order_ends_in_the_same_state(arrange):
    """Late, reversed, shuffled and repeated deliveries end in the same states, with one charge an invoice (D1)."""
    prompt = book()
    prompt.live(15)
    rig = book()
    in_order(rig, arrange, hold_hours=4)
    assert {name: end[0] for name, end in ends(rig).items()} == {name: end[0] for name, end in ends(prompt).items()}
    truth.agree(rig)


def test_all_orders_of_the_events_of_one_failed_renewal():
    """Every permutation of the four events about one failed renewal opens the same case (D1)."""
    seen, types = set(), set()
    for order in itertools.permutations(range(4)):
        rig = Rig({"ada": worlds.customer(renews_in_days=0.05)})
        rig.decline("ada", "insufficient_funds", times=1)
        held = Held(rig)
        rig.live(0.1)
        assert rig.cases() == []
        last = held.posts[-4:]
        types.add(tuple(json.loads(body)["type"] for _, _, body in last))
        held.hand_over([last[place] for place in order])
        rig.live(0.001)
        case = rig.case("ada")
        seen.add((case.state, case.decline_kind, case.decline_reason, case.next_attempt_at, case.amount))
    assert len(seen) == 1
    (names,) = types
    assert {"charge.failed", "invoice.payment_failed"} <= set(names)


def forged(rig: Rig, change: Callable[[dict], None], *, key: str | None = None, late: int = 0) -> int:
    """Take a genuine event, change it, sign it, deliver it; the listener's status."""
    (account,) = rig.world.sim.accounts.values()
    (secret,) = account.secrets.values()
    body = {
        "id": "evt_forged1",
        "object": "event",
        "type": "invoice.payment_failed",
        "created": rig.world.now,
        "livemode": False,
        "api_version": "2026-06-24.dahlia",
        "data": {"object": {"id": "in_forged1", "object": "invoice"}},
        "request": {"id": None, "idempotency_key": None},
    }
    change(body)
    raw = json.dumps(body).encode()
    header = signature(key or secret, raw, rig.world.now - late)
    return rig.deliver("http://127.0.0.1:8787/webhooks/stripe/sim-co", {"Stripe-Signature": header}, raw)


def test_strangers_are_refused_and_change_nothing():
    """A wrong secret, an old signature, another mode or another account: refused with its own status, nothing stored."""
    rig = Rig({"ada": worlds.customer()})
    statuses = {
        "genuine": forged(rig, lambda body: None),
        "wrong secret": forged(rig, lambda body: None, key="whsec_" + "x" * 32),
        "an hour old": forged(rig, lambda body: None, late=3600),
        "live mode": forged(rig, lambda body: body.update(id="evt_2", livemode=True)),
        "another account": forged(rig, lambda body: body.update(id="evt_3", account="acct_1Other")),
        "nowhere": rig.deliver("http://127.0.0.1:8787/webhooks/stripe/nobody", {}, b"{}"),
    }
    assert statuses == {
        "genuine": STATUS[Received.STORED],
        "wrong secret": STATUS[Received.BAD_SIGNATURE],
        "an hour old": STATUS[Received.BAD_SIGNATURE],
        "live mode": STATUS[Received.WRONG_SCOPE],
        "another account": STATUS[Received.WRONG_SCOPE],
        "nowhere": STATUS[Received.UNKNOWN_ENDPOINT],
    }
    with rig.parts.store.reading() as view:
        assert sum(view.inbox.counts().values()) == 1


def test_a_disabled_integration_answers_410_and_runs_its_open_cases_on():
    """Disabled: deliveries get 410, no new case from event or sweep, and what is open runs on to its end (E7)."""
    rig = Rig({"ada": worlds.customer(), "ben": worlds.customer(renews_in_days=4)})
    rig.decline("ada", "insufficient_funds", times=1)
    rig.decline("ben", "insufficient_funds", times=1)
    rig.live(2)
    assert rig.case("ada").state is CaseState.SCHEDULED
    arm.apply(rig, worlds.manifest(status="disabled"))
    assert forged(rig, lambda body: None) == STATUS[Received.DISABLED] == 410
    rig.live(8)
    assert rig.case("ada").state is CaseState.RECOVERED
    assert [each.customer for each in rig.cases()] == [rig.customer_id("ada")]
    truth.agree(rig)


def test_enabled_again_what_failed_meanwhile_is_found():
    """Events of the time in which the endpoint was disabled are never sent again: the sweep takes them up."""
    rig = Rig({"ben": worlds.customer(renews_in_days=2)})
    rig.decline("ben", "insufficient_funds", times=1)
    arm.apply(rig, worlds.manifest(status="disabled"))
    rig.live(4)
    assert rig.cases() == []
    arm.apply(rig, worlds.manifest())
    rig.live(9)
    assert rig.case("ben").state is CaseState.RECOVERED
    truth.agree(rig)


def test_a_late_event_cannot_reopen_an_ended_case():
    """A final state absorbs: events of the first failure, delivered after the end, change nothing but the books (C7)."""
    rig = Rig({"ben": worlds.customer()})
    rig.decline("ben", "lost_card")
    held = Held(rig, also_now=True)
    rig.live(3)
    before = rig.case("ben")
    assert before.state is CaseState.HARD_DECLINED
    rig.rest(Span.of(hours=1))
    renamed = [(url, headers, body.replace(b'"id":"evt_', b'"id":"evt_0')) for url, headers, body in held.posts]
    assert renamed != held.posts
    held.hand_over(renamed)
    rig.live(1)
    assert rig.case("ben") == before
    truth.agree(rig)


def test_paid_after_the_end_is_for_the_books_only():
    """A written-off invoice that is paid later becomes RECOVERED_ELSEWHERE and nothing is undone (C7)."""
    rig = Rig({"ben": worlds.customer()})
    rig.decline("ben", "lost_card")
    rig.live(3)
    case = rig.case("ben")
    assert case.state is CaseState.HARD_DECLINED
    account, _ = control.customer_of(rig.world, "ben")
    invoice = account.get("invoice", case.invoice)
    invoice["status"] = "open"  # as the Dashboard may: an uncollectible invoice can still be paid
    control.pay_elsewhere(rig.world, "ben", how="out_of_band")
    rig.live(1)
    assert rig.case("ben").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.subscription("ben")["status"] == "canceled"
