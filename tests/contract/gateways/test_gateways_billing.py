"""Reading and writing through the real SDK against the simulator."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.invoice import InvoiceStatus, SubscriptionStatus
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.ports.billing_writer import WriteResult
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import CustomerId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from tests.contract.gateways.worlds import EPOCH, card_of, site, there


def test_a_failed_renewal_is_read_whole():
    """Invoice, subscription, customer, payments and charges of a declined renewal fit together."""
    here = site()
    invoice = here.fail_ada("insufficient_funds")
    assert (invoice.status, invoice.attempted, invoice.amount_remaining) == (
        InvoiceStatus.OPEN,
        True,
        money.of(2900, "usd"),
    )
    assert invoice.read_at.seconds == here.world.now
    subscription = here.reader.subscription(there(invoice.subscription))
    assert subscription is not None
    assert (subscription.status, subscription.customer) == (SubscriptionStatus.PAST_DUE, invoice.customer)
    customer = here.reader.customer(there(invoice.customer))
    assert customer is not None
    assert (customer.country, customer.deleted) == ("US", False)
    (payment, *_) = here.reader.payments_of(invoice.id)
    assert payment.latest_charge is not None
    refusal = payment.latest_charge.refusal
    assert refusal is not None
    assert (refusal.error_code, refusal.outcome_reason, refusal.network_decline_code) == (
        "card_declined",
        "insufficient_funds",
        "51",
    )
    assert (payment.latest_charge.network, payment.latest_charge.payment_method) == ("visa", card_of(here, invoice))
    charges = here.reader.charges_of(there(invoice.customer), EPOCH)
    assert charges[0].id == payment.latest_charge.id
    assert [charge.created for charge in charges] == sorted((c.created for c in charges), reverse=True)
    assert here.reader.charges_of(there(invoice.customer), Instant.from_seconds(here.world.now + 1)) == ()
    assert [found.id for found in here.reader.open_invoices(EPOCH)] == [invoice.id]
    assert here.reader.open_invoices(invoice.created) == ()
    paid = here.reader.paid_after(there(invoice.subscription), EPOCH)
    assert invoice.id not in paid
    assert here.reader.paid_after(there(invoice.subscription), invoice.created) == ()


def test_what_is_not_there_is_none():
    """Unknown ids are None or empty for every read."""
    reader = site().reader
    assert reader.invoice(InvoiceId("in_none")) is None
    assert reader.subscription(SubscriptionId("sub_none")) is None
    assert reader.customer(CustomerId("cus_none")) is None
    assert reader.payments_of(InvoiceId("in_none")) == ()
    assert reader.charges_of(CustomerId("cus_none"), EPOCH) == ()
    assert reader.paid_after(SubscriptionId("sub_none"), EPOCH) == ()


def test_final_actions_and_their_second_time():
    """Cancel, write off and tag each work once, and tell the second time that it is so already."""
    here = site()
    invoice = here.fail_ada()
    subscription = invoice.subscription
    assert subscription is not None
    assert here.writer.stop_auto_advance(invoice.id, idempotency_key="k0") is WriteResult.DONE
    assert there(here.reader.invoice(invoice.id)).auto_advance is False
    assert here.writer.cancel_now(subscription, prorate=False, comment="fp case 1") is WriteResult.DONE
    canceled = there(here.reader.subscription(subscription))
    assert (canceled.status, canceled.cancellation_comment) == (SubscriptionStatus.CANCELED, "fp case 1")
    assert here.writer.cancel_now(subscription, prorate=False, comment="x") in (
        WriteResult.ALREADY,
        WriteResult.MISSING,
    )
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k1") is WriteResult.DONE
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k1") is WriteResult.DONE
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k2") is WriteResult.ALREADY
    tag = {"fp-uncollectible": "true"}
    assert here.writer.tag_invoice(invoice.id, tag, idempotency_key="k3") is WriteResult.DONE
    assert here.writer.tag_subscription(subscription, tag, idempotency_key="k4") is WriteResult.DONE
    marked = there(here.reader.invoice(invoice.id))
    assert (marked.status, marked.metadata) == (InvoiceStatus.UNCOLLECTIBLE, tag)
    assert there(here.reader.subscription(subscription)).metadata == tag
    assert here.writer.cancel_now(SubscriptionId("sub_none"), prorate=True, comment="x") is WriteResult.MISSING
    assert here.writer.tag_invoice(InvoiceId("in_none"), tag, idempotency_key="k5") is WriteResult.MISSING


def test_a_cancellation_is_scheduled_and_taken_back_with_its_tag():
    """Flag and tag come and go together, other metadata stays, and what is over says that it is so already."""
    here = site()
    subscription = there(here.fail_ada().subscription)
    own, none = {"fp_cancel": "acct_1/in_1/1"}, {"fp_cancel": ""}
    assert here.writer.tag_subscription(subscription, {"seat": "3"}, idempotency_key="k1") is WriteResult.DONE
    assert here.writer.schedule_cancel(subscription, own, idempotency_key="k2") is WriteResult.DONE
    flagged = there(here.reader.subscription(subscription))
    assert (flagged.cancel_at_period_end, flagged.cancel_scheduled()) == (True, True)
    assert flagged.cancel_at is not None
    assert flagged.metadata == {"seat": "3"} | own
    assert here.writer.unschedule_cancel(subscription, none, idempotency_key="k3") is WriteResult.DONE
    free = there(here.reader.subscription(subscription))
    assert (free.cancel_at_period_end, free.cancel_scheduled(), free.metadata) == (False, False, {"seat": "3"})
    assert here.writer.schedule_cancel(subscription, own, idempotency_key="k2") is WriteResult.DONE  # a replay
    assert there(here.reader.subscription(subscription)).cancel_scheduled() is False
    here.writer.cancel_now(subscription, prorate=False, comment="x")
    assert here.writer.schedule_cancel(subscription, own, idempotency_key="k4") is WriteResult.ALREADY
    assert here.writer.unschedule_cancel(subscription, none, idempotency_key="k5") is WriteResult.ALREADY
    nobody = SubscriptionId("sub_none")
    assert here.writer.schedule_cancel(nobody, own, idempotency_key="k6") is WriteResult.MISSING


WRITE_FAULTS = [
    ("refused", WriteResult.NOT_DONE),
    ("429_lock", WriteResult.NOT_DONE),
    ("lost_answer", WriteResult.UNKNOWN),
    ("500", WriteResult.UNKNOWN),
    ("409", WriteResult.UNKNOWN),
]


@pytest.mark.parametrize(("kind", "result"), WRITE_FAULTS)
def test_faults_of_writes(kind, result):
    """Unknown is not failed for writes either."""
    here = site()
    invoice = here.fail_ada()
    here.transport.faults.add(kind, method="POST", path="/v1/invoices/*")
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k") is result


@pytest.mark.parametrize("kind", ["refused", "timeout_before", "lost_answer", "500", "429_lock", "409"])
def test_faults_of_reads_can_wait(kind):
    """Every fault of a read is TryLater, and the next read works."""
    here = site()
    invoice = here.fail_ada()
    here.transport.faults.add(kind, method="GET")
    with pytest.raises(TryLater):
        here.reader.invoice(invoice.id)
    assert here.reader.invoice(invoice.id) is not None


def test_long_lists_are_read_to_their_end():
    """More failed invoices than one page holds are all found."""
    book = {"name": "b", "count": 230, "price": "gold", "world": "us-mixed", "started_within_days": 28}
    here = site(books=[book])
    (account,) = here.world.sim.accounts.values()
    for customer in account.table("customer").rows:
        control.decline(here.world, customer, "insufficient_funds")
    here.world.advance_to(here.world.now + 31 * 86_400)
    found = here.reader.open_invoices(EPOCH)
    assert len(found) > 100
    assert {invoice.id for invoice in found} == {
        row["id"] for row in control.open_invoices(here.world) if row["status"] == "open"
    }


def test_the_simulators_clock_is_seen():
    """Every answer says what time it is for the simulator."""
    here = site()
    here.fail_ada()
    assert here.gateways.connection.simulator_clock == Instant.from_seconds(here.world.now)
