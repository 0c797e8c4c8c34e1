"""What a case is to expect: with the engine's own decisions, certain only where no attempt stands in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.billing.forecast import Fate
from flexpay_reconcile.billing.invoice import Period, Subscription
from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery import decide as decisions
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.forecast import Prospect, as_it_stands, at_stripe, ended, what_follows
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values import money
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.billing import reads
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import after

TERMS = WhenRecoveryFails(
    subscription=SubscriptionAction.CANCEL_WITH_DELAY,
    invoice=InvoiceAction.MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS,
    delay=Span.of(days=7),
)
AT_END = replace(TERMS, subscription=SubscriptionAction.CANCEL_AT_PERIOD_END)
LEAVE = replace(TERMS, subscription=SubscriptionAction.LEAVE_AS_IS)
PRESENT = after(days=1)
WINDOW_END = after(days=28)
CANCEL_AND_MARKS = ["cancel_subscription", "mark_uncollectible", "tag_invoice", "tag_subscription"]
HELD = decisions.Hold(until=after(days=9), because=("the model sees no chance now",))


def engine(history: CardHistory | None = None, aim: decisions.Aim | decisions.Hold | None = None) -> Any:
    """The engine's own decision, with its timing's aim on the fourth day where a test does not say otherwise."""
    wished = aim or decisions.Aim(at=after(days=4), model="even/1", words="spread evenly over the window")

    def decide(case: RecoveryCase, at: Instant) -> decisions.Decision:
        return decisions.decide(case, history or CardHistory(), agreed.policy(), wished, at)

    return decide


def follows(now: Instant = PRESENT, decide: Any = None, **case: Any) -> Prospect:
    """What follows for an opened case."""
    return what_follows(book.case(**case), decide or engine(), TERMS, now)


def stands(state: CaseState, *, now: Instant = PRESENT, actions: tuple[Any, ...] = (), **case: Any) -> Prospect:
    """What follows for a case of that state as the store holds it."""
    return as_it_stands(book.case(state=state, **case), actions, engine(), TERMS, now)


def kinds(found: Prospect) -> list[str]:
    """The actions of a prospect, in their order."""
    return [each.kind.value for each in found.actions]


def test_an_attempt_that_is_left_makes_the_end_only_possible():
    """A soft decline with a legal moment: the attempt is told with its reason, and no action is certain."""
    found = follows()
    assert (found.fate, found.next_attempt_at) == (Fate.POSSIBLE, after(days=4))
    assert found.because == "soft decline: insufficient_funds"
    assert (found.actions, found.cancels_at(), found.credit) == ((), None, None)


def test_a_timing_that_holds_makes_the_end_only_possible():
    """A hold spends no attempt, and is asked again when it says so."""
    found = follows(decide=engine(aim=HELD))
    assert (found.fate, found.next_attempt_at, found.because) == (Fate.POSSIBLE, after(days=9), HELD.because[0])


def test_a_hard_decline_is_certain_at_once():
    """Recovery ends now: the actions follow with the policy's delay from the decline."""
    found = follows(decline_kind=DeclineKind.HARD, decline_reason="stolen_card")
    assert (found.fate, kinds(found)) == (Fate.CERTAIN, CANCEL_AND_MARKS)
    assert found.because == "hard decline: stolen_card; the card must not be tried again"
    assert (found.cancels_at(), found.next_attempt_at) == (after(days=7), None)


@pytest.mark.parametrize("missing", [{"payment_method": None}, {"card_key": None}])
def test_without_a_card_only_the_end_of_the_window_is_left(missing: dict[str, Any]):
    """A moment without a card is no attempt: at the end of the window the actions follow, from there."""
    found = follows(**missing)
    assert (found.fate, found.because) == (Fate.CERTAIN, "there is no card to charge")
    assert found.cancels_at() == WINDOW_END.plus(Span.of(days=7))
    assert found.next_attempt_at is None


