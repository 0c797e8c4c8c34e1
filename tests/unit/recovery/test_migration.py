"""What moving a case to a changed policy would do to it: the pure rule that engine and forecast share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.config.integration import (
    DelayFrom,
    InvoiceAction,
    SmartRetries,
    Status,
    StopStripeRetries,
    SubscriptionAction,
)
from flexpay_reconcile.config.policy import CeilingOverride, QuietHours, Timing
from flexpay_reconcile.recovery import migration
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState
from flexpay_reconcile.recovery.decide import NEW_CARD
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.migration import Terms
from flexpay_reconcile.values.instant import Span
from tests.unit.config import agreed
from tests.unit.recovery import book


def terms(revision: int = 1, *, policy: dict[str, Any] | None = None, **integration: Any) -> Terms:
    """The terms of a revision with changes."""
    configuration = agreed.configuration(
        integrations={"acme-us": agreed.integration(**integration)},
        retry_policies={"default": agreed.policy(**(policy or {}))},
    )
    found = migration.terms_of(configuration, book.case().integration_id, revision)
    assert found is not None
    return found


def newer(*, migrate: bool = True, integration: dict[str, Any] | None = None, **policy: Any) -> Terms:
    """Revision 2."""
    return terms(2, policy={"migrate": migrate, **policy}, **(integration or {}))


def action(**changes: Any) -> FinalAction:
    """A cancellation that is planned."""
    case = book.case()
    return replace(
        FinalAction(
            case_id=case.id,
            integration_id=case.integration_id,
            kind=ActionKind.CANCEL_SUBSCRIPTION,
            order=0,
            state=ActionState.PLANNED,
            invoice=case.invoice,
            subscription=case.subscription,
            prorate=True,
            revision=1,
            due_at=book.NOW,
            decided_at=book.NOW,
        ),
        **changes,
    )


def outcome(**changes: Any) -> dict[str, Any]:
    """An integration with another `when_recovery_fails`."""
    return {"when_recovery_fails": replace(agreed.integration().when_recovery_fails, **changes)}


CHANGES: dict[str, Terms] = {
    "attempts": newer(max_attempts=3),
    "window": newer(window=Span.of(days=14)),
    "timing": newer(timing=Timing.FIXED, fixed_schedule=(Span.of(days=3),)),
    "spacing": newer(minimum_spacing=Span.of(hours=48)),
    "quiet hours": newer(quiet_hours=QuietHours(from_minute=0, to_minute=60, time_zone="UTC")),
    "fixed schedule": newer(fixed_schedule=(Span.of(days=3),)),
    "ceilings": newer(network_ceilings={"visa": CeilingOverride(per_30_days=3)}),
    "subscription": newer(integration=outcome(subscription=SubscriptionAction.LEAVE_AS_IS)),
    "delay": newer(integration=outcome(delay=Span.of(days=3))),
    "delay from": newer(integration=outcome(delay_from=DelayFrom.INVOICE_CREATION)),
    "invoice": newer(integration=outcome(invoice=InvoiceAction.LEAVE_AS_IS)),
    "Stripe's own retries": newer(
        integration={"smart_retries": SmartRetries(stop_stripe_retries=StopStripeRetries.NO)}
    ),
    "first invoices": newer(integration={"include_first_invoice": True}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_term_that_changes_moves_a_case_and_is_told(name):
    """Each term by itself: the case gets the new revision, and the journal's words name what differs."""
    found = migration.moved(book.case(), terms(), CHANGES[name])
    assert found is not None
    assert found.case.revision == 2
    assert any(each.startswith(name) for each in found.what)


@pytest.mark.parametrize("name", CHANGES)
def test_without_migrate_nothing_moves(name):
    """The same changes with `migrate: false`: the case keeps what it began under."""
    new = CHANGES[name]
    assert migration.moved(book.case(), terms(), replace(new, policy=replace(new.policy, migrate=False))) is None


