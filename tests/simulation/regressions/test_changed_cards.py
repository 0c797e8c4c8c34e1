"""A customer who has put in another card is charged on it before anybody cancels them, however we came to know."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig


def recovered_on(rig: Rig, card: str) -> None:
    """Ada's invoice was paid by us, once, on this card, and nobody was cancelled."""
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    (charge,) = rig.successes(case.invoice)
    assert charge["payment_method"] == card
    assert rig.subscription("ada")["status"] == "active"
    truth.agree(rig)


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "expired_card", "insufficient_funds"])
def test_a_card_replaced_before_the_first_event_arrived(code: str):
    """The renewal failed and the card was replaced while we heard nothing: the case opens on the new card."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", code)
    rig.listening = False
    steps.until(rig, lambda: any(row["status"] == "failed" for row in rig.charges()))
    card = control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(0.2)
    rig.listening = True
    rig.live(3)
    recovered_on(rig, card)
    assert len(rig.pays()) == 1


def test_a_card_replaced_while_the_attempt_is_unresolved():
    """The old card is called stolen by an answer that was lost, and the new one is there: it is tried, not cancelled."""
    rig = steps.failing()
    rig.decline("ada", "stolen_card")
    rig.transport.faults.add("lost_answer", method="POST", path=steps.PAY)
    steps.deaf(rig)
    cards: list[str] = []

    def hook(request: Request) -> None:
        if not cards and any(each.is_pay for each in rig.requests[:-1]):
            cards.append(control.replace_card(rig.world, "ada", "tok_mastercard"))

    rig.before_call.append(hook)
    rig.live(6)
    assert steps.states(rig)[0] is AttemptState.DECLINED
    recovered_on(rig, cards[0])
    assert steps.cancellations(rig) == 0


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_card_replaced_while_the_attempt_was_declined(heard: bool):
    """The card is replaced in the instant of the last decline: it is read before the cancellation, and tried."""
    rig = steps.failing(times=None, attempts=1)
    if not heard:
        steps.deaf(rig)
    cards: list[str] = []

    def hook(request: Request) -> None:
        if request.is_pay and not cards:
            cards.append(control.replace_card(rig.world, "ada", "tok_mastercard"))

    rig.after_call.append(hook)
    rig.live(10)
    recovered_on(rig, cards[0])
    assert steps.cancellations(rig) == 0


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_card_replaced_while_the_cancellation_is_refused(heard: bool):
    """Stripe refuses our cancellation for hours and the customer puts in a new card: it is tried, and they stay."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="DELETE", path=steps.CANCEL, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    rig.live(0.1)
    if not heard:
        steps.deaf(rig)
    card = control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(0.1)
    rig.transport.faults.clear()
    rig.live(3)
    recovered_on(rig, card)
    assert {each.state for each in rig.actions(rig.case("ada"))} == {ActionState.SKIPPED}


@pytest.mark.parametrize("code", ["expired_card", "requires_action"])
def test_a_card_whose_event_was_lost_is_found_by_the_sweep(code: str):
    """We wait for the customer; the event of their new card never comes: it is found within hours, and charged."""
    rig = steps.failing(code, times=None)
    steps.until_state(rig, CaseState.WAITING_FOR_CUSTOMER)
    steps.deaf(rig)
    card = control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(1.5)
    recovered_on(rig, card)
    assert steps.cancellations(rig) == 0


def test_a_card_replaced_while_we_were_down_beyond_the_window():
    """The new card came while nobody worked and the window ended meanwhile: it is tried before the cancellation."""
    rig = steps.failing("expired_card", times=None)
    steps.until_state(rig, CaseState.WAITING_FOR_CUSTOMER)
    card = control.replace_card(rig.world, "ada", "tok_mastercard")
    steps.down(rig, Span.of(days=12))
    rig.live(2)
    recovered_on(rig, card)


def test_a_card_that_comes_after_the_last_read_is_not_charged_for_what_was_cancelled():
    """A card put in after our last read comes too late for this subscription: cancelled once, and never charged."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "lost_card")
    done: list[str] = []

    def hook(request: Request) -> None:
        if request.method == "DELETE" and not done:
            done.append(control.replace_card(rig.world, "ada", "tok_mastercard"))

    rig.before_call.append(hook)
    rig.live(5)
    case = rig.case("ada")
    assert len(done) == 1
    assert steps.cancellations(rig) == 1
    assert case.state is CaseState.HARD_DECLINED
    assert rig.subscription("ada")["status"] == "canceled"
    assert rig.successes(case.invoice) == []
    truth.agree(rig)


def test_final_actions_that_were_taken_back_are_planned_again():
    """A new card takes the cancellation back; when it is refused for good as well, the cancellation follows (C2)."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="DELETE", path=steps.CANCEL, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.decline("ada", "insufficient_funds")
    rig.live(0.5)
    rig.transport.faults.clear()
    rig.live(8)
    case = rig.case("ada")
    assert case.state is CaseState.EXHAUSTED, steps.journal(rig)
    assert len(rig.pays()) == 2
    assert {each.state for each in rig.actions(case)} == {ActionState.DONE}
    assert rig.subscription("ada")["status"] == "canceled"
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_a_taken_back_action_that_was_never_called_is_planned_again():
    """The card comes while the cancellation is still only planned; its own hard decline ends in one cancellation."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="GET", path=steps.CANCEL, nth=2, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    assert {each.state for each in rig.actions(rig.case("ada"))} == {ActionState.PLANNED}
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.decline("ada", "stolen_card")
    rig.transport.faults.clear()
    rig.live(8)
    case = rig.case("ada")
    assert case.state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert steps.cancellations(rig) == 1
    assert {each.state for each in rig.actions(case)} == {ActionState.DONE}
    truth.agree(rig)


def test_every_further_card_gets_its_own_try():
    """Three cards in a row, each refused: each is tried once, none twice, and the end comes all the same."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="DELETE", path=steps.CANCEL, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    for token in ("tok_mastercard", "tok_amex"):
        control.replace_card(rig.world, "ada", token)
        rig.decline("ada", "insufficient_funds")
        rig.live(1.1)
    rig.transport.faults.clear()
    rig.live(9)
    charged = [dict(each.params)["payment_method"] for each in rig.pays()]
    assert len(charged) == len(set(charged)) == 3
    assert rig.case("ada").state is CaseState.EXHAUSTED
    truth.agree(rig)
