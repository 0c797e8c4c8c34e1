"""May an invoice become a case: one test for each reason why not."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.invoice import BillingReason, InvoiceStatus, SubscriptionStatus
from flexpay_reconcile.config.integration import Status
from flexpay_reconcile.config.keys import Environment
from flexpay_reconcile.recovery.eligibility import NotEligible, judge_invoice, judge_subscription
from flexpay_reconcile.values import money
from tests.unit.billing import reads
from tests.unit.config import agreed

CONFIGURATION = agreed.configuration()
LIVING = {
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE,
    SubscriptionStatus.UNPAID,
    SubscriptionStatus.TRIALING,
}


def judged(invoice, **integration):
    """The verdict on an invoice."""
    return judge_invoice(invoice, agreed.integration(**integration), CONFIGURATION)


def test_a_failed_renewal_is_eligible():
    """An open, attempted renewal with something remaining becomes a case."""
    verdict = judged(reads.invoice())
    assert verdict.eligible
    assert verdict.reason is None


REASONS = [
    ({"livemode": True}, NotEligible.WRONG_MODE),
    ({"status": InvoiceStatus.PAID}, NotEligible.NOT_OPEN),
    ({"status": InvoiceStatus.DRAFT}, NotEligible.NOT_OPEN),
    ({"status": InvoiceStatus.VOID}, NotEligible.NOT_OPEN),
    ({"status": InvoiceStatus.UNCOLLECTIBLE}, NotEligible.NOT_OPEN),
    ({"status": InvoiceStatus.UNKNOWN}, NotEligible.NOT_OPEN),
    ({"collection_method": "send_invoice"}, NotEligible.NOT_AUTOMATIC),
    ({"collection_method": "something_new"}, NotEligible.NOT_AUTOMATIC),
    ({"attempted": False}, NotEligible.NOT_ATTEMPTED),
    ({"amount_remaining": money.of(0, "usd")}, NotEligible.NOTHING_REMAINING),
    ({"amount_remaining": money.of(-100, "usd")}, NotEligible.NOTHING_REMAINING),
    ({"subscription": None}, NotEligible.NO_SUBSCRIPTION),
    ({"customer": None}, NotEligible.NO_CUSTOMER),
    ({"billing_reason": BillingReason.SUBSCRIPTION_CREATE}, NotEligible.FIRST_INVOICE),
    ({"amount_remaining": money.of(1999, "gbp")}, NotEligible.CURRENCY_NOT_DECLARED),
]


@pytest.mark.parametrize(("changes", "reason"), REASONS)
def test_each_reason(changes, reason):
    """One fact out of order names exactly its reason."""
    verdict = judged(reads.invoice(**changes))
    assert verdict.reason is reason
    assert not verdict.eligible


@pytest.mark.parametrize("status", [Status.DISABLED, Status.RELEASED])
def test_no_new_case_where_the_integration_is_not_enabled(status):
    """A disabled or released integration takes in nothing, from wherever it comes (invariant E7)."""
    assert judged(reads.invoice(), status=status).reason is NotEligible.INTEGRATION_NOT_ENABLED


def test_a_live_integration_takes_live_invoices_only():
    """Mode is compared both ways (invariant A16)."""
    assert judged(reads.invoice(), environment=Environment.LIVE).reason is NotEligible.WRONG_MODE
    assert judged(reads.invoice(livemode=True), environment=Environment.LIVE).eligible


def test_the_wrong_mode_is_told_before_all_else():
    """Nothing is said about an object of another mode but that."""
    wrong = reads.invoice(livemode=True, status=InvoiceStatus.PAID, subscription=None)
    assert judged(wrong, status=Status.DISABLED).reason is NotEligible.WRONG_MODE


def test_first_invoices_only_where_included():
    """The first invoice of a subscription becomes a case where the operator asked for it."""
    first = reads.invoice(billing_reason=BillingReason.SUBSCRIPTION_CREATE)
    assert judged(first, include_first_invoice=True).eligible


@pytest.mark.parametrize("reason", [each for each in BillingReason if each is not BillingReason.SUBSCRIPTION_CREATE])
def test_other_billing_reasons_are_eligible(reason):
    """What makes an invoice ours is its subscription, not why it was billed."""
    assert judged(reads.invoice(billing_reason=reason)).eligible


def test_every_reason_is_tested():
    """No reason of the list is without a test here."""
    tested = {reason for _, reason in REASONS} | {NotEligible.INTEGRATION_NOT_ENABLED, NotEligible.SUBSCRIPTION_OVER}
    tested |= {NotEligible.SUBSCRIPTION_UNKNOWN}
    assert tested == set(NotEligible)


@pytest.mark.parametrize("status", list(SubscriptionStatus))
@pytest.mark.parametrize("first_included", [False, True])
def test_subscriptions(status, first_included):
    """Only a living subscription's invoices are retried; an incomplete one's only where first invoices are included."""
    verdict = judge_subscription(
        reads.subscription(status=status), agreed.integration(include_first_invoice=first_included)
    )
    wanted = status in LIVING or (status is SubscriptionStatus.INCOMPLETE and first_included)
    assert verdict.eligible is wanted
    unknown = status is SubscriptionStatus.UNKNOWN
    assert wanted or verdict.reason is (NotEligible.SUBSCRIPTION_UNKNOWN if unknown else NotEligible.SUBSCRIPTION_OVER)


def test_a_subscription_that_is_gone():
    """A subscription that cannot be found is over."""
    assert judge_subscription(None, agreed.integration()).reason is NotEligible.SUBSCRIPTION_OVER
