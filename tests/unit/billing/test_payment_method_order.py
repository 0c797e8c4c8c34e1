"""Which payment method would be charged: Stripe's documented order."""

from __future__ import annotations

import itertools

import pytest

from flexpay_reconcile.billing.invoice import payment_method_for
from flexpay_reconcile.values.ids import PaymentMethodId
from tests.unit.billing import reads

ORDER = ("invoice", "invoice_source", "subscription", "subscription_source", "customer", "customer_source")


def chosen(present: set[str]) -> PaymentMethodId | None:
    """What is chosen when these defaults are set, each to a method of its own name."""

    def named(name: str) -> PaymentMethodId | None:
        return PaymentMethodId(f"pm_{name}") if name in present else None

    return payment_method_for(
        reads.invoice(default_payment_method=named("invoice"), default_source=named("invoice_source")),
        reads.subscription(default_payment_method=named("subscription"), default_source=named("subscription_source")),
        reads.customer(default_payment_method=named("customer"), default_source=named("customer_source")),
    )


SETS = [set(names) for count in range(len(ORDER) + 1) for names in itertools.combinations(ORDER, count)]


@pytest.mark.parametrize("present", SETS, ids=["+".join(sorted(each)) or "none" for each in SETS])
def test_the_first_default_in_order_is_chosen(present):
    """For every combination of defaults, the one that stands first in Stripe's order is charged."""
    first = next((name for name in ORDER if name in present), None)
    assert chosen(present) == (f"pm_{first}" if first else None)


def test_without_subscription_or_customer():
    """What could not be read offers nothing."""
    assert payment_method_for(reads.invoice(), None, None) is None
    assert payment_method_for(reads.invoice(default_payment_method="pm_1"), None, None) == "pm_1"
    assert payment_method_for(reads.invoice(default_source="card_1"), None, None) == "card_1"


def test_an_empty_text_is_no_method():
    """An empty id is not taken for a payment method."""
    assert payment_method_for(reads.invoice(default_payment_method=""), reads.subscription(), None) == reads.CARD
