"""Take over invoices that failed before we came (G18): at the pace of the brake, each once. Charges nobody.

A case taken over begins its window and its delays now: nobody is cancelled on the first day for an old failure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flexpay_reconcile.billing.invoice import Invoice
from flexpay_reconcile.config.integration import Integration, ListenTo, Status
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.operations import open_case
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.eligibility import NotEligible
from flexpay_reconcile.recovery.take_over import TakeOver, after_batch, batch
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant, Span

AFTER_OUTAGE = Span.of(minutes=10)
AFTER_REFUSAL = Span.of(hours=1)
GIVE_UP = Span.of(days=90)
"""After its order: an invoice that could not be followed once in so long is left, with an error in the log."""
MAX_PAGES = 2_000
_MAY_PASS = frozenset({"payment_pending", NotEligible.SUBSCRIPTION_UNKNOWN.value})
"""Why a case is not opened now, and may be later: no sweep looks so far back."""


def mark_name(integration: IntegrationId) -> str:
    """The mark that holds an integration's take-over."""
    return f"take_over:{integration}"


def record_of(view: UnitOfWork, integration: IntegrationId) -> TakeOver | None:
    """How far it is; None where none was ever ordered."""
    text = view.marks.get(mark_name(integration))
    return TakeOver.from_text(text) if text else None


def next_batch(context: Context) -> Instant | None:
    """When the next batch of any running take-over is due."""
    running = context.running()
    if running is None:
        return None
    dues = []
    with context.store.reading() as view:
        for integration in running.configuration.integrations.values():
            if _wanted(integration):
                record = record_of(view, integration.id)
                if record is None:
                    again = view.marks.get(_again_name(integration.id))
                    dues.append(max(running.applied_at, Instant.from_text(again)) if again else running.applied_at)
                elif record.running:
                    dues.append(record.next_at)
    return min(dues, default=None)


def take_over_due(context: Context) -> int:
    """One turn: a batch of each take-over that is due; returns how many invoices were looked at."""
    running = context.running()
    if running is None:
        return 0
    looked = 0
    for integration in running.configuration.integrations.values():
        if not _wanted(integration):
            continue  # switched off meanwhile: it pauses where it is
        try:
            looked += _turn(context, running, integration)
        except (TryLater, OperatorError) as problem:
            _postpone(context, integration.id, problem)
    return looked


def _wanted(integration: Integration) -> bool:
    account = integration.webhook.listen_to is ListenTo.ACCOUNT
    return integration.take_over and integration.status is Status.ENABLED and account


def _turn(context: Context, running: AppliedConfiguration, integration: Integration) -> int:
    now = context.clock.now()
    with context.store.reading() as view:
        record = record_of(view, integration.id)
        again = view.marks.get(_again_name(integration.id))
    if again is not None and Instant.from_text(again) > now:
        return 0
    own = running.configuration.company_of(integration).stripe_account
    reader = context.readers(integration, own)
    if record is None:
        record = TakeOver(ordered_at=running.applied_at, total=count(reader, running.applied_at), next_at=now)
        save(context, mark_name(integration.id), record)
        LOG.info("take-over begun", extra={"integration": integration.id, "invoices": record.total})
    if not record.running or record.next_at > now:
        return 0
    return _batch(context, running, integration, reader, record)


def count(reader: BillingReader, before: Instant) -> int:
    """How many there are: a page of a hundred is one call."""
    total, after = 0, None
    for _ in range(MAX_PAGES):
        page = reader.open_page(before, after)
        total += len(page.invoices)
        if not page.more or page.last is None:
            return total
        after = page.last
    raise TryLater("the pages of open invoices do not end", code="E-stripe-answer")


def _batch(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    reader: BillingReader,
    record: TakeOver,
) -> int:
    """The next invoices; after each one the cursor is on disk, and a case that is there already is not doubled."""

    def wanted(invoice: Invoice) -> bool:
        with context.store.reading() as view:
            return not view.cases.lives_of(invoice.account, invoice.id)

    return take_batch(context, running, integration, reader, record, mark_name(integration.id), wanted)


