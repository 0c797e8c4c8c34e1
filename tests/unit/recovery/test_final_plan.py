"""Which final actions follow an unpaid end, in which order, and when the first of them is due."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.recovery.case import EndedBy
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.final_plan import actions_of
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.recovery import book
from tests.unit.recovery.book import after

MARK = InvoiceAction.MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS
KEEP = InvoiceAction.LEAVE_AS_IS
MARKS = ["mark_uncollectible", "tag_invoice", "tag_subscription"]
ENDED = after(days=20)


def planned(
    subscription: SubscriptionAction = SubscriptionAction.CANCEL_WITH_DELAY,
    invoice: InvoiceAction = KEEP,
    *,
    by: EndedBy = EndedBy.ATTEMPTS_USED,
    delay: Span | None = None,
    since: DelayFrom = DelayFrom.HARD_DECLINE,
    now: Instant = ENDED,
    **case: Any,
) -> tuple[FinalAction, ...]:
    """The actions of a case that ended `by` on its twentieth day, where a test does not say otherwise."""
    agreed = WhenRecoveryFails(
        subscription=subscription, invoice=invoice, delay=delay or Span.of(days=30), delay_from=since
    )
    return actions_of(book.case(**case), by, agreed, now)


@pytest.mark.parametrize(
    ("subscription", "first"),
    [
        (SubscriptionAction.CANCEL_AT_PERIOD_END, ["schedule_cancel", "await_end"]),
        (SubscriptionAction.CANCEL_WITH_DELAY, ["cancel_subscription"]),
        (SubscriptionAction.CANCEL_WITH_DELAY_NO_PRORATION, ["cancel_subscription"]),
        (SubscriptionAction.LEAVE_AS_IS, []),
    ],
)
def test_each_choice_has_its_actions_and_the_marks_come_last(subscription: SubscriptionAction, first: list[str]):
    """First the subscription, then the invoice is written off, then both are tagged (C5)."""
    assert [each.kind.value for each in planned(subscription)] == first
    both = planned(subscription, MARK)
    assert [each.kind.value for each in both] == first + MARKS
    assert [each.order for each in both] == list(range(len(first) + 3))


@pytest.mark.parametrize("subscription", SubscriptionAction)
def test_proration_is_the_policys(subscription: SubscriptionAction):
    """Only the choice with proration gives money back (C6)."""
    for each in planned(subscription, MARK):
        assert each.prorate is (subscription is SubscriptionAction.CANCEL_WITH_DELAY)


def test_an_action_is_planned_for_its_own_case():
    """Each action names case, invoice, subscription and revision, is not carried out yet, and has its own key."""
    actions = planned(invoice=MARK, revision=5)
    for each in actions:
        assert (each.case_id, each.integration_id, each.revision) == ("acct_1/in_1/1", "acme-us", 5)
        assert (each.invoice, each.subscription) == ("in_1", "sub_1")
        assert (each.state, each.decided_at, each.called_at) == (ActionState.PLANNED, ENDED, None)
        assert each.idempotency_key == f"fp1:final:acct_1/in_1/1:{each.kind.value}"
    assert len({each.idempotency_key for each in actions}) == len(actions)
    assert {each.kind for each in actions} == {ActionKind.CANCEL_SUBSCRIPTION, *map(ActionKind, MARKS)}


def due(**asked: Any) -> Instant:
    """When the cancellation is due."""
    return planned(**asked)[0].due_at


def test_the_delay_begins_with_the_decline_that_ended_recovery():
    """Thirty days from the last decline, not from the moment we noticed."""
    assert due(last_declined_at=after(days=19)) == after(days=49)


def test_a_window_that_ran_out_begins_the_delay_with_its_end():
    """No decline ended it: the delay counts from now, however old the last decline is."""
    assert due(by=EndedBy.WINDOW_OVER, last_declined_at=after(days=3)) == after(days=50)


def test_without_a_decline_the_delay_begins_now():
    """A case without any decline counts from its end."""
    assert due(last_declined_at=None) == after(days=50)


@pytest.mark.parametrize("by", EndedBy)
def test_the_delay_may_begin_with_the_invoice(by: EndedBy):
    """Asked to count from the invoice's creation, it does, whatever ended recovery."""
    asked = {"by": by, "since": DelayFrom.INVOICE_CREATION, "invoice_created_at": after(hours=-5)}
    assert due(**asked) == after(hours=-5, days=30)


def test_a_delay_that_is_over_is_due_now():
    """Nothing is planned for the past (C3)."""
    assert due(delay=Span.of(days=2), last_declined_at=after(days=1)) == ENDED


@pytest.mark.parametrize("since", DelayFrom)
def test_taken_over_the_delay_begins_when_we_came(since: DelayFrom):
    """An old decline or an old invoice does not cancel somebody on the day after the take-over."""
    case = {"invoice_created_at": after(days=-90), "last_declined_at": after(days=-80), "window_from": after(days=10)}
    assert due(since=since, first_declined_at=after(days=-80), **case) == after(days=40)


def test_a_decline_after_the_take_over_counts_for_itself():
    """What was refused after we came begins the delay then."""
    case = {"first_declined_at": after(days=-80), "window_from": after(days=10), "last_declined_at": after(days=15)}
    assert due(**case) == after(days=45)


def test_a_window_that_began_with_the_decline_shifts_nothing():
    """Not taken over: the invoice's creation before the first decline counts as it is."""
    asked = {"since": DelayFrom.INVOICE_CREATION, "invoice_created_at": after(days=-3)}
    assert due(**asked, first_declined_at=after(), window_from=after()) == after(days=27)
