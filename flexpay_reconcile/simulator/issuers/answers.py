"""What an issuer (or Stripe in its place) answers to a charge, in the fields a charge and an error show.

May not decide anything: `issuers` decides, this module only spells the answer out.
"""

from __future__ import annotations

from dataclasses import dataclass

# Stripe's test cards for these four give the code without a decline_code (docs: testing).
WITHOUT_DECLINE_CODE = frozenset({"expired_card", "incorrect_cvc", "processing_error", "incorrect_number"})

# Response codes of field 39 that commonly stand behind Stripe's words.
NETWORK_CODES = {
    "insufficient_funds": "51",
    "do_not_honor": "05",
    "lost_card": "41",
    "stolen_card": "43",
    "pickup_card": "04",
    "expired_card": "54",
    "transaction_not_allowed": "57",
    "restricted_card": "62",
    "card_velocity_exceeded": "65",
    "withdrawal_count_limit_exceeded": "65",
    "call_issuer": "01",
    "processing_error": "96",
    "issuer_not_available": "91",
    "invalid_account": "46",
    "incorrect_number": "14",
    "revocation_of_authorization": "R1",
    "security_violation": "63",
    "revocation_of_all_authorizations": "R3",
    "stop_payment_order": "R0",
    "authentication_required": "1A",
    "incorrect_cvc": "N7",
    "fraudulent": "59",
    "invalid_amount": "13",
}

_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently or exceeding its "
    "amount limit.",
    "card_not_supported": "Your card is not supported.",
    "currency_not_supported": "Your card does not support this currency.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `code` and `decline_code` are None when approved; `requires_action` means 3D Secure is asked for.

    `pending`: a bank debit was sent and the answer comes days later. `type_` is the type of the error it makes.
    """

    approved: bool
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    advice_code: str | None = None
    outcome_type: str = "authorized"
    network_status: str = "approved_by_network"
    reason: str | None = None
    risk_level: str = "normal"
    rule: str | None = None
    seller_message: str = "Payment complete."
    requires_action: bool = False
    pending: bool = False
    type_: str = "card_error"


APPROVED = Answer(approved=True)
ELEVATED = Answer(
    approved=True,
    outcome_type="manual_review",
    reason="elevated_risk_level",
    risk_level="elevated",
    seller_message="Stripe evaluated this payment as having elevated risk, and placed it in your manual review queue.",
)
ACTION = Answer(
    approved=False,
    code="invoice_payment_intent_requires_action",
    requires_action=True,
    message="This payment requires additional user action before it can be completed successfully. Payment "
    "can be completed using the PaymentIntent associated with the invoice.",
)


PENDING = Answer(approved=False, pending=True, network_status="approved_by_network", risk_level="not_assessed")
"""A bank debit on its way; outcome as Stripe shows it for a payment the bank has not answered yet [INFER]."""


def decline(
    code: str,
    *,
    network_decline_code: str | None = None,
    network_advice_code: str | None = None,
    advice_code: str | None = None,
    outcome_type: str | None = None,
    outcome_reason: str | None = None,
    network_status: str | None = None,
) -> Answer:
    """The refusal for a decline code; what is not given is filled in as Stripe usually shows it.

    `network_status` reversed_after_approval: the bank approved and Stripe reversed it (docs: charge.outcome).
    """
    kind = outcome_type or "issuer_declined"
    at_network = kind not in ("blocked", "invalid")
    bare = code in WITHOUT_DECLINE_CODE
    return Answer(
        approved=False,
        code=code if bare else "card_declined",
        decline_code=None if bare else code,
        message=_MESSAGES.get(code, "Your card was declined."),
        network_decline_code=(network_decline_code or NETWORK_CODES.get(code)) if at_network else network_decline_code,
        network_advice_code=network_advice_code,
        advice_code=advice_code,
        outcome_type=kind,
        network_status=network_status or ("declined_by_network" if at_network else "not_sent_to_network"),
        reason=outcome_reason or code,
        risk_level="highest" if outcome_reason == "highest_risk_level" else "normal",
        rule="block_by_rule" if outcome_reason == "rule" else None,
        seller_message="Stripe blocked this payment."
        if kind == "blocked"
        else "The bank did not return any further details with this decline."
        if code in ("generic_decline", "do_not_honor")
        else f"The bank returned the decline code `{code}`.",
    )


BLOCKED = decline("fraudulent", outcome_type="blocked", outcome_reason="highest_risk_level")
RETRIED_TOO_OFTEN = decline(
    "generic_decline", outcome_type="blocked", outcome_reason="previously_declined_do_not_retry"
)
"""Stripe's own refusal to send a Visa attempt again (support article: payment blocked due to excessive retries)."""

_BANK_CODES = {  # Stripe's code -> (ACH return code, sentence); sentences inferred
    "insufficient_funds": ("R01", "The customer's account has insufficient funds to cover this payment."),
    "account_closed": ("R02", "The customer's bank account has been closed."),
    "no_account": ("R03", "The customer's bank account could not be located."),
    "debit_not_authorized": ("R10", "The customer has notified their bank that this payment was unauthorized."),
    "bank_account_restricted": ("R16", "The customer's bank account cannot be debited."),
    "invalid_currency": (None, "The bank account cannot be debited in this currency."),
    "charge_exceeds_source_limit": (None, "This payment would exceed the account's weekly volume limit."),
    "charge_exceeds_weekly_limit": (None, "This payment exceeds the account's transaction volume limit."),
}


def returned(code: str, *, ach: bool) -> Answer:
    """A bank debit that came back days after it was sent.

    The charge's failure_code is the code itself. That the outcome reads issuer_declined with the return code as
    network_decline_code is inferred, as is the error's type invalid_request_error.
    """
    network_code, message = _BANK_CODES.get(code, (None, "The payment failed."))
    return Answer(
        approved=False,
        code=code,
        message=message,
        network_decline_code=network_code if ach else None,
        outcome_type="issuer_declined",
        network_status="declined_by_network",
        reason=code,
        risk_level="not_assessed",
        seller_message="The customer's bank returned this payment.",
        type_="invalid_request_error",
    )


AUTHENTICATION_FAILED = Answer(
    approved=False,
    code="payment_intent_authentication_failure",
    message="The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again.",
    type_="invalid_request_error",
)
