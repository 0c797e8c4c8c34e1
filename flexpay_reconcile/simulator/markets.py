"""Markets: the frozen parameters of generated cardholders, one named world each.

Shares follow public figures (BLS pay frequencies 2013; failure 10-13 % of charges); the rest is invented and says so.
Never tune a market and the product that is measured on it together. May not hold state.
"""

from __future__ import annotations

from dataclasses import dataclass

Weights = tuple[tuple[str, float], ...]

_BRANDS: Weights = (("visa", 0.6), ("mastercard", 0.3), ("amex", 0.06), ("discover", 0.04))
_BLS_PAY: Weights = (("weekly", 32.4), ("biweekly", 36.5), ("semimonthly", 19.8), ("monthly", 11.3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One world of cardholders. Rates are per 30 days; `sweep` 0..1 says how fast money leaves after a pay-day."""

    name: str
    country: str
    brands: Weights = _BRANDS
    funding: Weights = (("debit", 0.55), ("credit", 0.38), ("prepaid", 0.07))
    pay: Weights = _BLS_PAY
    buffers: Weights = (("deep", 0.857), ("tight", 0.13), ("lean", 0.013))
    sweep: float = 0.0
    dry_spell: float = 0.17
    dead_rate: float = 0.024
    dead_updated: float = 0.20
    expiry_rate: float = 0.015
    expiry_updated: float = 0.55
    hold_rate: float = 0.030
    challenge_rate: float = 0.004
    outage_rate: float = 0.02
    issuers: int = 40


MARKETS: dict[str, Market] = {
    market.name: market
    for market in (
        Market(name="us-mixed", country="US"),
        Market(
            name="us-swept",
            country="US",
            sweep=0.8,
            dry_spell=0.15,
            buffers=(("deep", 0.885), ("tight", 0.105), ("lean", 0.01)),
        ),
        Market(name="us-worn-cards", country="US", dead_rate=0.03, expiry_rate=0.03),
        Market(
            name="eu-month-end",
            country="DE",
            pay=(("monthly", 0.85), ("semimonthly", 0.15)),
            sweep=0.3,
            brands=(("visa", 0.5), ("mastercard", 0.5)),
            challenge_rate=0.008,
            buffers=(("deep", 0.87), ("tight", 0.12), ("lean", 0.01)),
        ),
    )
}
