"""A book of failing invoices as a take-over would find it: how few calls read it, and what is told of its odd ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.forecast import Fate
from flexpay_reconcile.billing.invoice import InvoicePayment, SubscriptionStatus
from flexpay_reconcile.config.integration import Integration, SmartRetries, StopStripeRetries
from flexpay_reconcile.operations import forecast_book
from flexpay_reconcile.operations.forecast_book import Book
from flexpay_reconcile.ports.book_reader import BookEntry
from flexpay_reconcile.recovery.forecast import Prospect
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import ChargeId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.billing import reads
from tests.unit.config import agreed
from tests.unit.recovery import book as cases

NOW = cases.after(days=2)
LOST = RefusalFacts(error_code="card_declined", decline_code="lost_card")
NOT_LOOKED_AT = cases.after(days=1)
LATER = InvoiceId("in_later")


class Shelf:
    """A book laid out by hand, which counts what is asked of it."""

    def __init__(self, *entries: BookEntry) -> None:
        """A page an entry, no payments, no charges."""
        self.entries = entries
        self.paid: list[tuple[InvoiceId, InvoicePayment]] = []
        self.charged: list[tuple[Charge, ...]] = []
        self.later: dict[str, tuple[InvoiceId, ...]] = {}
        self.calls: list[str] = []

    def pages(self, created_before: Instant) -> Iterator[tuple[BookEntry, ...]]:
        """One entry a page."""
        for each in self.entries:
            self.calls.append("page")
            assert each.invoice.created < created_before
            yield (each,)

    def payments(self) -> Iterator[tuple[tuple[InvoiceId, InvoicePayment], ...]]:
        """All in one page."""
        self.calls.append("payments")
        yield tuple(self.paid)

    def charges(self, since: Instant) -> Iterator[tuple[Charge, ...]]:
        """Page by page."""
        assert since == NOW.minus(Span.of(days=30))
        for each in self.charged:
            self.calls.append("charges")
            yield each

    def paid_after(self, subscription: SubscriptionId, created_after: Instant) -> tuple[InvoiceId, ...]:
        """As it was laid out."""
        self.calls.append(f"paid after {created_after.text()}")
        return self.later.get(subscription, ())


def entry(number: int = 1, *, latest: str | None = None, **invoice: Any) -> BookEntry:
    """A failed renewal with subscription and customer; `latest` is the newest invoice of the subscription."""
    id_ = SubscriptionId(f"sub_{number}")
    return BookEntry(
        invoice=reads.invoice(id=InvoiceId(f"in_{number}"), subscription=id_, **invoice),
        subscription=reads.subscription(id=id_, latest_invoice=InvoiceId(latest) if latest else None),
        customer=reads.customer(),
    )


def payment(charge: Charge | None, intent: str = "requires_payment_method") -> InvoicePayment:
    """The one payment of an invoice."""
    return cases.payment(intent, charge)


def told(
    found: BookEntry, charge: Charge | None = None, *, paid: InvoicePayment | None = None, **integration: Any
) -> Prospect | None:
    """What is told of one invoice whose last charge this is; None where nothing is."""
    made = Book(entries=[found])
    if paid or charge:
        made.payments[found.invoice.id].append(paid or payment(charge))
    if charge:
        made.charges[charge.id] = charge
    return next(iter(of(made, agreed.integration(**integration))), None)


def of(made: Book, integration: Integration | None = None) -> list[Prospect]:
    """All that is told of a book."""
    wanted = agreed.configuration()
    return list(forecast_book.taken_over(made, wanted, integration or agreed.integration(), revision=1, as_of=NOW))


def test_a_later_payment_is_looked_for_only_where_there_is_a_later_invoice():
    """One call for the subscription that has a newer invoice, none for the other two."""
    shelf = Shelf(entry(1), entry(2, latest="in_2"), entry(3, latest="in_later", created=NOT_LOOKED_AT))
    shelf.later = {"sub_3": (LATER,)}
    read = forecast_book.read(shelf, NOW)
    assert read.kept == {"in_3"}
    assert [each for each in shelf.calls if "paid" in each] == [f"paid after {NOT_LOOKED_AT.text()}"]
    assert (read.gets, read.unread, read.whole_history) == (len(shelf.calls), 0, True)


def test_a_later_invoice_that_was_not_paid_keeps_nobody():
    """There is a newer invoice, and it is unpaid as well."""
    shelf = Shelf(entry(latest="in_later"))
    assert forecast_book.read(shelf, NOW).kept == set()
    assert len(shelf.calls) == 3


def test_what_the_calls_do_not_reach_is_counted(monkeypatch: pytest.MonkeyPatch):
    """With one call left for three subscriptions, two are said to be unread, and their charges not all looked at."""
    monkeypatch.setattr(forecast_book, "MOST_GETS", 5)
    shelf = Shelf(*(entry(number, latest="in_later") for number in (1, 2, 3)))
    shelf.later = {f"sub_{number}": (LATER,) for number in (1, 2, 3)}
    shelf.charged = [(reads.charge(),), (reads.charge(id=ChargeId("ch_2")),)]
    read = forecast_book.read(shelf, NOW)
    assert (read.kept, read.unread) == ({"in_1"}, 2)
    assert read.charges.keys() == {"ch_1"}
    assert not read.whole_history


def test_all_charges_are_read_while_calls_are_left():
    """Every page of the last thirty days; what a payment showed already is not replaced by its copy in a list."""
    shelf = Shelf(entry())
    shown = reads.charge(amount_refunded=money.of(1, "usd"))
    shelf.paid = [(InvoiceId("in_1"), payment(shown)), (InvoiceId("in_1"), payment(None))]
    shelf.charged = [(reads.charge(),), (reads.charge(id=ChargeId("ch_2")),)]
    read = forecast_book.read(shelf, NOW)
    assert read.whole_history
    assert read.charges.keys() == {"ch_1", "ch_2"}
    assert read.charges["ch_1"] is shown
    assert [each.latest_charge for each in read.payments[InvoiceId("in_1")]] == [shown, None]


def test_of_an_empty_book_no_charge_is_read():
    """Nothing has failed: the charges of thirty days are not asked for, and nothing is told."""
    shelf = Shelf()
    shelf.charged = [(reads.charge(),)]
    read = forecast_book.read(shelf, NOW)
    assert shelf.calls == ["payments"]
    assert of(read) == []


OVER = reads.subscription(status=SubscriptionStatus.CANCELED)


@pytest.mark.parametrize(
    "changes",
    [
        {"invoice": reads.invoice(amount_remaining=money.of(0, "usd"))},
        {"subscription": OVER},
        {"subscription": None},
        {"customer": None},
        {"customer": reads.customer(deleted=True)},
    ],
    ids=["nothing left to pay", "subscription over", "no subscription", "no customer", "deleted customer"],
)
def test_what_a_take_over_would_not_open_is_not_told(changes: dict[str, Any]):
    """Beside an invoice that is told, one that can become no case is left out."""
    whole = Book(entries=[entry(2), replace(entry(1), **changes)])
    assert [each.case.invoice for each in of(whole)] == ["in_2"]


FAILED, PENDING = reads.charge(), reads.charge(status=ChargeStatus.PENDING, refusal=None)


def test_a_charge_that_is_pending_leaves_it_alone():
    """A bank has not answered yet: nothing is told to end."""
    found = told(entry(), PENDING)
    assert found is not None
    assert (found.fate, found.because) == (Fate.LEFT_ALONE, "a payment of it is under way")


@pytest.mark.parametrize("intent", ["processing", "succeeded"])
def test_money_on_its_way_leaves_it_alone(intent: str):
    """The last charge failed, but the payment itself is moving: nothing is told to end."""
    found = told(entry(), reads.charge(refusal=LOST), paid=payment(None, intent))
    assert found is not None
    assert (found.fate, found.actions) == (Fate.LEFT_ALONE, ())
    assert "a payment of it" in found.because


@pytest.mark.parametrize(
    ("stop", "planned", "fate"),
    [
        (StopStripeRetries.NO, True, Fate.LEFT_ALONE),
        (StopStripeRetries.NO, False, Fate.POSSIBLE),
        (StopStripeRetries.PER_INVOICE, True, Fate.POSSIBLE),
    ],
)
def test_what_stripe_itself_retries_is_left_alone(stop: StopStripeRetries, planned: bool, fate: Fate):
    """With `no` an invoice that Stripe will retry would be parked; with `per_invoice` its retries are stopped (A15)."""
    planned_at = NOW.plus(Span.of(days=1)) if planned else None
    found = told(entry(next_payment_attempt=planned_at), FAILED, smart_retries=SmartRetries(stop_stripe_retries=stop))
    assert found is not None
    assert found.fate is fate
    assert (found.because == "Stripe itself retries it") is (fate is Fate.LEFT_ALONE)


@pytest.mark.parametrize(("charge", "kept"), [(reads.charge(refusal=LOST), True), (FAILED, False)])
def test_who_paid_a_later_invoice_is_not_cancelled(charge: Charge, kept: bool):
    """A certain cancellation is none for who paid since (C4); what is to be tried again is told as ever."""
    made = Book(entries=[entry()], kept={InvoiceId("in_1")}, charges={charge.id: charge})
    made.payments[InvoiceId("in_1")].append(payment(charge))
    (found,) = of(made)
    assert (found.because == forecast_book.KEPT) is kept
    assert found.fate is (Fate.LEFT_ALONE if kept else Fate.POSSIBLE)
    made.kept.clear()
    (found,) = of(made)
    assert found.fate is (Fate.CERTAIN if kept else Fate.POSSIBLE)


def test_without_any_card_it_ends_with_its_window():
    """Nothing was ever charged and there is no payment method: only the customer could end it otherwise."""
    bare = entry()
    found = told(replace(bare, subscription=reads.subscription(default_payment_method=None)))
    assert found is not None
    assert (found.fate, found.case.card_key) == (Fate.CERTAIN, None)
    assert found.cancels_at() == NOW.plus(agreed.policy().window)


def test_a_card_that_is_gone_decides_nothing():
    """It was tried up to its ceiling and then taken off: with no card left nothing is counted, as in the engine."""
    bare = replace(entry(), subscription=reads.subscription(default_payment_method=None))
    tried = [reads.charge(id=ChargeId(f"ch_{hour:02}"), created=cases.after(hours=hour)) for hour in range(40)]
    made = Book(entries=[bare], charges={each.id: each for each in tried})
    made.payments[InvoiceId("in_1")].append(payment(tried[-1]))
    (found,) = of(made)
    assert found.case.card_key is None
    assert found.cancels_at() == NOW.plus(agreed.policy().window)


def test_an_earlier_refusal_of_the_card_makes_it_certain():
    """The invoice's own charge was refused for lack of funds, but the card was reported lost a month ago: it ends."""
    assert (plain := told(entry(), FAILED)) is not None
    assert plain.fate is Fate.POSSIBLE
    earlier = reads.charge(id=ChargeId("ch_0"), payment_intent="pi_0", refusal=LOST)
    made = Book(entries=[entry()], charges={FAILED.id: FAILED, earlier.id: earlier})
    made.payments[InvoiceId("in_1")].append(payment(FAILED))
    (found,) = of(made)
    assert found.fate is Fate.CERTAIN


@pytest.mark.parametrize("card", [reads.CARD, None])
def test_a_charge_of_nobody_counts_for_nobody(card: PaymentMethodId | None):
    """A charge that names neither customer nor payment method tells nothing of others, not even of who has no card."""
    nobodys = reads.charge(id=ChargeId("ch_9"), customer=None, payment_method=None, fingerprint=None, refusal=LOST)
    made = Book(entries=[replace(entry(), subscription=reads.subscription(default_payment_method=card))])
    before = of(made)
    made.charges[nobodys.id] = nobodys
    assert of(made) == before
    assert before[0].case.card_key == card
