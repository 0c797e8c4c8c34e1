"""What a payment method is made of: a token, a test number, an IBAN; and Stripe's refusals of what will not do.

May not keep anything.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers import banks, cards
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.resources.instruments import Instrument, find
from flexpay_reconcile.simulator.state import Call, Obj

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
BILLING_DETAILS: Shape = {
    "name": "string?",
    "email": "string?",
    "phone": "string?",
    "address": dict.fromkeys(_ADDRESS, "string?"),
}
DATA: Shape = {
    "type!": ("card", "us_bank_account", "sepa_debit"),
    "card": {"token": "string", "number": "string", "exp_month": "int", "exp_year": "int", "cvc": "string"},
    "us_bank_account": {
        "account_holder_type": ("company", "individual"),
        "account_number": "string",
        "account_type": ("checking", "savings"),
        "routing_number": "string",
    },
    "sepa_debit": {"iban!": "string"},
    "metadata": "map",
    "billing_details": BILLING_DETAILS,
    "allow_redisplay": ("always", "limited", "unspecified"),
}
INLINE: Shape = {
    **{name: rule for name, rule in DATA.items() if name != "card"},
    "type!": ("us_bank_account", "sepa_debit"),
}
"""`payment_method_data` of intents: Stripe's document (2026-05-27.dahlia) and SDK 16.1.0 name no card in it."""
_UNSAFE = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens that "
    "map to the test card you are using, see https://stripe.com/docs/testing. To enable raw card data APIs in test "
    "mode, see https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)


def from_token(call: Call, token: str, param: str) -> Instrument:
    """What a test token stands for; a live account's charge of one is declined."""
    found = find(token)
    if found is None:
        raise missing("token" if token.startswith("tok_") else "payment_method", token, param=param, status=400)
    if call.account.livemode:
        raise _test_card_in_live_mode(param)
    return found


def _test_card_in_live_mode(param: str) -> Refusal:
    return Refusal(
        402,
        "Your card was declined. Your request was in live mode, but used a known test card.",
        type_="card_error",
        code="card_declined",
        param=param,
        decline_code="test_mode_live_card",
    )


def from_params(call: Call, given: dict[str, Any], path: str = "") -> Instrument:
    """What the parameters of a new payment method describe."""
    type_ = given["type"]
    if type_ not in given:
        raise _missing(f"{path}[{type_}]" if path else type_)
    where = f"{path}[{type_}]" if path else type_
    details = given[type_]
    if type_ == "card":
        return _card(call, details, where)
    billing = given.get("billing_details") or {}
    needed = ("name",) if type_ == "us_bank_account" else ("name", "email")
    for name in needed:
        if not billing.get(name):
            raise _missing(f"{path}[billing_details][{name}]" if path else f"billing_details[{name}]")
    if call.account.livemode:
        raise _test_card_in_live_mode(where)
    return _iban(details["iban"], f"{where}[iban]") if type_ == "sepa_debit" else _us_account(details, where)


def _card(call: Call, details: dict[str, Any], where: str) -> Card:
    token, number = details.get("token"), details.get("number")
    if token is not None:
        found = from_token(call, token, f"{where}[token]")
        if not isinstance(found, Card):
            raise missing("token", token, param=f"{where}[token]", status=400)
        return found
    if number is None:
        raise _missing(f"{where}[token]")
    if not call.account.payments.raw_card_data:
        # The sentence and type are those of public reports; the status 402 is by report as well.
        raise Refusal(402, _UNSAFE)
    if call.account.livemode:
        raise _test_card_in_live_mode(f"{where}[number]")
    return _numbered(number.replace(" ", ""), details, where)


def _numbered(number: str, details: dict[str, Any], where: str) -> Card:
    if not number.isascii() or not number.isdigit() or not _luhn(number):
        raise _card_error("Your card number is incorrect.", "incorrect_number", f"{where}[number]")
    month, year = details.get("exp_month"), details.get("exp_year")
    for name, value in (("exp_month", month), ("exp_year", year)):
        if value is None:
            raise _missing(f"{where}[{name}]")
    if not 1 <= int(month or 0) <= 12:
        raise _card_error("Your card's expiration month is invalid.", "invalid_expiry_month", f"{where}[exp_month]")
    found = cards.by_number(number, exp_month=int(month or 0), exp_year=int(year or 0))
    if found is None:
        raise _card_error(
            "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "
            "cards, visit: https://stripe.com/docs/testing.",
            "card_declined",
            f"{where}[number]",
        )
    return found


def _luhn(number: str) -> bool:
    digits = [int(each) for each in reversed(number)]
    total = sum(digits[::2]) + sum(sum(divmod(2 * each, 10)) for each in digits[1::2])
    return total % 10 == 0


def _card_error(message: str, code: str, param: str) -> Refusal:
    return Refusal(402, message, type_="card_error", code=code, param=param)


def _us_account(details: dict[str, Any], where: str) -> banks.BankAccount:
    for name in ("account_number", "routing_number", "account_holder_type"):
        if name not in details:
            raise _missing(f"{where}[{name}]")
    routing, number = details["routing_number"], details["account_number"]
    if len(routing) != 9 or not routing.isdigit():
        raise invalid(
            "Routing number must have 9 digits", param=f"{where}[routing_number]", code="routing_number_invalid"
        )
    if not number.isdigit() or not 4 <= len(number) <= 17:
        raise invalid("Invalid account number", param=f"{where}[account_number]", code="account_number_invalid")
    return banks.us_account(
        number, routing, holder=details["account_holder_type"], account=details.get("account_type", "checking")
    )


def _iban(given: str, param: str) -> banks.BankAccount:
    iban = given.replace(" ", "").upper()
    if not 15 <= len(iban) <= 34 or not iban[:2].isalpha() or not iban.isalnum():
        raise invalid("The IBAN you entered is invalid.", param=param)
    return banks.sepa_account(iban)


def _missing(name: str) -> Refusal:
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def merged_billing(current: Obj | None, given: dict[str, Any]) -> Obj:
    """Billing details after an update; "" clears a field."""
    old = current or {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    result: Obj = {**old, **{name: value or None for name, value in given.items() if name != "address"}}
    if "address" in given:
        before = old["address"] or dict.fromkeys(_ADDRESS)
        result["address"] = {**before, **{name: value or None for name, value in given["address"].items()}}
    return result