def test_what_only_the_customer_can_mend_ends_with_the_window():
    """An authentication that is waited for: certain unless the customer acts."""
    found = follows(decline_kind=DeclineKind.CUSTOMER, decline_reason="authentication_required")
    assert (found.fate, found.cancels_at()) == (Fate.CERTAIN, WINDOW_END.plus(Span.of(days=7)))
    assert found.because == "authentication_required: needs the customer to act"
    assert kinds(found) == CANCEL_AND_MARKS


@pytest.mark.parametrize("kind", [DeclineKind.OPERATOR, DeclineKind.UNKNOWN, None])
def test_what_nobody_may_end_is_left_alone(kind: DeclineKind | None):
    """The operator's own refusal and an unknown word end nothing, now or later (A21)."""
    found = follows(now=after(days=400), decline_kind=kind, decline_reason="odd")
    assert (found.fate, found.actions, found.next_attempt_at) == (Fate.LEFT_ALONE, (), None)
    assert "odd" in found.because


def test_a_waiting_case_that_would_not_stop_is_left_alone():
    """A new card without a name waits for its window; after it nothing ends by itself, and nothing is told to."""
    found = follows(payment_method=None, decline_reason="new_card")
    assert (found.fate, found.because, found.actions) == (Fate.LEFT_ALONE, "there is no card to charge", ())


def test_reasons_are_never_empty():
    """A decision without words is told as such, and does not break the plan."""

    def decide(case: RecoveryCase, at: Instant) -> decisions.Decision:
        return decisions.Hold(until=at, because=())

    assert follows(decide=decide).because == "no reason given"


@pytest.mark.parametrize("state", [CaseState.SCHEDULED, CaseState.ATTEMPTING])
def test_a_planned_attempt_is_told_with_its_moment(state: CaseState):
    """Under its terms a case with an attempt in hand may still be paid."""
    found = stands(state, next_attempt_at=after(days=6))
    assert (found.fate, found.because) == (Fate.POSSIBLE, "an attempt is planned")
    assert (found.next_attempt_at, found.actions) == (after(days=6), ())


def test_an_opened_case_is_decided_now():
    """A live case that has no plan yet is told as the engine would decide it."""
    assert stands(CaseState.OPENED) == follows(state=CaseState.OPENED)


def test_a_finishing_case_tells_what_is_still_owed():
    """Actions that are done or skipped are not told again; those in flight and planned are, at their time."""
    actions = ended(book.case(), EndedBy.HARD_DECLINE, TERMS, PRESENT, "").actions
    states = [ActionState.DONE, ActionState.CALLING, ActionState.SKIPPED, ActionState.PLANNED]
    held = tuple(replace(each, state=state) for each, state in zip(actions, states, strict=True))
    found = stands(CaseState.FINISHING, actions=held, ended_by=EndedBy.HARD_DECLINE)
    assert found.actions == (held[1], held[3])
    assert (found.fate, found.because, found.cancels_at()) == (Fate.CERTAIN, "hard_decline", None)
    assert stands(CaseState.FINISHING, ended_by=None).because == "ended"


def test_a_case_that_waits_for_its_customer_ends_when_its_wait_does():
    """The wait's own end counts: a window that is over by then ends the case there."""
    waits: dict[str, Any] = {"decline_kind": DeclineKind.CUSTOMER, "decline_reason": "authentication_required"}
    found = stands(CaseState.WAITING_FOR_CUSTOMER, due_at=after(days=30), **waits)
    assert (found.fate, found.because) == (Fate.CERTAIN, "authentication_required")
    assert found.cancels_at() == after(days=37)
    assert stands(CaseState.WAITING_FOR_CUSTOMER, due_at=None, **waits).cancels_at() == after(days=35)


def test_a_wait_that_is_over_ends_now():
    """Nothing is told for the past: what was due while we were down is due now."""
    found = stands(CaseState.WAITING_FOR_CUSTOMER, now=after(days=60), due_at=WINDOW_END, decline_reason=None)
    assert (found.cancels_at(), found.because) == (after(days=67), "waits")


@pytest.mark.parametrize("state", [CaseState.PARKED, CaseState.NEEDS_REVIEW, CaseState.RECOVERED, CaseState.CLOSED])
def test_what_stands_still_is_left_alone(state: CaseState):
    """A case that is parked, looked at by a person, or over, is told with its reason and no action."""
    found = stands(state)
    assert (found.fate, found.because, found.actions) == (Fate.LEFT_ALONE, state.value, ())
    assert stands(state, closed_because="gone").because == "gone"


