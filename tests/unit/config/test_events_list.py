"""The events our endpoint subscribes to."""

from __future__ import annotations

from flexpay_reconcile.config import events


def test_sorted_without_doubles():
    """A set, written in order, so that a plan never shows a change of order."""
    assert list(events.ENABLED_EVENTS) == sorted(set(events.ENABLED_EVENTS))


def test_never_invoice_created_and_never_all():
    """An outage of ours must not delay the merchant's billing: Stripe waits for the answer to `invoice.created`."""
    assert "invoice.created" not in events.ENABLED_EVENTS
    assert not any("*" in each for each in events.ENABLED_EVENTS)


def test_attached_methods_wake_nothing():
    """A payment method merely attached is not an event of ours (invariant A20)."""
    assert "payment_method.attached" not in events.ENABLED_EVENTS


def test_what_recovery_cannot_do_without():
    """Failures, payments, ends of subscriptions, new default cards and charges are heard."""
    needed = {
        "invoice.payment_failed",
        "invoice.paid",
        "invoice.voided",
        "customer.updated",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "charge.failed",
        "charge.succeeded",
    }
    assert needed <= set(events.ENABLED_EVENTS)


def test_the_pin_is_supported():
    """The version we make endpoints with is one we can read, and none is listed twice."""
    assert events.API_VERSION in events.SUPPORTED_API_VERSIONS
    assert len(set(events.SUPPORTED_API_VERSIONS)) == len(events.SUPPORTED_API_VERSIONS)
