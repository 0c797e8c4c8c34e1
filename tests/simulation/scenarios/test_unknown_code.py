"""A code nobody knows: no attempt, no cancellation, a person is called; after four weeks closed with nothing done (A21)."""

from __future__ import annotations

import logging

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.decide import UNKNOWN_CODE_AFTER
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

CODES = {
    "a new code": {},
    "a new code of a network, too": {"network_decline_code": "Q7"},
    "a new reason, too": {"outcome_type": "issuer_declined", "outcome_reason": "a_reason_nobody_knows"},
}


def unknown(evidence: dict[str, str]) -> Rig:
    """Ada's renewal was refused with a code that stands in no table."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "a_code_nobody_knows", None, **evidence)
    steps.until(rig, lambda: bool(rig.cases()))
    return rig


@pytest.mark.parametrize("evidence", list(CODES.values()), ids=list(CODES))
def test_a_code_nobody_knows_leads_to_nothing_by_itself(evidence: dict[str, str], caplog: pytest.LogCaptureFixture):
    """NEEDS_REVIEW and one alarm; after four weeks CLOSED; in all that time no `pay`, no cancellation, no mark."""
    rig = unknown(evidence)
    rig.live(0.1)
    case = rig.case("ada")
    assert case.state is CaseState.NEEDS_REVIEW, steps.journal(rig)
    assert evidence.get("outcome_reason", "a_code_nobody_knows") in steps.journal(rig)
    told = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert [each.message for each in told] == ["a case needs review"]
    with rig.parts.store.reading() as view:
        assert view.cases.counts() == {(worlds.INTEGRATION, "needs_review"): 1}
    ends_at = case.due_at
    assert ends_at == max(case.last_declined_at or case.opened_at, case.opened_at).plus(UNKNOWN_CODE_AFTER)
    rig.run_until(ends_at.minus(Span.of(minutes=1)))
    assert rig.case("ada").state is CaseState.NEEDS_REVIEW
    rig.run_until(ends_at.plus(Span.of(minutes=10)))
    closed = rig.case("ada")
    assert (closed.state, closed.closed_because) == (CaseState.CLOSED, "never_reviewed"), steps.journal(rig)
    assert (rig.pays(), steps.cancellations(rig), rig.actions(closed)) == ([], 0, ())
    assert rig.subscription("ada")["status"] == "past_due"
    assert rig.invoices("ada")[-1]["status"] == "open"
    truth.agree(rig)


def test_what_was_paid_unheard_just_before_is_not_closed_as_unreviewed():
    """The end of the four weeks is no proof of anything: the invoice is read first, also where Stripe answers late (B4)."""
    rig = unknown({})
    rig.live(0.1)
    ends_at = rig.case("ada").due_at
    assert ends_at is not None
    rig.run_until(ends_at.minus(Span.of(minutes=30)))
    rig.post = lambda *_: 200  # a delivery that nobody takes in
    control.pay_elsewhere(rig.world, "ada", how="out_of_band")
    rig.transport.faults.add("503_html", method="GET", path="/v1/invoices/in_*", times=1)
    rig.run_until(ends_at.plus(Span.of(minutes=10)))
    assert rig.case("ada").state is CaseState.NEEDS_REVIEW, steps.journal(rig)
    rig.run_until(ends_at.plus(Span.of(hours=2)))
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    truth.agree(rig)


def test_a_new_card_makes_it_an_ordinary_case():
    """The customer puts in another card while a person is waited for: what the old card said no longer counts."""
    rig = unknown({})
    rig.live(3)
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


def test_a_code_nobody_knows_of_our_own_attempt_stops_there():
    """The second refusal is the unknown one: the attempts that were left are not made, and nobody is cancelled."""
    rig = steps.failing("insufficient_funds", 1)
    rig.decline("ada", "a_code_nobody_knows")
    steps.until_state(rig, CaseState.NEEDS_REVIEW)
    assert len(rig.pays()) == 1
    rig.live(20)
    assert (len(rig.pays()), steps.cancellations(rig)) == (1, 0)
    truth.agree(rig)
