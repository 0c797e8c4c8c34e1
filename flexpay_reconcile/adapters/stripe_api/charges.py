"""Charges and invoice payments from Stripe's plain objects, as reads and as events show them. Classifies nothing."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.adapters.stripe_api.outcomes import ACTION_CODES
from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import InvoicePayment
from flexpay_reconcile.declines.networks import scheme_of
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, PaymentMethodId
from flexpay_reconcile.values.money import Money

_STATUSES = {status.value: status for status in ChargeStatus}


def charge_of(data: dict[str, Any], account: AccountId) -> Charge:
    """A charge; BadAnswer for a status or a currency this version does not know."""
    said = fields.text(data, "status")
    status = _STATUSES.get(said)
    if status is None:
        raise fields.BadAnswer(f"the charge {data.get('id')} has the unknown status {said!r}")
    amount = fields.amount(data, "amount")
    refunded = fields.whole(data, "amount_refunded") if data.get("amount_refunded") is not None else 0
    method = fields.part(data, "payment_method_details")
    kind = fields.optional_text(method, "type")
    details = fields.part(method, kind) if kind else {}
    customer = fields.reference(data, "customer")
    payment_method = fields.reference(data, "payment_method")
    brand = _known(details, "brand")
    return Charge(
        id=ChargeId(fields.text(data, "id")),
        account=account,
        livemode=fields.flag(data, "livemode"),
        status=status,
        amount=amount,
        created=fields.instant(data, "created"),
        customer=CustomerId(customer) if customer else None,
        payment_intent=fields.reference(data, "payment_intent"),
        payment_method=PaymentMethodId(payment_method) if payment_method else None,
        payment_method_type=kind,
        fingerprint=fields.optional_text(details, "fingerprint"),
        network=scheme_of(_known(details, "network") or brand, kind),
        brand=brand,
        funding=_known(details, "funding"),
        country=fields.optional_text(details, "country"),
        last4=fields.optional_text(details, "last4"),
        refusal=_refusal(data) if status is ChargeStatus.FAILED else None,
        amount_refunded=Money(amount_minor=refunded, currency=amount.currency),
        disputed=data.get("disputed") is True,
    )


def _known(details: dict[str, Any], name: str) -> str | None:
    """A text; None where Stripe says `unknown`. Fields of rarer methods may be of any shape and are then None."""
    value = details.get(name)
    return value if isinstance(value, str) and value not in ("", "unknown") else None


def _refusal(data: dict[str, Any]) -> RefusalFacts:
    """What a failed charge says of its refusal; `outcome.reason` stays where Stripe put it."""
    outcome = fields.part(data, "outcome")
    code = fields.optional_text(data, "failure_code")
    message = fields.optional_text(data, "failure_message") or fields.optional_text(outcome, "seller_message")
    return RefusalFacts(
        error_code=code,
        advice_code=fields.optional_text(outcome, "advice_code"),
        network_decline_code=fields.optional_text(outcome, "network_decline_code"),
        network_advice_code=fields.optional_text(outcome, "network_advice_code"),
        outcome_type=fields.optional_text(outcome, "type"),
        outcome_reason=fields.optional_text(outcome, "reason"),
        network_status=fields.optional_text(outcome, "network_status"),
        message=masked(message) if message else None,
        requires_action=code in ACTION_CODES,
    )


def payment_of(data: dict[str, Any], account: AccountId) -> InvoicePayment:
    """An InvoicePayment, with its PaymentIntent's last charge where both are expanded."""
    payment = fields.part(data, "payment")
    intent = payment.get("payment_intent")
    charge: Any = intent.get("latest_charge") if isinstance(intent, dict) else payment.get("charge")
    return InvoicePayment(
        id=fields.text(data, "id"),
        status=fields.text(data, "status"),
        is_default=fields.flag(data, "is_default"),
        payment_intent=fields.reference(payment, "payment_intent"),
        payment_intent_status=fields.optional_text(intent, "status") if isinstance(intent, dict) else None,
        latest_charge=charge_of(charge, account) if isinstance(charge, dict) else None,
        payment_method=fields.reference(intent, "payment_method") if isinstance(intent, dict) else None,
    )
