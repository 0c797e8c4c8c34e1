"""Which Stripe events our endpoint subscribes to, and in which API versions we can read them. Sends nothing.

`invoice.created` is not among them and must never be: Stripe waits for an answer to it before it finalizes an
invoice, so an outage of ours would delay the merchant's billing. Never `*` either.
"""

from __future__ import annotations

ENABLED_EVENTS: tuple[str, ...] = (
    "charge.failed",
    "charge.succeeded",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "payment_method.automatically_updated",
    "payment_method.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
)
"""Sorted. Attached payment methods wake nothing, and `charge.refunded` says no more than `refund.*`."""

DEAUTHORIZED = "account.application.deauthorized"
"""A connected account has taken our access back; told to a platform's Connect endpoints alone."""

CONNECT_EVENTS: tuple[str, ...] = (DEAUTHORIZED, *ENABLED_EVENTS)
"""What an endpoint for connected accounts subscribes to. Sorted."""

API_VERSION = "2026-10-28.endive"
"""The Stripe API version of every request and of every endpoint we make: the pin of the SDK we ship with."""

SUPPORTED_API_VERSIONS: tuple[str, ...] = (API_VERSION, "2026-09-30.endive", "2026-05-27.dahlia")
"""Versions whose events read alike in every field we use; an endpoint of another version is replaced."""
