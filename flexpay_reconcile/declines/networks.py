"""Card networks and bank debit schemes: their names and how often one credential may be tried.

Only ceilings: what a single code means is in `network_rules`. Counts no attempts; `recovery.limits` does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.declines import data
from flexpay_reconcile.values.instant import Span

_DAY = Span.of(days=1)
_MONTH = Span.of(days=30)
_ALIASES = {
    "american_express": "amex",
    "american express": "amex",
    "master_card": "mastercard",
    "mc": "mastercard",
    "diners_club": "diners",
    "us_bank_account": "ach",
    "ach_debit": "ach",
}
DEBIT_SCHEMES: dict[str, str] = {
    "us_bank_account": "ach",
    "ach_debit": "ach",
    "sepa_debit": "sepa_debit",
    "bacs_debit": "bacs_debit",
    "acss_debit": "acss_debit",
    "au_becs_debit": "au_becs_debit",
    "nz_bank_account": "nz_bank_account",
}
"""Stripe's payment method types that pull from a bank account, to the scheme whose rules bind them."""


class CapScope(StrEnum):
    """What a cap counts."""

    CREDENTIAL = "credential"
    """Every charge on the same card or account that reached the network, whoever made it."""
    INVOICE = "invoice"
    """Retries of the same debit only: the first collection and other invoices do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCap:
    """At most `count` in any rolling half-open window; `source` names the rule in `network_rules.toml`."""

    count: int
    window: Span
    source: str
    scope: CapScope = CapScope.CREDENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """All caps that hold at once for one credential."""

    caps: tuple[WindowCap, ...]

    def __iter__(self) -> Iterator[WindowCap]:
        """The caps, one by one."""
        return iter(self.caps)

    @property
    def per_24h(self) -> int | None:
        """The cap of 24 hours, if there is one."""
        return self._count(_DAY)

    @property
    def per_30d(self) -> int | None:
        """The cap of 30 days, if there is one."""
        return self._count(_MONTH)

    def _count(self, window: Span) -> int | None:
        return min((cap.count for cap in self.caps if cap.window == window), default=None)


def canonical_network(name: str | None) -> str | None:
    """One spelling per network (`visa`, `mastercard`, `amex`, `ach`, …); None where Stripe does not say."""
    text = (name or "").strip().lower()
    if text in ("", "unknown"):
        return None
    return _ALIASES.get(text, text)


def scheme_of(network: str | None, payment_method_type: str | None) -> str | None:
    """Whose rules bind a payment: the debit scheme of its type, else the card's network, else None."""
    debit = DEBIT_SCHEMES.get((payment_method_type or "").strip().lower())
    return debit or canonical_network(network)


def is_debit(scheme: str | None) -> bool:
    """Whether the scheme pulls from a bank account."""
    return scheme in DEBIT_SCHEMES.values()


def ceiling_name(network: str | None) -> str:
    """Under which name our defaults and a policy's overrides list a network: its own, a debit scheme's, or `other`."""
    name = canonical_network(network)
    if name is not None and (is_debit(name) or name in data.rules().defaults["engine_caps"]):
        return name
    return "other"


@functools.cache
def default_ceiling(network: str | None) -> Ceiling:
    """What we keep to unless the policy says otherwise: under the strictest published figure.

    A network we do not know gets the lowest of ours. Bank debits have no room under their scheme's own figure,
    so it is their default too.
    """
    name = canonical_network(network)
    if is_debit(name):
        return network_limit(name)
    engine = data.rules().defaults["engine_caps"]
    key = ceiling_name(network)
    return Ceiling(
        caps=(
            WindowCap(count=engine[key]["per_24h"], window=_DAY, source=f"engine_caps.{key}"),
            WindowCap(count=engine[key]["per_30d"], window=_MONTH, source=f"engine_caps.{key}"),
        )
    )


@functools.cache
def network_limit(network: str | None) -> Ceiling:
    """The hard limit: the network's own figure; Stripe's recommendation of eight where none is published."""
    name = canonical_network(network)
    found = _LIMITS.get(name or "")
    if found is None and is_debit(name):
        # No rule of this scheme is known: nothing may be collected again without the customer.
        return Ceiling(caps=(WindowCap(count=0, window=_MONTH, source="none", scope=CapScope.INVOICE),))
    if found is None:
        return Ceiling(
            caps=(WindowCap(count=data.rules().by_id("stripe.max8").facts["cap"], window=_MONTH, source="stripe.max8"),)
        )
    ids, scope = found
    return Ceiling(caps=tuple(_cap(rule_id, scope) for rule_id in ids))


_LIMITS: dict[str, tuple[tuple[str, ...], CapScope]] = {
    "visa": (("visa.cat2",), CapScope.CREDENTIAL),
    "mastercard": (("mc.cap24h", "mc.cap30d"), CapScope.CREDENTIAL),
    "amex": (("amex.none_published",), CapScope.CREDENTIAL),
    "discover": (("discover.none_published",), CapScope.CREDENTIAL),
    "diners": (("discover.none_published",), CapScope.CREDENTIAL),
    "jcb": (("jcb.unionpay",), CapScope.CREDENTIAL),
    "unionpay": (("jcb.unionpay",), CapScope.CREDENTIAL),
    "interac": (("jcb.unionpay",), CapScope.CREDENTIAL),
    "ach": (("nacha.r01_r09", "stripe.ach"), CapScope.INVOICE),
    "sepa_debit": (("sepa.am04_ms03",), CapScope.INVOICE),
    "bacs_debit": (("bacs.reason0",), CapScope.INVOICE),
}


def _cap(rule_id: str, scope: CapScope) -> WindowCap:
    """The cap a rule of the data file states."""
    facts = data.rules().by_id(rule_id).facts
    window = Span.of(hours=facts["window_hours"]) if "window_hours" in facts else Span.of(days=facts["window_days"])
    return WindowCap(count=facts["cap"], window=window, source=rule_id, scope=scope)
