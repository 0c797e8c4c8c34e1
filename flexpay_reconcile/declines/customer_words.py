"""What a customer may be told about a decline. Never more than Stripe allows: some codes stay hidden."""

from __future__ import annotations

SHOWN_AS_GENERIC = frozenset({"fraudulent", "lost_card", "stolen_card", "merchant_blacklist"})
"""Codes that must not be revealed (docs.stripe.com/declines/codes, as read 2026-04-15)."""


def code_for_customer(code: str | None) -> str:
    """The code to choose a customer's words by: `generic_decline` where the true one is hidden or absent."""
    text = (code or "").strip().lower()
    return "generic_decline" if not text or text in SHOWN_AS_GENERIC else text
