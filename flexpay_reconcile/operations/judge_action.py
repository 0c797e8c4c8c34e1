"""What fresh reads say about one final action: do it, it is done, skip it, wait, or the case ends otherwise.

Reads Stripe through the reading port, changes nothing. Asked before a final action and again after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.billing.invoice import (
    Invoice,
    InvoiceStatus,
    Subscription,
    SubscriptionStatus,
    payment_method_for,
)
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.recovery import other_payment
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind, ActionState, FinalAction
from flexpay_reconcile.values.ids import PaymentMethodId
from flexpay_reconcile.values.instant import Span

TAG = {"fp-uncollectible": "true"}
SETTLING = Span.of(hours=6)
SOON = Span.of(minutes=5)
LOOK_AT_LEAST = Span.of(days=1)
"""How often a subscription that is to end by itself is read, whatever events come."""
LAST_LOOK = Span.of(hours=1)
"""How long before its end it is read once more: what was missed can still be taken back then."""
_OVER = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Carry it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Already:
    """Stripe reads as if it were done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """It must not, or need not, be done."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now; ask again after `pause`. `expected`: it is as it should be, and nobody has to hear of it."""

    because: str
    pause: Span
    expected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEnds:
    """The reads end the case instead: paid, or closed with `word`."""

    paid: bool
    word: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChanged:
    """The customer has put in another card: it is tried before anybody is cancelled."""

    payment_method: PaymentMethodId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscheduled:
    """The end that was waited for is no longer scheduled at Stripe."""


Judgement = Due | Already | Skip | Wait | CaseEnds | CardChanged | Unscheduled


def judge(reader: BillingReader, case: RecoveryCase, action: FinalAction) -> Judgement:
    """Read, then say. Raises TryLater and OperatorError from the reader."""
    subscription = reader.subscription(case.subscription)
    invoice = reader.invoice(case.invoice)
    if invoice is None:
        return _unseen(reader, case)
    if (invoice.livemode, invoice.account) != (case.livemode, case.account):
        return Wait(because="the invoice belongs to another account or mode", pause=SETTLING)
    if invoice.status is InvoiceStatus.PAID:
        return CaseEnds(paid=True, word="paid", because="the invoice reads paid")
    if invoice.status is InvoiceStatus.UNKNOWN or (
        subscription is not None and subscription.status is SubscriptionStatus.UNKNOWN
    ):  # one odd answer must neither end a case nor skip a mark or a tag for good
        return Wait(because="the invoice or the subscription reads a status we do not know", pause=SETTLING)
    over = subscription is None or subscription.status in _OVER
    match action.kind:
        case ActionKind.CANCEL_SUBSCRIPTION:
            if over:
                called = action.state is ActionState.CALLING
                return Already() if called else Skip(because="the subscription is already over")
            return _cancel(reader, case, invoice, subscription)
        case ActionKind.SCHEDULE_CANCEL:
            return _schedule(reader, case, invoice, subscription, over=over)
        case ActionKind.AWAIT_END:
            return Already() if over else _await(reader, case, invoice, subscription)
        case ActionKind.MARK_UNCOLLECTIBLE:
            return _mark(reader, invoice, over=over)
        case ActionKind.TAG_INVOICE:
            return _tag(invoice.metadata if invoice.status is InvoiceStatus.UNCOLLECTIBLE else None)
        case ActionKind.TAG_SUBSCRIPTION:
            written_off = invoice.status is InvoiceStatus.UNCOLLECTIBLE and over
            return _tag(subscription.metadata if written_off and subscription is not None else None)
        case ActionKind.TAKE_BACK:
            raise BrokenInvariant(f"{action.case_id}: taking back is no action of a case that is finishing")


def _unseen(reader: BillingReader, case: RecoveryCase) -> Judgement:
    """A 404 is proof only while the key still sees something else of the case."""
    if reader.customer(case.customer) is None:
        return Wait(because="this key can see nothing of the case any more", pause=SETTLING)
    return CaseEnds(paid=False, word="gone", because="the invoice is gone")


