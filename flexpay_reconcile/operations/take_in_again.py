"""Take in what failed while an integration was disabled or released: at the take-over's pace, once. Charges nobody.

Their window and delays begin now, also of those that failed an hour ago (G14): nobody is tried or cancelled as a herd
because an integration was enabled again. Invoices older than the integration stay a take-over's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flexpay_reconcile.billing.invoice import Invoice
from flexpay_reconcile.config.integration import Integration, Status
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import backfill_events, connected, returning, take_over
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.recovery import opening
from flexpay_reconcile.recovery.take_over import TakeOver
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant


def next_batch(context: Context) -> Instant | None:
    """When the next batch is due; None when all were taken in."""
    running = context.running()
    if running is None:
        return None
    found = [
        at for integration, again in _returned(context, running) for at in _dues(context, running, integration, again)
    ]
    return min(found, default=None)


def take_in_due(context: Context) -> int:
    """One turn: a batch at each account where one is due; returns how many invoices were looked at."""
    running = context.running()
    if running is None:
        return 0
    looked = 0
    for integration, again in _returned(context, running):
        for account in _accounts(context, running, integration):
            try:
                looked += _turn(context, running, integration, account, again)
            except (TryLater, OperatorError) as problem:
                _postpone(context, integration, account, again, problem)
    return looked


def _returned(context: Context, running: AppliedConfiguration) -> Iterator[tuple[Integration, Instant]]:
    """The integrations that were enabled again, with when."""
    for integration in running.configuration.integrations.values():
        again = context.enabled_again(running, integration.id)
        if again is not None and integration.status is Status.ENABLED:
            yield integration, again


def _accounts(context: Context, running: AppliedConfiguration, integration: Integration) -> tuple[AccountId, ...]:
    with context.store.reading() as view:
        return tuple(account for account, _ in connected.accounts_of(view, running, integration))


def _dues(
    context: Context, running: AppliedConfiguration, integration: Integration, again: Instant
) -> Iterator[Instant]:
    for account in _accounts(context, running, integration):
        with context.store.reading() as view:
            record = returning.record_of(view, integration.id, account, again)
            later = view.marks.get(_again_name(integration, account))
        if record is None or record.running:
            due = again if record is None else record.next_at
            yield max(due, Instant.from_text(later)) if later else due


def _turn(
    context: Context, running: AppliedConfiguration, integration: Integration, account: AccountId, again: Instant
) -> int:
    now = context.clock.now()
    with context.store.reading() as view:
        record = returning.record_of(view, integration.id, account, again)
        later = view.marks.get(_again_name(integration, account))
    if (later is not None and Instant.from_text(later) > now) or (record is not None and not record.running):
        return 0
    if record is not None and record.next_at > now:
        return 0
    reader = context.readers(integration, account)
    mark = returning.mark_name(integration.id, account)
    if record is None:
        record = TakeOver(ordered_at=again, total=take_over.count(reader, again), next_at=now)
        take_over.save(context, mark, record)
        facts = {"integration": integration.id, "account": account, "invoices": record.total}
        LOG.info("what failed meanwhile is taken in", extra=facts)
    since = backfill_events.began(context, running, integration).minus(backfill_events.LOOK_BACK)

    def wanted(invoice: Invoice) -> bool:
        with context.store.reading() as view:
            lives = view.cases.lives_of(account, invoice.id)
        return opening.may_open(lives) and (bool(lives) or invoice.created >= since)

    return take_over.take_batch(context, running, integration, reader, record, mark, wanted)


def _again_name(integration: Integration, account: AccountId) -> str:
    return f"return-again:{integration.id}:{account}"


def _postpone(
    context: Context, integration: Integration, account: AccountId, again: Instant, problem: TryLater | OperatorError
) -> None:
    facts = {"integration": integration.id, "account": account, "because": problem.message}
    LOG.warning("the taking in of what failed meanwhile waits", extra=facts)
    pause = take_over.AFTER_OUTAGE if isinstance(problem, TryLater) else take_over.AFTER_REFUSAL
    later = context.clock.now().plus(pause)
    with context.store.begin() as unit:
        unit.marks.set(_again_name(integration, account), later.text())
        record = returning.record_of(unit, integration.id, account, again)
        if record is not None and record.running:
            unit.marks.set(returning.mark_name(integration.id, account), replace(record, next_at=later).text())