def test_the_same_terms_under_a_later_revision_need_no_move():
    """A later revision with the same content changes nothing for the case, `migrate` itself included."""
    assert migration.moved(book.case(), terms(), newer()) is None
    assert migration.differences(terms(), newer()) == ()


def test_a_revision_that_is_not_later_moves_nothing():
    """Neither its own revision nor an older one."""
    case = book.case(revision=2)
    assert migration.moved(case, terms(2), newer(max_attempts=3)) is None
    assert migration.moved(replace(case, revision=3), terms(3), newer(max_attempts=3)) is None


def test_an_integration_that_is_not_enabled_moves_nothing():
    """G14: the open cases of a disabled integration run to their end under their pinned policy."""
    new = newer(max_attempts=3, integration={"status": Status.DISABLED})
    assert migration.moved(book.case(), terms(), new) is None


def test_an_attempt_under_way_is_waited_for():
    """ATTEMPTING, or an attempt that blocks: not now."""
    new = newer(max_attempts=3)
    assert migration.moved(book.case(state=CaseState.ATTEMPTING), terms(), new) is None
    assert migration.moved(book.case(), terms(), new, blocked=True) is None


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_final_case_stays(state):
    """Nothing moves what has ended."""
    assert migration.moved(book.case(state=state), terms(), newer(max_attempts=3)) is None


def test_a_finishing_case_stays_finishing_until_an_action_was_called():
    """Its final actions are planned anew, and it is not begun again; once one was called, it ends as it began."""
    case, new = book.case(state=CaseState.FINISHING), newer(max_attempts=20)
    found = migration.moved(case, terms(), new, (action(),))
    assert found is not None
    assert found.stays_ended
    assert found.case.state is CaseState.FINISHING
    called = action(state=ActionState.CALLING, called_at=book.NOW)
    assert migration.moved(case, terms(), new, (action(), called)) is None
    back = replace(called, kind=ActionKind.TAKE_BACK)
    assert migration.moved(case, terms(), new, (action(), back)) is not None


def test_the_window_runs_from_the_same_start_and_keeps_what_it_was_longer_by():
    """Fourteen days instead of 28 from the same start; two days spent parked stay added."""
    new = newer(window=Span.of(days=14))
    found = migration.moved(book.case(), terms(), new)
    assert found is not None
    assert found.case.window_until == book.after(days=14)
    found = migration.moved(book.case(window_until=book.after(days=30)), terms(), new)
    assert found is not None
    assert found.case.window_until == book.after(days=16)
    found = migration.moved(book.case(window_until=book.after(days=27)), terms(), new)
    assert found is not None
    assert found.case.window_until == book.after(days=14), "a window is never made shorter by what it lacked"


def test_a_changed_card_that_waits_for_its_try_loses_no_time():
    """A shorter window does not end before the time its new card was given."""
    found = migration.moved(book.case(decline_reason=NEW_CARD), terms(), newer(window=Span.of(days=2)))
    assert found is not None
    assert found.case.window_until == book.after(days=28)
    found = migration.moved(book.case(decline_reason=NEW_CARD), terms(), newer(window=Span.of(days=40)))
    assert found is not None
    assert found.case.window_until == book.after(days=40)


def test_another_handling_of_stripes_retries_is_looked_at_anew():
    """What was stopped, or read as not planned, under the old words has to be so under the new ones first."""
    new = CHANGES["Stripe's own retries"]
    found = migration.moved(book.case(), terms(), new)
    assert found is not None
    assert not found.case.stripe_retries_stopped
    found = migration.moved(book.case(), terms(), newer(max_attempts=3))
    assert found is not None
    assert found.case.stripe_retries_stopped


def test_an_integration_that_a_revision_does_not_have_has_no_terms():
    """Removed from the manifest: there is nothing to move to."""
    assert migration.terms_of(agreed.configuration(integrations={}), book.case().integration_id, 2) is None


@pytest.mark.parametrize("included", [True, False])
def test_terms_say_whether_first_invoices_are_recovered(included):
    """A revision's word on first invoices is part of the terms of its cases."""
    assert terms(include_first_invoice=included).include_first_invoice is included
