"""Currencies: which codes Stripe knows and the least it charges in each. Knows no object and no request.

Facts: docs.stripe.com/currencies (presentment currencies; minimum and maximum charge amounts). Where the page gives no
minimum of its own for a currency, none is kept here [INFER: Stripe converts to the settlement currency's minimum].
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.refusals import invalid

CODES = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
    cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd
    jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad
    ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl
    thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
    """.split()
)
MINIMUM: dict[str, int] = {
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}
"""The least a charge may ask for, in minor units."""


def too_small(amount: int, currency: str) -> bool:
    """Whether an amount that asks for something is less than Stripe charges."""
    return 0 < amount < MINIMUM.get(currency, 0)


def check(amount: int, currency: str) -> None:
    """400 for an amount below the least that Stripe charges in its currency."""
    if too_small(amount, currency):
        least = _shown(MINIMUM[currency], currency)
        raise invalid(f"Amount must be at least {least}", param="amount", code="amount_too_small")


def _shown(amount: int, currency: str) -> str:
    """An amount as Stripe's messages write it: `$0.50 usd`, `€0.50 eur`, `¥50 jpy`."""
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "")
    number = str(amount) if currency == "jpy" else f"{amount / 100:.2f}"
    return f"{sign}{number} {currency}"
