"""The book of failing invoices at Stripe as a take-over would find it, and what would follow for each. Reads only.

A hundred invoices cost one call with their customers and subscriptions, and one with their last charges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from flexpay_reconcile.billing.charge import Charge, ChargeStatus
from flexpay_reconcile.billing.forecast import Fate
from flexpay_reconcile.billing.invoice import InvoicePayment, payment_method_for
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, StopStripeRetries
from flexpay_reconcile.operations import aims, plan_next, record_money
from flexpay_reconcile.ports.book_reader import BookEntry, BookReader
from flexpay_reconcile.ports.rows import LedgerRow
from flexpay_reconcile.recovery import decide as decisions
from flexpay_reconcile.recovery import eligibility, forecast, opening, other_payment
from flexpay_reconcile.recovery import take_over as pace
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.decide import Decision
from flexpay_reconcile.recovery.forecast import Decide, Prospect
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.recovery.opening import Findings, Opening
from flexpay_reconcile.values.ids import CustomerId, InvoiceId
from flexpay_reconcile.values.instant import Instant, Span

MOST_GETS = 150
KEPT = "the customer paid a later invoice of this subscription"
LEDGER_BACK = Span.of(days=30)


@dataclass(slots=True, kw_only=True)
class Book:
    """What was read. `kept`: invoices whose subscription paid a later one. `unread`: where that was not looked at."""

    entries: list[BookEntry] = field(default_factory=list)
    payments: dict[InvoiceId, list[InvoicePayment]] = field(default_factory=lambda: defaultdict(list))
    charges: dict[str, Charge] = field(default_factory=dict)
    kept: set[InvoiceId] = field(default_factory=set)
    gets: int = 0
    whole_history: bool = True
    unread: int = 0


def read(reader: BookReader, as_of: Instant) -> Book:
    """The book, in at most `MOST_GETS` calls; TryLater and OperatorError as the reader raises them."""
    book = Book()
    for page in reader.pages(as_of):
        book.entries += page
        book.gets += 1
    for payments in reader.payments():
        book.gets += 1
        for invoice, payment in payments:
            book.payments[invoice].append(payment)
            if payment.latest_charge is not None:
                book.charges[payment.latest_charge.id] = payment.latest_charge
    _later_payments(book, reader)
    _charges(book, reader, as_of)
    return book


def _later_payments(book: Book, reader: BookReader) -> None:
    """Whether a later invoice of the subscription was paid: only where there is a later one."""
    for entry in book.entries:
        subscription = entry.subscription
        if subscription is None or subscription.latest_invoice in (None, entry.invoice.id):
            continue
        if book.gets >= MOST_GETS:
            book.unread += 1
            continue
        book.gets += 1
        if reader.paid_after(subscription.id, entry.invoice.created):
            book.kept.add(entry.invoice.id)


def _charges(book: Book, reader: BookReader, as_of: Instant) -> None:
    """All charges of the last thirty days as far as the calls that are left reach: earlier refusals stand."""
    if not book.entries:
        return
    for page in reader.charges(as_of.minus(LEDGER_BACK)):
        book.gets += 1
        for each in page:
            book.charges.setdefault(each.id, each)
        if book.gets >= MOST_GETS:
            book.whole_history = False
            return


def taken_over(
    book: Book, wanted: Configuration, integration: Integration, *, revision: int, as_of: Instant
) -> Iterator[Prospect]:
    """What would follow for each invoice that a take-over beginning at `as_of` opens, at the pace of its brake."""
    under = Opening(integration=integration, policy=wanted.policy_of(integration), revision=revision)
    ledger = _Ledger.of(book)
    opened_at = _pace(len(book.entries), wanted.brakes.take_over_percent_of_book_per_day, as_of)
    for entry, at in zip(book.entries, opened_at, strict=True):
        found = _one(book, entry, wanted, under, ledger, at)
        if found is not None:
            yield found


def _pace(total: int, percent: int, start: Instant) -> Iterator[Instant]:
    """When each invoice of the book is looked at, by the functions that pace the take-over."""
    record = pace.TakeOver(ordered_at=start, total=max(total, 1), next_at=start)
    left, now = total, start
    while left > 0:
        taken = min(pace.batch(record.total, percent), left)
        yield from (now for _ in range(taken))
        left -= taken
        now = pace.after_batch(record, taken, percent, now).next_at


def _one(
    book: Book, entry: BookEntry, wanted: Configuration, under: Opening, ledger: _Ledger, at: Instant
) -> Prospect | None:
    invoice, subscription, customer = entry.invoice, entry.subscription, entry.customer
    integration = under.integration
    eligible = eligibility.judge_invoice(invoice, integration, wanted).eligible
    if not eligible or not eligibility.judge_subscription(subscription, integration).eligible:
        return None
    if customer is None or customer.deleted:
        return None
    payments = tuple(book.payments.get(invoice.id, ()))
    charges = tuple(ledger.of_customer(customer.id, at.minus(LEDGER_BACK)))
    last = opening.last_charge(payments, charges)
    chosen = payment_method_for(invoice, subscription, customer)
    findings = Findings(
        invoice=invoice,
        customer=customer,
        charges=charges,
        last=last,
        decline=opening.first_decline(last, payments, chosen),
        payment_method=chosen,
        taken_over=True,
    )
    case = opening.new_case(findings, under, ledger.newest_with(chosen), at)
    alone = _left_alone(findings, payments, integration)
    if alone is not None:
        return Prospect(case=case, fate=Fate.LEFT_ALONE, because=alone)
    decide = _decide(under, ledger, opening.own_charges(findings) + ([last] if last else []))
    found = forecast.what_follows(case, decide, integration.when_recovery_fails, at)
    if invoice.id in book.kept and found.fate is Fate.CERTAIN and found.cancels_at() is not None:
        return Prospect(case=case, fate=Fate.LEFT_ALONE, because=KEPT)
    return forecast.at_stripe(found, subscription)


def _left_alone(findings: Findings, payments: tuple[InvoicePayment, ...], integration: Integration) -> str | None:
    """Why nothing would be decided for it yet."""
    if findings.last is not None and findings.last.status is ChargeStatus.PENDING:
        return "a payment of it is under way"
    waits = integration.smart_retries.stop_stripe_retries is StopStripeRetries.NO
    if waits and findings.invoice.next_payment_attempt is not None:
        return "Stripe itself retries it"
    return other_payment.on_its_way(findings.invoice, payments)


@dataclass(frozen=True, slots=True)
class _Ledger:
    """The charges of the book as the card ledger would hold them."""

    by_card: dict[str, list[LedgerRow]]
    by_customer: dict[str | None, list[Charge]]
    by_method: dict[str | None, Charge]

    @staticmethod
    def of(book: Book) -> _Ledger:
        by_card: dict[str, list[LedgerRow]] = defaultdict(list)
        by_customer: dict[str | None, list[Charge]] = defaultdict(list)
        by_method: dict[str | None, Charge] = {}
        for charge in sorted(book.charges.values(), key=lambda each: (each.created, each.id)):
            by_card[charge.card_key()].append(record_money.ledger_row(charge))
            by_customer[charge.customer].append(charge)
            by_method[charge.payment_method] = charge
        return _Ledger(by_card, by_customer, by_method)

    def of_customer(self, customer: CustomerId, since: Instant) -> list[Charge]:
        """Newest first, as Stripe lists them."""
        return [each for each in reversed(self.by_customer.get(customer, [])) if each.created >= since]

    def newest_with(self, method: str | None) -> Charge | None:
        """The charge by which a payment method is known."""
        return self.by_method.get(method) if method is not None else None

    def history(self, card_key: str | None, own: list[Charge], at: Instant) -> CardHistory:
        """What the engine would know of the card at an instant."""
        if card_key is None:
            return CardHistory()
        since = at.minus(plan_next.LOOK_BACK)
        rows = tuple(each for each in self.by_card.get(card_key, []) if each.never or each.charge.created > since)
        return plan_next.history_from(rows, tuple(record_money.ledger_row(each) for each in own), at)


def _decide(under: Opening, ledger: _Ledger, own: list[Charge]) -> Decide:
    """The engine's decision, with what the card's charges say."""
    charges = list({each.id: each for each in own}.values())

    def decide(case: RecoveryCase, at: Instant) -> Decision:
        history = ledger.history(case.card_key, charges, at)
        return decisions.decide(case, history, under.policy, aims.aim_for(case, under.policy, at), at)

    return decide
