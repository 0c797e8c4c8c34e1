"""Stripe's test cards as data: number, brand, and how each behaves. May not contain behaviour.

Facts: docs.stripe.com/testing and /disputes/testing (mirrors of 2026), stripe-cli fixtures. Cards that have a token but
no published number stand with the number of their family. Tokens written `tok_…` and `pm_card_…` share one suffix.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A test card. `attaches` says whether Stripe attaches it to a customer; `after` what follows a paid charge."""

    number: str
    behaviour: str = "approve"
    attaches: bool = True
    refund: str = "succeeded"
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    checks: tuple[str | None, str | None, str | None] = (None, None, "pass")
    after: str | None = None
    last4: str | None = None


def _brand(number: str, brand: str, funding: str = "credit", last4: str | None = None) -> Row:
    return Row(number, brand=brand, funding=funding, last4=last4)


def _declined(number: str, behaviour: str) -> Row:
    return Row(number, behaviour, attaches=False)


def _followed(number: str, after: str) -> Row:
    return Row(number, after=after)


_BRANDS = {
    "visa": _brand("4242424242424242", "visa"),
    "visa_debit": _brand("4000056655665556", "visa", "debit"),
    "mastercard": _brand("5555555555554444", "mastercard"),
    "mastercard_debit": _brand("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": _brand("5105105105105100", "mastercard", "prepaid"),
    "amex": _brand("371449635398431", "amex"),
    "discover": _brand("6011000990139424", "discover"),
    "diners": _brand("36227206271667", "diners"),
    "jcb": _brand("3566002020360505", "jcb"),
    "unionpay": _brand("6200000000000005", "unionpay"),
}
_COUNTRIES = {
    "us": "4242424242424242",
    "ar": "4000000320000021",
    "at": "4000000400000008",
    "au": "4000000360000006",
    "be": "4000000560000004",
    "br": "4000000760000002",
    "ca": "4000001240000000",
    "ch": "4000007560000009",
    "de": "4000002760000016",
    "dk": "4000002080000001",
    "es": "4000007240000007",
    "fi": "4000002460000001",
    "fr": "4000002500000003",
    "gb": "4000008260000000",
    "ie": "4000003720000005",
    "in": "4000003560000008",
    "it": "4000003800000008",
    "jp": "4000003920000003",
    "mx": "4000004840008001",
    "nl": "4000005280000002",
    "no": "4000005780000007",
    "nz": "4000005540000008",
    "pl": "4000006160000005",
    "pt": "4000006200000007",
    "se": "4000007520000008",
    "sg": "4000007020000003",
}
_DECLINES = {
    # These two attach to a customer, and every charge of them fails.
    "chargeCustomerFail": Row("4000000000000341", "generic"),
    "visa_chargeCustomerFail": Row("4000000000000341", "generic"),
    "visa_chargeCustomerFailLostCard": Row("4000000000000341", "lost", last4="0342"),
    "visa_chargeCustomerFailStolenCard": Row("4000000000000341", "stolen", last4="0343"),
    # These do not attach.
    "visa_chargeDeclined": _declined("4000000000000002", "generic"),
    "chargeDeclined": _declined("4000000000000002", "generic"),
    "visa_chargeDeclinedInsufficientFunds": _declined("4000000000009995", "nsf"),
    "chargeDeclinedInsufficientFunds": _declined("4000000000009995", "nsf"),
    "visa_chargeDeclinedLostCard": _declined("4000000000009987", "lost"),
    "visa_chargeDeclinedStolenCard": _declined("4000000000009979", "stolen"),
    "visa_chargeDeclinedFraudulent": _declined("4100000000000019", "fraudulent"),
    "chargeDeclinedExpiredCard": _declined("4000000000000069", "expired"),
    "chargeDeclinedIncorrectCvc": _declined("4000000000000127", "cvc"),
    "chargeDeclinedProcessingError": _declined("4000000000000119", "processing"),
    "visa_chargeDeclinedVelocityLimitExceeded": _declined("4000000000006975", "velocity"),
}
_SECURE = {
    "authenticationRequired": Row("4000002760003184", "action"),
    "authenticationRequiredOnSetup": Row("4000002500003155", "action_unless_set_up"),
    "authenticationRequiredSetupForOffSession": Row("4000003800000446", "action_on_session"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Row("4000008260003178", "action_nsf"),
    "threeDSecure2Required": Row("4000000000003220", "action"),
    "threeDSecureRequired": Row("4000000000003063", "action"),
    "threeDSecureRequiredChargeDeclined": Row("4000008400001629", "action_generic"),
    "threeDSecureRequiredProcessingError": Row("4000008400001280", "action_processing"),
    "threeDSecureOptional": Row("4000000000003055"),
    "threeDSecureOptionalProcessingError": Row("4000000000003097"),
}
_RADAR = {
    "radarBlock": Row("4100000000000019", "blocked"),
    "riskLevelHighest": Row("4000000000004954", "blocked"),
    "riskLevelElevated": Row("4000000000009235", "review"),
    "cvcCheckFail": Row("4000000000000101", checks=(None, None, "fail")),
    "avsZipFail": Row("4000000000000036", checks=("pass", "fail", "pass")),
    "avsLine1Fail": Row("4000000000000028", checks=("fail", "pass", "pass")),
    "avsFail": Row("4000000000000010", checks=("fail", "fail", "pass")),
    "avsUnchecked": Row("4000000000000044", checks=("unavailable", "unavailable", "pass")),
}
_LATER = {
    "pendingRefund": Row("4000000000007726", refund="pending"),
    "refundFail": Row("4000000000005126", refund="failed"),
    "createDispute": _followed("4000000000000259", "fraudulent"),
    "createDisputeProductNotReceived": _followed("4000000000002685", "product_not_received"),
    "createDisputeInquiry": _followed("4000000000001976", "inquiry"),
    "createMultipleDisputes": _followed("4000000404000079", "multiple"),
    "createCe3EligibleDispute": _followed("4000000404000038", "fraudulent"),
    "createComplianceDispute": _followed("4000008400000779", "compliance"),
    "createIssuerFraudRecord": _followed("4000000000005423", "early_fraud_warning"),
}

ROWS: dict[str, Row] = {
    **_BRANDS,
    **{code: Row(number, country=code.upper()) for code, number in _COUNTRIES.items()},
    **_DECLINES,
    **_SECURE,
    **_RADAR,
    **_LATER,
}
"""By the suffix of `tok_…` and `pm_card_…`."""

INCORRECT = "4242424242424241"
"""The number with a wrong check digit: refused when a payment method is made of it (incorrect_number)."""
_MORE_NUMBERS = {
    "2223003122003222": "mastercard",
    "378282246310005": "amex",
    "6011111111111117": "discover",
    "3056930009020004": "diners",
}
BY_NUMBER: dict[str, str] = {
    **_MORE_NUMBERS,
    **{row.number: suffix for suffix, row in reversed(ROWS.items())},
    "4242424242424242": "visa",
    "4000000000000341": "chargeCustomerFail",
    "4100000000000019": "radarBlock",
    "4000000000000002": "visa_chargeDeclined",
}
"""Test number -> suffix; where several tokens share a number, the card the number itself stands for."""
