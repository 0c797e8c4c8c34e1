"""Whether an invoice failed while its integration was disabled or released, and how far the taking in of those is.

Reads marks and applied revisions only; `take_in_again` does the work. Calls nothing outside.
"""

from __future__ import annotations

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.take_over import TakeOver
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant


def mark_name(integration: IntegrationId, account: AccountId) -> str:
    """The mark that holds how far it is at one account."""
    return f"return:{integration}:{account}"


def record_of(view: UnitOfWork, integration: IntegrationId, account: AccountId, ordered_at: Instant) -> TakeOver | None:
    """How far the taking in ordered at that instant is; None where it has not begun, or an earlier one is meant."""
    text = view.marks.get(mark_name(integration, account))
    record = TakeOver.from_text(text) if text else None
    return record if record is not None and record.ordered_at == ordered_at else None


def failed_meanwhile(
    context: Context, running: AppliedConfiguration, integration: Integration, failed_at: Instant
) -> bool:
    """Whether an invoice without a case failed before its integration was enabled again."""
    again = context.enabled_again(running, integration.id)
    return again is not None and failed_at < again


def under_way(
    context: Context, view: UnitOfWork, running: AppliedConfiguration, integration: Integration, account: AccountId
) -> bool:
    """Whether invoices that failed meanwhile are still taken in at their pace, so that nobody hurries ahead of it."""
    again = context.enabled_again(running, integration.id)
    if again is None:
        return False
    record = record_of(view, integration.id, account, again)
    return record is None or record.running