def take_batch(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    reader: BillingReader,
    record: TakeOver,
    mark: str,
    wanted: Callable[[Invoice], bool],
) -> int:
    """The next invoices of a record kept under a mark, as many as the brake allows at once; returns how many."""
    if record.listed:
        return _again(context, running, integration, reader, record, mark)
    percent = running.configuration.brakes.take_over_percent_of_book_per_day
    page = reader.open_page(record.ordered_at, record.cursor)
    taken = page.invoices[: batch(record.total, percent)]
    for invoice in taken:
        opened = _open(context, running, integration, reader, invoice.id) if wanted(invoice) else False
        left = record.left if opened is not None else (*record.left, invoice.id)
        looked, cases = record.looked + 1, record.opened + bool(opened)
        record = replace(record, cursor=invoice.id, looked=looked, opened=cases, left=left)
        save(context, mark, record)
    now = context.clock.now()
    if len(taken) == len(page.invoices):  # this page is done
        if not page.more or page.last is None:
            if record.left:
                save(context, mark, replace(record, listed=True, next_at=now.plus(AFTER_REFUSAL)))
            else:
                _finish(context, integration.id, record, mark)
            return len(taken)
        record = replace(record, cursor=page.last)
    save(context, mark, after_batch(record, len(taken), percent, now))
    return len(taken)


def _again(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    reader: BillingReader,
    record: TakeOver,
    mark: str,
) -> int:
    """What could not be followed when its turn came: tried every hour, for none may be forgotten (D6)."""
    tried = {each: _open(context, running, integration, reader, each) for each in record.left}
    now = context.clock.now()
    left = tuple(each for each, opened in tried.items() if opened is None)
    record = replace(record, left=left, opened=record.opened + sum(map(bool, tried.values())))
    if left and now.since(record.ordered_at) < GIVE_UP:
        save(context, mark, replace(record, next_at=now.plus(AFTER_REFUSAL)))
    else:
        _finish(context, integration.id, record, mark)
    return len(tried)


def _finish(context: Context, integration: IntegrationId, record: TakeOver, mark: str) -> None:
    save(context, mark, replace(record, finished_at=context.clock.now()))
    facts = {"integration": integration, "invoices": record.looked, "cases": record.opened, "mark": mark}
    LOG.info("take-over finished", extra=facts)
    if record.left:
        LOG.error("invoices could not be taken over", extra={**facts, "left": ",".join(record.left)})


def _open(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    reader: BillingReader,
    invoice_id: InvoiceId,
) -> bool | None:
    """Whether a case was opened; None for an invoice that cannot be followed now, which does not hold the others."""
    try:
        invoice = reader.invoice(invoice_id)
        if invoice is None:
            return False
        why_not = open_case.open_case(context, running, integration, invoice, taken_over=True)
        return None if why_not in _MAY_PASS else why_not is None
    except FlexpayError as problem:
        if isinstance(problem, TryLater) or problem.kind is ErrorKind.KEY_REFUSED:
            raise
        LOG.warning("could not be taken over yet", extra={"invoice": invoice_id, "because": problem.message})
        return None


def save(context: Context, mark: str, record: TakeOver) -> None:
    """How far it is, on disk."""
    with context.store.begin() as unit:
        unit.marks.set(mark, record.text())


def _again_name(integration: IntegrationId) -> str:
    return f"take_over-again:{integration}"


def _postpone(context: Context, integration: IntegrationId, problem: FlexpayError) -> None:
    LOG.warning("take-over waits", extra={"integration": integration, "because": problem.message})
    later = context.clock.now().plus(AFTER_OUTAGE if isinstance(problem, TryLater) else AFTER_REFUSAL)
    with context.store.begin() as unit:
        unit.marks.set(_again_name(integration), later.text())
        record = record_of(unit, integration)
        if record is not None and record.running:
            unit.marks.set(mark_name(integration), replace(record, next_at=later).text())
