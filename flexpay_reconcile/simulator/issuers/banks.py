"""Stripe's test bank accounts: US accounts for ACH Direct Debit and IBANs for SEPA Direct Debit, by number and token.

Facts: docs.stripe.com/payments/ach-direct-debit and /sepa-debit (test account numbers). A debit takes days: `days` is
how long the bank's answer takes, four for ACH and five for SEPA [DOC: up to four business days; typically five];
calendar days here. Any other number is an account that pays. May not charge anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator import chance

ACH_ROUTING = "110000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """A bank account. `behaviour`: succeed, fail (with `code`), dispute (once paid), processing (for ever)."""

    kind: str
    last4: str
    fingerprint: str
    behaviour: str = "succeed"
    code: str | None = None
    days: int = 4
    country: str = "US"
    routing_number: str | None = None
    bank_code: str | None = None
    holder: str = "individual"
    account: str = "checking"


_ACH: dict[str, tuple[str, str, str | None]] = {
    "000123456789": ("success", "succeed", None),
    "000111111113": ("accountClosed", "fail", "account_closed"),
    "000111111116": ("noAccount", "fail", "no_account"),
    "000222222227": ("insufficientFunds", "fail", "insufficient_funds"),
    "000333333335": ("debitNotAuthorized", "fail", "debit_not_authorized"),
    "000444444440": ("invalidCurrency", "fail", "invalid_currency"),
    "000555555559": ("dispute", "dispute", None),
    "000000000009": ("processing", "processing", None),
    "000777777771": ("weeklyLimitExceeded", "fail", "charge_exceeds_source_limit"),
}
_SEPA: dict[str, tuple[str, str, str | None]] = {
    "DE89370400440532013000": ("success_de", "succeed", None),
    "DE08370400440532013003": ("successDelayed_de", "succeed", None),
    "DE62370400440532013001": ("failed_de", "fail", "payment_intent_payment_attempt_failed"),
    "DE78370400440532013004": ("failedDelayed_de", "fail", "payment_intent_payment_attempt_failed"),
    "DE35370400440532013002": ("disputed_de", "dispute", None),
    "DE65370400440000343434": ("exceedsWeeklyVolumeLimit_de", "fail", "charge_exceeds_source_limit"),
    "DE27370400440000121212": ("exceedsWeeklyTransactionLimit_de", "fail", "charge_exceeds_weekly_limit"),
    "DE65370400440002222227": ("insufficientFunds_de", "fail", "insufficient_funds"),
}
ACH_NUMBERS = tuple(_ACH)
IBANS = tuple(_SEPA)
_TOKENS: dict[str, tuple[str, str]] = {
    **{f"pm_usBankAccount_{row[0]}": ("us_bank_account", number) for number, row in _ACH.items()},
    "pm_usBankAccount": ("us_bank_account", "000123456789"),
    **{f"pm_{row[0]}": ("sepa_debit", iban) for iban, row in _SEPA.items()},
}
TOKENS = tuple(_TOKENS)


def us_account(
    number: str, routing: str = ACH_ROUTING, *, holder: str = "individual", account: str = "checking"
) -> BankAccount:
    """The US account of a number. It counts as verified: the steps of verification are not simulated."""
    _, behaviour, code = _ACH.get(number, ("", "succeed", None))
    return BankAccount(
        kind="us_bank_account",
        last4=number[-4:],
        fingerprint=chance.token(16, "bank account", routing, number),
        behaviour=behaviour,
        code=code,
        days=4,
        routing_number=routing,
        holder=holder,
        account=account,
    )


def sepa_account(iban: str) -> BankAccount:
    """The account of an IBAN."""
    _, behaviour, code = _SEPA.get(iban, ("", "succeed", None))
    return BankAccount(
        kind="sepa_debit",
        last4=iban[-4:],
        fingerprint=chance.token(16, "bank account", iban),
        behaviour=behaviour,
        code=code,
        days=5,
        country=iban[:2],
        bank_code=iban[4:12],
    )


def find(token: str) -> BankAccount | None:
    """The bank account of a `pm_usBankAccount…` or `pm_…_de` name, None when there is none."""
    found = _TOKENS.get(token)
    if found is None:
        return None
    kind, number = found
    return us_account(number) if kind == "us_bank_account" else sepa_account(number)
