"""The delay before a cancellation (G15, C3): kept to the hour, from both anchors, and taken back when the money comes."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

HOUR = Span.of(hours=1)


def lost(**manifest: object) -> Rig:
    """Ada's card is lost; recovery is over and the delay of three days runs."""
    rig = steps.failing("lost_card", None, delay_days=3, **manifest)
    steps.until_state(rig, CaseState.FINISHING, days=1)
    return rig


def cancelled_at(rig: Rig) -> Instant:
    """When Stripe says the subscription ended."""
    return Instant.from_seconds(rig.subscription("ada")["ended_at"])


@pytest.mark.parametrize("anchor", ["hard_decline", "invoice_creation"])
def test_the_delay_is_kept_from_both_anchors(anchor: str):
    """Three days after the decline, or after the invoice was made: not before, and within the hour after."""
    rig = lost(delay_from=anchor)
    case = rig.case("ada")
    start = case.last_declined_at if anchor == "hard_decline" else case.invoice_created_at
    assert start is not None
    due = start.plus(Span.of(days=3))
    rig.run_until(due.minus(Span.of(seconds=1)))
    assert rig.subscription("ada")["status"] != "canceled"
    rig.live(1)
    assert due <= cancelled_at(rig) <= due.plus(HOUR)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_both_anchors_differ_by_the_age_of_the_invoice():
    """The invoice was made an hour before it was declined, so its delay ends an hour earlier."""
    ends = []
    for anchor in ("hard_decline", "invoice_creation"):
        rig = lost(delay_from=anchor)
        rig.live(4)
        ends.append(cancelled_at(rig))
    assert ends[0].since(ends[1]) >= Span.of(minutes=55)


def test_money_during_the_delay_takes_the_cancellation_back():
    """The customer pays by another way before the three days are over: nobody is cancelled, nothing is written off."""
    rig = lost()
    rig.live(1)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(5)
    assert rig.subscription("ada")["status"] == "active"
    assert rig.invoices("ada")[-1]["status"] == "paid"
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_a_new_card_during_the_delay_opens_it_again():
    """A new default card before the three days are over: it is tried, and nobody is cancelled."""
    rig = lost()
    rig.live(1)
    control.replace_card(rig.world, "ada", "pm_card_mastercard")
    rig.live(6)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_a_daemon_that_was_down_when_the_delay_ended_cancels_late_and_once():
    """Down from the second day to the sixth: cancelled when it is back, exactly once."""
    rig = lost()
    rig.live(1)
    steps.down(rig, Span.of(days=4))
    rig.live(1)
    assert rig.subscription("ada")["status"] == "canceled"
    assert steps.cancellations(rig) == 1
    truth.agree(rig)


def test_money_that_came_while_we_were_down_is_seen_before_the_cancellation():
    """Paid while nobody listened and after the delay had ended: the read before the act keeps the customer."""
    rig = lost()
    rig.listening = False
    control.pay_elsewhere(rig.world, "ada")
    steps.down(rig, Span.of(days=4))
    rig.live(1)
    assert rig.subscription("ada")["status"] == "active"
    assert steps.cancellations(rig) == 0
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