def test_the_end_is_planned_by_the_engines_own_rule():
    """`ended` gives the policy's actions with the delay from where the policy counts it."""
    terms = replace(TERMS, delay_from=DelayFrom.INVOICE_CREATION, delay=Span.of(days=40))
    found = ended(book.case(), EndedBy.ATTEMPTS_USED, terms, PRESENT, "all used")
    assert (found.cancels_at(), found.because, kinds(found)) == (after(days=40), "all used", CANCEL_AND_MARKS)


def test_a_scheduled_end_counts_as_the_cancellation():
    """Cancelling at the period's end is told at the moment it is scheduled; leaving the subscription cancels nobody."""
    at_end = ended(book.case(), EndedBy.HARD_DECLINE, AT_END, PRESENT, "")
    assert at_end.cancels_at() == after(days=7)
    assert ended(book.case(), EndedBy.HARD_DECLINE, LEAVE, PRESENT, "").cancels_at() is None


def billed(price: int | None = 3000, days: int = 30, **changes: Any) -> Subscription:
    """A subscription of thirty dollars for thirty days from the first decline on."""
    period = Period(since=after(), until=after(days=days))
    return reads.subscription(period=period, price=None if price is None else money.of(price, "usd"), **changes)


def cancelled(terms: WhenRecoveryFails = TERMS, **case: Any) -> Prospect:
    """A case that ended by a hard decline on the first day: cancelled seven days after it."""
    return ended(book.case(**case), EndedBy.HARD_DECLINE, terms, PRESENT, "hard")


def test_the_credit_is_the_share_of_the_days_that_are_left():
    """Seven of thirty days are used: 23 dollars of 30 are given back."""
    assert at_stripe(cancelled(), billed()).credit == money.of(2300, "usd")


@pytest.mark.parametrize(("price", "credit"), [(1, 1), (2, 2), (5, 4), (15, 12), (45, 35)])
def test_the_credit_is_rounded_half_up(price: int, credit: int):
    """23/30 of the price to the nearest minor unit; a half (45 gives 34.5) goes up."""
    assert at_stripe(cancelled(), billed(price)).credit == money.of(credit, "usd")


def test_a_period_that_begins_after_the_cancellation_is_given_back_whole():
    """Never more than the price of one period."""
    period = Period(since=after(days=10), until=after(days=40))
    found = at_stripe(cancelled(), replace(billed(), period=period))
    assert found.credit == money.of(3000, "usd")


@pytest.mark.parametrize(
    ("terms", "subscription"),
    [
        (TERMS, None),
        (TERMS, billed(price=None)),
        (TERMS, replace(billed(), period=None)),
        (TERMS, billed(days=7)),
        (replace(TERMS, subscription=SubscriptionAction.CANCEL_WITH_DELAY_NO_PRORATION), billed()),
        (AT_END, billed()),
        (LEAVE, billed()),
    ],
)
def test_no_credit_is_told_where_none_is_given_or_known(terms: WhenRecoveryFails, subscription: Subscription | None):
    """No proration, no price, no period, or a period that is over by then: no sum is guessed."""
    found = at_stripe(cancelled(terms), subscription)
    assert found.credit is None
    assert found.actions == cancelled(terms).actions


@pytest.mark.parametrize("scheduled", [{"cancel_at_period_end": True}, {"cancel_at": after(days=30)}])
def test_what_is_scheduled_already_is_not_scheduled_again(scheduled: dict[str, Any]):
    """Somebody has scheduled the end: ours is not told, the rest is, and nothing is given back."""
    found = at_stripe(cancelled(AT_END), billed(**scheduled))
    assert kinds(found) == ["await_end", "mark_uncollectible", "tag_invoice", "tag_subscription"]
    assert (found.cancels_at(), found.credit) == (None, None)
    assert at_stripe(cancelled(), billed(**scheduled)).actions[0].kind is ActionKind.CANCEL_SUBSCRIPTION
