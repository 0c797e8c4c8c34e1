"""Stripe's test cards: which token stands for which card, and how that card always behaves.

Facts: docs.stripe.com/testing. May not charge anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.answers import ACTION, APPROVED, BLOCKED, ELEVATED, Answer, decline


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as the simulator knows it. `attach_fails` marks the cards Stripe does not attach to a customer."""

    brand: str
    last4: str
    fingerprint: str
    behaviour: str
    funding: str = "credit"
    country: str = "US"
    exp_month: int = 4
    exp_year: int = 2034
    attach_fails: bool = False
    refund: str = "succeeded"
    latent: str | None = None


ANSWERS: dict[str, Answer] = {
    "approve": APPROVED,
    "review": ELEVATED,
    "action": ACTION,
    "blocked": BLOCKED,
    "generic": decline("generic_decline"),
    "nsf": decline("insufficient_funds"),
    "lost": decline("lost_card"),
    "stolen": decline("stolen_card"),
    "expired": decline("expired_card"),
    "cvc": decline("incorrect_cvc"),
    "processing": decline("processing_error"),
    "velocity": decline("card_velocity_exceeded"),
    "fraudulent": decline("fraudulent"),
}

# suffix of tok_/pm_card_ -> (brand, last4, behaviour, attach fails, refund)
_TABLE: dict[str, tuple[str, str, str, bool, str]] = {
    "visa": ("visa", "4242", "approve", False, "succeeded"),
    "visa_debit": ("visa", "5556", "approve", False, "succeeded"),
    "mastercard": ("mastercard", "4444", "approve", False, "succeeded"),
    "mastercard_debit": ("mastercard", "8210", "approve", False, "succeeded"),
    "amex": ("amex", "8431", "approve", False, "succeeded"),
    "discover": ("discover", "9424", "approve", False, "succeeded"),
    "chargeCustomerFail": ("visa", "0341", "generic", False, "succeeded"),
    "visa_chargeCustomerFail": ("visa", "0341", "generic", False, "succeeded"),
    "visa_chargeCustomerFailLostCard": ("visa", "0342", "lost", False, "succeeded"),
    "visa_chargeCustomerFailStolenCard": ("visa", "0343", "stolen", False, "succeeded"),
    "visa_chargeDeclined": ("visa", "0002", "generic", True, "succeeded"),
    "chargeDeclined": ("visa", "0002", "generic", True, "succeeded"),
    "visa_chargeDeclinedInsufficientFunds": ("visa", "9995", "nsf", True, "succeeded"),
    "chargeDeclinedInsufficientFunds": ("visa", "9995", "nsf", True, "succeeded"),
    "visa_chargeDeclinedLostCard": ("visa", "9987", "lost", True, "succeeded"),
    "visa_chargeDeclinedStolenCard": ("visa", "9979", "stolen", True, "succeeded"),
    "visa_chargeDeclinedFraudulent": ("visa", "0019", "fraudulent", True, "succeeded"),
    "chargeDeclinedExpiredCard": ("visa", "0069", "expired", True, "succeeded"),
    "chargeDeclinedIncorrectCvc": ("visa", "0127", "cvc", True, "succeeded"),
    "chargeDeclinedProcessingError": ("visa", "0119", "processing", True, "succeeded"),
    "visa_chargeDeclinedVelocityLimitExceeded": ("visa", "6975", "velocity", True, "succeeded"),
    "authenticationRequired": ("visa", "3184", "action", False, "succeeded"),
    "threeDSecure2Required": ("visa", "3220", "action", False, "succeeded"),
    "radarBlock": ("visa", "0019", "blocked", False, "succeeded"),
    "riskLevelHighest": ("visa", "4954", "blocked", False, "succeeded"),
    "riskLevelElevated": ("visa", "9235", "review", False, "succeeded"),
    "pendingRefund": ("visa", "7726", "approve", False, "pending"),
    "refundFail": ("visa", "5126", "approve", False, "failed"),
}
_DEBIT = frozenset({"visa_debit", "mastercard_debit"})


def find(token: str) -> Card | None:
    """The card of a `tok_…` or `pm_card_…` name, None when Stripe has no such test card."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            suffix = token[len(prefix) :]
            row = _TABLE.get(suffix)
            if row is None:
                return None
            brand, last4, behaviour, attach_fails, refund = row
            return Card(
                brand=brand,
                last4=last4,
                fingerprint=chance.token(16, "test card", suffix),
                behaviour=behaviour,
                funding="debit" if suffix in _DEBIT else "credit",
                attach_fails=attach_fails,
                refund=refund,
            )
    return None
