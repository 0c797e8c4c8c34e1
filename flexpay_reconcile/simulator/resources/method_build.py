"""How payment methods and charges show the card or bank account behind them.

May not change anything.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.issuers.banks import BankAccount
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.resources.instruments import Instrument
from flexpay_reconcile.simulator.state import Obj

_US_CHARGED = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
_SEPA_CHARGED = ("bank_code", "branch_code", "country", "fingerprint", "last4")
_AUTHENTICATED = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}


def shown(instrument: Instrument) -> Obj:
    """The hash of a payment method that says what it is, under the name of its type."""
    if isinstance(instrument, Card):
        return _card(instrument)
    return _us_account(instrument) if instrument.kind == "us_bank_account" else _sepa(instrument)


def kind(instrument: Instrument) -> str:
    """The `type` of a payment method."""
    return "card" if isinstance(instrument, Card) else instrument.kind


def _checks(card: Card) -> Obj:
    line, postal, cvc = card.checks
    return {"address_line1_check": line, "address_postal_code_check": postal, "cvc_check": cvc}


def _wallet(name: str | None) -> Obj | None:
    return None if name is None else {"dynamic_last4": None, "type": name, name: {}}


def _card(card: Card) -> Obj:
    return {
        "brand": card.brand,
        "checks": _checks(card),
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": _wallet(card.wallet),
    }


def _us_account(bank: BankAccount) -> Obj:
    return {
        "account_holder_type": bank.holder,
        "account_type": bank.account,
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": bank.fingerprint,
        "last4": bank.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": bank.routing_number,
        "status_details": {},
    }


def _sepa(bank: BankAccount) -> Obj:
    return {
        "bank_code": bank.bank_code,
        "branch_code": "",
        "country": bank.country,
        "fingerprint": bank.fingerprint,
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": bank.last4,
    }


def charged(method: Obj, instrument: Instrument | None, amount: int, *, approved: bool, authenticated: bool) -> Obj:
    """The `payment_method_details` of a charge: a snapshot of the payment method, and how it was used."""
    type_ = method["type"]
    own = method[type_]
    if type_ == "us_bank_account":
        return {type_: {**{name: own[name] for name in _US_CHARGED}, "payment_reference": None}, "type": type_}
    if type_ == "sepa_debit":
        return {type_: {**{name: own[name] for name in _SEPA_CHARGED}, "mandate": None}, "type": type_}
    token = isinstance(instrument, Card) and instrument.network_token
    return {
        "card": {
            "amount_authorized": amount if approved else None,
            "authorization_code": None,
            "brand": own["brand"],
            "checks": own["checks"],
            "country": own["country"],
            "exp_month": own["exp_month"],
            "exp_year": own["exp_year"],
            "fingerprint": own["fingerprint"],
            "funding": own["funding"],
            "installments": None,
            "last4": own["last4"],
            "mandate": None,
            "network": own["brand"],
            "network_token": {"used": token},
            "network_transaction_id": None,
            "regulated_status": "unregulated",
            "three_d_secure": _AUTHENTICATED if authenticated else None,
            "wallet": own["wallet"],
        },
        "type": "card",
    }
