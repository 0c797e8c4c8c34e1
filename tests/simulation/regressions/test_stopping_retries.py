"""Stripe's own retries of an invoice are to be stopped (A15), and something comes in between: no attempt before it reads so."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.fleet import Fleet
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig

INVOICE = "/v1/invoices/*"
SOON = 0.005
"""Days: longer than until the next look."""


def is_stop(request: Request) -> bool:
    """Whether it stops Stripe's own retries."""
    return ("auto_advance", "false") in request.params


def not_yet(silent: str = "POST", **manifest: Any) -> Rig:
    """Ada's case is open, and every call that would stop Stripe's retries, or every read of her invoice, fails."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest(**manifest))
    rig.decline("ada", "insufficient_funds", 1)
    rig.transport.faults.add("timeout_before", method="POST", path=INVOICE, times=1_000)
    steps.until(rig, lambda: bool(rig.cases()))
    assert rig.case("ada").state is CaseState.OPENED
    assert not rig.case("ada").stripe_retries_stopped
    rig.transport.faults.clear()
    rig.transport.faults.add("timeout_before", method=silent, path=INVOICE, times=1_000)
    return rig


def recovers(rig: Rig) -> None:
    """From here on all goes well: Stripe's retries are stopped, and only then our attempt is made."""
    rig.transport.faults.clear()
    rig.live(9)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    executed = [each for each in rig.requests if each.status == 200 and (is_stop(each) or each.is_pay)]
    assert is_stop(executed[0])
    assert len(rig.pays()) == 1
    truth.agree(rig)


def parked(rig: Rig, word: str) -> None:
    """The case stands still for this reason, with nothing planned and nothing sent."""
    rig.live(SOON)
    case = rig.case("ada")
    assert (case.state, case.closed_because) == (CaseState.PARKED, word), steps.journal(rig)
    assert not case.stripe_retries_stopped
    assert rig.attempts(case) == ()
    sent = len(rig.requests)
    rig.live(0.1)
    assert not [each for each in rig.requests[sent:] if each.method != "GET"]


@pytest.mark.parametrize("silent", ["GET", "POST"])
def test_until_it_is_answered_nothing_is_planned(silent: str):
    """No answer for hours: asked again every few minutes, nothing is planned; then the attempt follows."""
    rig = not_yet(silent)
    before = len(rig.requests)
    rig.live(2 / 24)
    assert 12 < sum(each.method == silent for each in rig.requests[before:]) < 48
    assert rig.attempts(rig.case("ada")) == ()
    recovers(rig)


def test_an_integration_that_was_removed_stops_nothing():
    """The manifest has its integration no more: nothing is written at Stripe for it; when it is back, all goes on."""
    rig = not_yet()
    configuration = rig.loaded.configuration
    assert configuration is not None
    none = dataclasses.replace(configuration, integrations={})
    rig.parts.state.publish(none, manifest_digest="without", at=rig.now, by="test")
    parked(rig, "integration_removed")
    rig.parts.state.publish(configuration, manifest_digest="with", at=rig.now, by="test")
    recovers(rig)


def test_keys_that_are_refused_park_it():
    """Both keys are revoked before the call: parked for that, not tried again and again; with valid keys it goes on (E8)."""
    rig = not_yet()
    for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
        rig.set_key(env, revoked=True)
    parked(rig, "key_refused")
    for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
        rig.set_key(env, revoked=False)
    recovers(rig)


def test_a_call_that_stripe_refuses_waits_for_a_person(caplog: pytest.LogCaptureFixture):
    """Stripe answers 400: nobody knows why, so the case is parked, told as an error, and no attempt is made."""
    rig = not_yet()
    rig.transport.faults.clear()
    refusal = {"error": {"type": "invalid_request_error", "message": "This property cannot be changed."}}

    def refuse(send: steps.Send, method: str, url: str) -> Callable[[], steps.Answer]:
        if method == "POST" and "/v1/invoices/" in url:
            return lambda: (json.dumps(refusal), 400, {"content-type": "application/json"})
        return send

    steps.between(rig, refuse)
    with caplog.at_level(logging.ERROR, logger="flexpay"):
        parked(rig, "operator")
    assert "a case is parked" in caplog.messages
    assert rig.pays() == []


def test_an_invoice_that_cannot_be_seen_is_not_written_to():
    """The invoice reads as missing: nothing is sent for it, and the case is parked until it can be seen (A17)."""
    rig = not_yet()
    hidden = [True]

    def hide(send: steps.Send, method: str, url: str) -> Callable[[], steps.Answer]:
        if hidden and method == "GET" and "/v1/invoices/" in url:
            return lambda: send("https://api.stripe.com/v1/invoices/in_NotHere")
        return send

    steps.between(rig, hide)
    sent = len(rig.requests)
    parked(rig, "gate")
    assert not [each for each in rig.requests[sent:] if each.method != "GET"]
    hidden.clear()
    recovers(rig)


def test_a_broken_invariant_in_one_case_stops_no_other(caplog: pytest.LogCaptureFixture):
    """Ada's case is odd in a way that nobody foresaw: told as critical; Bob's retries are stopped, and he is recovered."""
    rig = Rig({"ada": worlds.customer(), "bob": worlds.customer("pm_card_mastercard")})
    for name in ("ada", "bob"):
        rig.decline(name, "insufficient_funds", 1)
    odd = [True]

    def broken(request: Request) -> None:
        if odd and is_stop(request) and request.object_id == rig.invoices("ada")[-1]["id"]:
            raise BrokenInvariant("nobody foresaw this")

    rig.before_call.append(broken)
    with caplog.at_level(logging.CRITICAL, logger="flexpay"):
        rig.live(3.5)
    assert "invariant broken in one case" in caplog.messages
    assert rig.case("ada").state is CaseState.OPENED
    assert rig.attempts(rig.case("ada")) == ()
    assert rig.case("bob").state is CaseState.RECOVERED
    odd.clear()
    rig.live(9)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


@pytest.mark.parametrize("then", ["stopped", "unread", "refused"])
def test_what_was_decided_meanwhile_stands(then: str):
    """She pays while the call is on its way, and another daemon ends the case: whatever comes back, it stays ended.

    The call was executed and reads so, or cannot be read back, or the keys are refused from then on.
    """
    fleet = Fleet({"ada": worlds.customer()}, loaded=worlds.manifest(), daemons=2)
    fleet.decline("ada", "insufficient_funds")
    stood: list[int] = []

    def stand(request: Request) -> None:
        if stood or not is_stop(request) or fleet.acting is None:
            return
        stood.append(fleet.acting.number)
        control.pay_elsewhere(fleet.world, "ada")
        fleet.pause(Span.of(seconds=90))
        assert fleet.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(fleet)
        if then == "unread":
            fleet.transport.faults.add("timeout_before", method="GET", path=INVOICE)
        if then == "refused":
            for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
                fleet.set_key(env, revoked=True)

    fleet.before_call.append(stand)
    fleet.live(1.2)
    assert stood
    case = fleet.case("ada")
    assert (case.state, case.due_at) == (CaseState.RECOVERED_ELSEWHERE, None)
    *_, last = fleet.story(case)
    assert last.entry.text.startswith("Paid, but not by a retry of ours"), steps.journal(fleet)
