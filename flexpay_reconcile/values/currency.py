"""Currencies and how Stripe counts their minor units. Must not convert or round money.

Source of exponents: ISO 4217 and Stripe's pages on zero-decimal and three-decimal currencies.
Where the two differ, Stripe's API figure counts, because every amount we hold comes from or goes to that API:
ISK and UGX are zero-decimal in ISO 4217 but two-decimal (with zero cents) in Stripe's API;
HUF and TWD are two-decimal for charges, but payouts must be whole units (noted, we make no payouts).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.errors import OperatorError


class AmountRule(StrEnum):
    """What an amount in minor units must satisfy beyond being an integer."""

    ANY = "any"
    """Every whole number of minor units is possible."""
    MULTIPLE_OF_100 = "multiple_of_100"
    """Stripe keeps two decimals for compatibility, but the last two digits must be zero (ISK, UGX)."""
    MULTIPLE_OF_10 = "multiple_of_10"
    """Three decimals, the last of which must be zero on card charges (BHD, JOD, KWD, OMR, TND)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """One currency. `code` is upper-case ISO 4217; `exponent` is the number of digits of Stripe's minor unit."""

    code: str
    exponent: int
    rule: AmountRule = AmountRule.ANY
    payout_whole_units: bool = False

    @property
    def stripe_code(self) -> str:
        """The lower-case form Stripe's API uses."""
        return self.code.lower()


_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()
_THREE = "BHD JOD KWD OMR TND".split()
_TWO_WITHOUT_CENTS = "ISK UGX".split()
_PAYOUT_WHOLE = frozenset({"HUF", "TWD"})
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE
CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK
LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR
RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD XCG YER
ZAR ZMW
""".split()


def _table() -> dict[str, Currency]:
    """All currencies Stripe charges in, by upper-case code."""
    rows = {code: Currency(code=code, exponent=0) for code in _ZERO}
    rows |= {code: Currency(code=code, exponent=3, rule=AmountRule.MULTIPLE_OF_10) for code in _THREE}
    rows |= {code: Currency(code=code, exponent=2, rule=AmountRule.MULTIPLE_OF_100) for code in _TWO_WITHOUT_CENTS}
    rows |= {code: Currency(code=code, exponent=2, payout_whole_units=code in _PAYOUT_WHOLE) for code in _TWO}
    return rows


KNOWN: dict[str, Currency] = _table()
"""Every currency we can read, by upper-case ISO 4217 code."""


def is_known(code: str) -> bool:
    """Whether `code` (either case) is a currency of the table."""
    return code.upper() in KNOWN


def of(code: str) -> Currency:
    """The currency for an ISO code in either case; OperatorError for one we do not know."""
    found = KNOWN.get(code.upper())
    if found is None:
        raise OperatorError(f"unknown currency {code!r}", code="E-currency-unknown", hint="use an ISO 4217 code")
    return found