def _cancel(
    reader: BillingReader, case: RecoveryCase, invoice: Invoice, subscription: Subscription | None
) -> Judgement:
    """C4 and more: nobody is cancelled who paid, is paying, goes on paying, or has put in another card."""
    if subscription is None:
        return Wait(because="the subscription cannot be seen", pause=SETTLING)
    if invoice.status is not InvoiceStatus.OPEN:
        return CaseEnds(paid=False, word="invoice_not_open", because="the invoice is no longer open")
    under_way = other_payment.on_its_way(invoice, reader.payments_of(case.invoice))
    if under_way is not None:
        return Wait(because=under_way, pause=SETTLING)
    if reader.paid_after(case.subscription, case.invoice_created_at):
        because = "the customer paid a later invoice of this subscription"
        return CaseEnds(paid=False, word="kept_paying_customer", because=because)
    chosen = payment_method_for(invoice, subscription, reader.customer(case.customer))
    if chosen is not None and case.payment_method is not None and chosen != case.payment_method:
        return CardChanged(payment_method=chosen)
    return Due()


def _schedule(
    reader: BillingReader, case: RecoveryCase, invoice: Invoice, subscription: Subscription | None, *, over: bool
) -> Judgement:
    """As strict as a cancellation (C4), and only where none is scheduled yet.

    Flag and tag are set by one request, so the tag alone says that it was done, even where somebody has since taken
    the flag away.
    """
    tag = subscription.metadata.get(CANCEL_TAG) if subscription is not None else None
    if tag == case.id:
        return Already()
    if over:
        return Skip(because="the subscription is already over")
    verdict = _cancel(reader, case, invoice, subscription)
    if subscription is None or not isinstance(verdict, Due) or not subscription.cancel_scheduled():
        return verdict
    if tag is not None and subscription.cancel_at_period_end:
        return Skip(because="it is scheduled for another invoice of this subscription")
    return Skip(because="somebody else has scheduled its cancellation, which is left alone")


def _await(reader: BillingReader, case: RecoveryCase, invoice: Invoice, subscription: Subscription | None) -> Judgement:
    """Until the subscription reads over the case may still end otherwise; each read asks what a cancellation asks."""
    verdict = _cancel(reader, case, invoice, subscription)
    if subscription is None or not isinstance(verdict, Due):
        return verdict
    if not subscription.cancel_scheduled():
        return Unscheduled()
    return Wait(because="the subscription is not over yet", pause=_until_end(subscription), expected=True)


def _until_end(subscription: Subscription) -> Span:
    """To the last look before the end, to the end itself, and soon again where the end is late."""
    if subscription.cancel_at is None:
        return LOOK_AT_LEAST
    left = subscription.cancel_at.since(subscription.read_at)
    if left <= Span(0):
        return SOON
    return min(LOOK_AT_LEAST, left if left <= LAST_LOOK else Span(left.ms - LAST_LOOK.ms))


def _mark(reader: BillingReader, invoice: Invoice, *, over: bool) -> Judgement:
    """Only after the subscription reads canceled (C5)."""
    if not over:
        return Skip(because="the subscription is not canceled")
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        return Already()
    if invoice.status is not InvoiceStatus.OPEN:
        return Skip(because=f"the invoice reads {invoice.status.value}")
    under_way = other_payment.on_its_way(invoice, reader.payments_of(invoice.id))
    return Due() if under_way is None else Wait(because=under_way, pause=SETTLING)


def _tag(metadata: dict[str, str] | None) -> Judgement:
    """Metadata of an object that was written off; None where it was not."""
    if metadata is None:
        return Skip(because="the invoice is not uncollectible, or the subscription is not over")
    return Already() if all(metadata.get(key) == value for key, value in TAG.items()) else Due()
