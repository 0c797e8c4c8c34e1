"""Faults of `pay` and of the keys, one by one: what goes again, with which key, and what never does."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from tests.simulation import truth, worlds
from tests.simulation.rig import Crash, Request, Rig


def failing(times: int = 1) -> Rig:
    """Ada's renewal is declined so many times; the first try of ours is planned."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=times)
    rig.live(1.5)
    return rig


def fault(rig: Rig, kind: str, times: int = 1) -> None:
    """The next so many calls of `pay` meet this fault."""
    rig.transport.faults.add(kind, method="POST", path="/v1/invoices/*/pay", times=times)


def secrets(rig: Rig) -> list[str]:
    """Which key each `pay` went through."""
    names = {secret: env for env, secret in rig.environ.items()}
    return [names[each.secret] for each in rig.pays()]


@pytest.mark.parametrize("kind", ["timeout_before", "lost_answer", "refused", "429_lock", "409"])
def test_a_fault_of_one_pay_is_settled_with_the_same_key(kind: str):
    """No answer, a lock or a key in flight: same idempotency key, same parameters, same API key; one charge (A4, B6, B7)."""
    rig = failing()
    fault(rig, kind)
    rig.live(9)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED
    assert len(rig.successes(case.invoice)) == 1
    assert len({(each.key, each.params) for each in rig.pays()}) == 1
    assert set(secrets(rig)) == {"SIM_PRIMARY"}
    assert len(rig.pays()) == (1 if kind == "lost_answer" else 2)
    assert case.attempts_used == 1
    truth.agree(rig)


def test_a_limiter_429_goes_through_the_fallback_key():
    """The rate limiter's 429 on the primary key: the fallback key at once, same idempotency key and parameters (E10)."""
    rig = failing()
    fault(rig, "429")
    rig.live(9)
    assert secrets(rig) == ["SIM_PRIMARY", "SIM_FALLBACK"]
    first, second = rig.pays()
    assert (first.key, first.params, first.at) == (second.key, second.params, second.at)
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


def test_limited_on_both_keys_waits_and_uses_up_nothing():
    """Both keys limited: NOT_SUBMITTED, the same key goes again later, and no attempt is used up."""
    rig = failing()
    fault(rig, "429", times=6)
    rig.live(9)
    assert len({each.key for each in rig.pays()}) == 1
    assert len(rig.pays()) == 7
    assert rig.case("ada").attempts_used == 1
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


@pytest.mark.parametrize("kind", ["timeout_before", "500", "429_lock", "409", "refused"])
def test_nothing_but_the_limiter_leads_to_the_fallback_key(kind: str):
    """Timeouts, 5xx, locks, conflicts and refused connections never reach the fallback key (E10)."""
    rig = failing()
    fault(rig, kind, times=3)
    rig.live(9)
    assert "SIM_FALLBACK" not in secrets(rig)
    truth.agree(rig)


def test_a_saved_500_is_no_decline_and_does_not_block_for_a_day():
    """Stripe saved a 500 under our key: a replay would only bring it back, so it is settled by reading (B5, B2)."""
    rig = failing()
    fault(rig, "500")
    rig.live(9)
    case = rig.case("ada")
    first, second = rig.attempts(case)
    assert first.state is AttemptState.NOT_SUBMITTED
    assert second.state is AttemptState.APPROVED
    assert case.state is CaseState.RECOVERED
    assert case.attempts_used == 1
    assert first.finished_at is not None
    assert first.first_sent_at is not None
    assert first.finished_at.since(first.first_sent_at).seconds <= 20 * 60
    assert [each.key for each in rig.pays()].count(first.idempotency_key) == 1
    truth.agree(rig)


def test_a_key_that_went_with_other_parameters_is_never_followed_by_a_fresh_one():
    """`idempotency_error`: read only, alarmed, then parked for a person; no second key is made by itself (A4)."""
    rig = failing()
    (planned,) = rig.attempts(rig.case("ada"))
    other = SimulatorTransport(rig.world)
    secret = rig.environ["SIM_PRIMARY"]
    name = rig.case("ada").invoice
    with_another = {"Authorization": f"Bearer {secret}", "Idempotency-Key": planned.idempotency_key}
    address = f"https://api.stripe.com/v1/invoices/{name}"

    def use_the_key(request: Request) -> None:
        if request.is_pay and len(rig.pays()) == 1:
            other.request("post", address, with_another, "metadata[a]=b")

    rig.before_call.append(use_the_key)
    rig.live(12)
    case = rig.case("ada")
    assert [each.key for each in rig.pays()] == [planned.idempotency_key]
    assert (case.state, case.closed_because) == (CaseState.PARKED, "odd_answer")
    assert len(rig.charges(case.invoice)) == 1


