"""Smart Retries were left on in the account: no invoice is charged by two engines (A15)."""

from __future__ import annotations

import logging

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control, control_api
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def left_on(*, stop: str, retries: str = "smart", code: str = "insufficient_funds") -> Rig:
    """Ada's renewal fails in an account whose own retries are on."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest(stop=stop))
    rules = {"rules": "1,2,3"} if retries != "smart" else {}
    control_api.post(rig.world, "billing", {"retries": retries} | rules)
    rig.decline("ada", code)
    steps.until(rig, lambda: bool(rig.cases()))
    return rig


def engines(rig: Rig) -> list[str]:
    """Who charged the invoice after its first decline, oldest first: `ours` or Stripe's own word."""
    ours = {each.idempotency_key for each in rig.attempts(rig.case("ada"))}
    rows = rig.charges(rig.case("ada").invoice)[1:]
    return ["ours" if row["idempotency_key"] in ours else str(row["source"]) for row in rows]


@pytest.mark.parametrize("retries", ["smart", "custom", "automation"])
def test_per_invoice_stripe_is_stopped_and_only_we_try(retries: str):
    """`per_invoice`: auto_advance is false before our first attempt, and every later charge of the invoice is ours."""
    rig = left_on(stop="per_invoice", retries=retries)
    rig.live(30)
    assert set(engines(rig)) == {"ours"}, steps.journal(rig)
    stops = [each for each in rig.requests if ("auto_advance", "false") in each.params]
    assert rig.requests.index(stops[0]) < rig.requests.index(rig.pays()[0])
    assert rig.case("ada").state is CaseState.EXHAUSTED
    truth.agree(rig)


@pytest.mark.parametrize("retries", ["smart", "custom"])
def test_with_no_the_case_is_parked_and_stripe_alone_tries(retries: str, caplog: pytest.LogCaptureFixture):
    """`no`: while Stripe plans a retry of its own nothing of ours is sent; parked, alarmed, and Stripe's success is Stripe's."""
    rig = left_on(stop="no", retries=retries)
    rig.live(0.1)
    parked = rig.case("ada")
    assert (parked.state, parked.closed_because) == (CaseState.PARKED, "foreign_retries"), steps.journal(rig)
    assert [each.message for each in caplog.records if each.levelno >= logging.ERROR] == ["a case is parked"]
    rig.live(4)
    control.approve(rig.world, "ada")
    rig.live(14)
    assert rig.pays() == []
    assert steps.cancellations(rig) == 0
    assert "ours" not in engines(rig)
    assert len(engines(rig)) >= 1, "Stripe did retry"
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    truth.agree(rig)


def test_with_no_we_go_on_only_when_stripe_has_given_up():
    """`no`: Stripe's own tries end unpaid; from then on, and not before, ours are made: never two engines at a time."""
    rig = left_on(stop="no", retries="custom")
    rig.live(25)
    who = engines(rig)
    first = who.index("ours") if "ours" in who else len(who)
    assert who[:first], "Stripe did retry"
    assert set(who[first:]) <= {"ours"}, who
    truth.agree(rig)


def test_switched_on_again_by_hand_in_the_middle_is_stopped_again_or_parked():
    """Somebody sets auto_advance back on one of our invoices: stopped again before our next attempt, or parked."""
    rig = left_on(stop="per_invoice")
    steps.until(rig, lambda: bool(rig.pays()))
    invoice = rig.case("ada").invoice
    control.set_field(rig.world, invoice, "auto_advance", True)
    before = len(rig.requests)
    rig.live(20)
    later = rig.requests[before:]
    pays = [at for at, each in enumerate(later) if each.is_pay]
    stops = [at for at, each in enumerate(later) if ("auto_advance", "false") in each.params]
    assert not pays or (stops and stops[0] < pays[0]), steps.journal(rig)
    assert set(engines(rig)) == {"ours"}
    truth.agree(rig)


def test_what_stripe_was_told_while_we_were_parked_is_not_forgotten():
    """`no`: Stripe's own retries end at a code nobody knows. No attempt, no cancellation; each refusal noted once (A21)."""
    rig = left_on(stop="no", retries="custom")
    rig.live(0.1)
    assert rig.case("ada").state is CaseState.PARKED
    rig.decline("ada", "a_code_nobody_knows")
    rig.live(25)
    case = rig.case("ada")
    assert len(engines(rig)) >= 1, "Stripe did retry"
    assert case.decline_reason == "unknown:a_code_nobody_knows"
    assert case.state is CaseState.NEEDS_REVIEW, steps.journal(rig)
    assert (rig.pays(), steps.cancellations(rig)) == ([], 0)
    noted = [line for line in steps.journal(rig).splitlines() if "was declined on" in line]
    assert len(noted) == len(set(noted)), noted
    truth.agree(rig)