def test_an_answer_cut_in_half_is_asked_about():
    """The answer of an executed `pay` cannot be parsed: unknown is not failed, and the read finds the charge."""
    rig = failing()
    left = [True]

    def cut(request, status, body):
        if request.is_pay and left[0]:
            left[0] = False
            return body[: len(body) // 3]
        return body

    rig.change_answer.append(cut)
    rig.live(9)
    assert rig.case("ada").state is CaseState.RECOVERED
    assert len(rig.pays()) == 1
    truth.agree(rig)


READS_ONLY = frozenset(
    f"rak_{each}_read" for each in ("charge", "customer", "payment_intent", "invoice", "subscription")
)


@pytest.mark.parametrize(
    "change",
    [{"revoked": True}, {"permissions": frozenset({"rak_customer_read"})}, {"permissions": READS_ONLY}],
    ids=["401", "403", "403 of what writes alone"],
)
def test_a_lost_key_parks_and_heals_without_a_burst(change: dict):
    """The key goes mid-run: parked within one call, nothing consumed; when it is back, each case goes on, spaced."""
    names = [f"c{number}" for number in range(6)]
    rig = Rig({name: worlds.customer() for name in names}, loaded=worlds.manifest(window_days=20))
    for name in names:
        rig.decline(name, "insufficient_funds", times=1)
    rig.live(1.5)
    good = {env: rig.world.sim.keys[secret] for env, secret in rig.environ.items()}
    for env in rig.environ:
        rig.set_key(env, **change)
    before = len(rig.requests)
    rig.live(8)
    assert rig.charges()[len(names) :] == []
    assert {each.state for each in rig.cases()} == {CaseState.PARKED}
    assert all(each.attempts_used == 0 for each in rig.cases())
    refused = [each for each in rig.requests[before:] if each.status in (401, 403)]
    assert len(refused) < 400, "a refused key must not be knocked at without end"
    assert len(rig.requests) - before < 100 * len(names), "parked cases are looked at now and then"
    for key in good.values():
        rig.world.sim.keys[key.secret] = key
    rig.live(12)
    assert {each.state for each in rig.cases()} == {CaseState.RECOVERED}
    moments = sorted(each.at for each in rig.pays() if each.status == 200)
    assert len(moments) == len(names)
    truth.agree(rig)


def test_stripe_out_of_reach_for_two_days_is_asked_patiently():
    """Nothing answers for two days: loops wait between their tries, and recovery goes on after it (F4)."""
    rig = failing()

    def away(request):
        raise stripe.APIConnectionError("away") from ConnectionRefusedError()

    rig.before_call.append(away)
    before = len(rig.requests)
    rig.live(2)
    assert len(rig.requests) - before < 2000, "an outage must not be knocked at without end"
    rig.before_call.remove(away)
    rig.live(8)
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


def test_a_crash_during_the_fallback_call_replays_through_the_fallback_key():
    """Primary limited, fallback sent, process dies: the replay goes through the fallback key again (B7)."""
    rig = failing()
    fault(rig, "429")

    def die(request: Request) -> None:
        if request.is_pay and len(rig.pays()) == 2:
            raise Crash

    rig.before_call.append(die)
    rig.live(9)
    assert rig.crashes == 1
    assert secrets(rig) == ["SIM_PRIMARY", "SIM_FALLBACK", "SIM_FALLBACK"]
    assert len({each.key for each in rig.pays()}) == 1
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


def test_a_refused_replay_says_nothing_of_the_call_before_it():
    """No answer, then a limited replay on the same key: still unknown, no other API key, no second idempotency key (B7)."""
    rig = failing()
    fault(rig, "timeout_before")
    fault(rig, "429", times=3)
    rig.live(9)
    assert set(secrets(rig)) == {"SIM_PRIMARY"}
    assert len({each.key for each in rig.pays()}) == 1
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


def test_a_refusal_whose_charge_cannot_be_read_is_not_judged_on_half_the_evidence():
    """The error says fraudulent, the charge that a Radar rule blocked it: nobody is cancelled on the error alone (A21)."""
    rig = failing()
    rig.decline("ada", "fraudulent", outcome_type="blocked", outcome_reason="rule")

    def away(request: Request) -> None:
        if rig.pays() and rig.now.seconds - rig.pays()[0].at < 3600 and request.method == "GET":
            raise stripe.APIConnectionError("away") from TimeoutError()

    rig.before_call.append(away)
    rig.live(9)
    case = rig.case("ada")
    assert (case.state, case.decline_kind) == (CaseState.PARKED, DeclineKind.OPERATOR)
    assert case.attempts_used == 1
    assert rig.subscription("ada")["status"] != "canceled"
    assert len(rig.pays()) == 1
