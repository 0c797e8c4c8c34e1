"""What the judge can find, and the figures it judges by.

Values only. Sources: Visa's reattempt rule (15 in 30 days; 20 is reported from April 2026, unconfirmed) and its
category 1 (never again); Mastercard's 35 in 30 days and merchant advice 03 and 21. May not look at a ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flexpay_reconcile.simulator.local_time import DAY


class Code(StrEnum):
    """What can be wrong."""

    CHARGED_TWICE = "charged_twice"
    """An invoice's charges took its money more than once."""
    CHARGED_AFTER_PAID = "charged_after_paid"
    """An attempt was made on an invoice that was paid."""
    CHARGED_AFTER_VOID = "charged_after_void"
    """An attempt was made on an invoice that was void."""
    CHARGED_AFTER_UNCOLLECTIBLE = "charged_after_uncollectible"
    """An attempt was made on an invoice that had been given up; Stripe allows it."""
    CHARGED_AFTER_CANCEL = "charged_after_cancel"
    """An attempt was made on an invoice whose subscription had ended; Stripe allows it."""
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    """A card was asked once more although its network's ceiling of refusals in the window was reached."""
    ATTEMPT_AFTER_NEVER = "attempt_after_never"
    """A card was asked again although an earlier answer said never to."""
    ATTEMPTS_AT_ONCE = "attempts_at_once"
    """Two attempts on one invoice came too close together."""
    REFUNDED_TOO_MUCH = "refunded_too_much"
    """More was given back than a charge had taken."""
    CANCELED_AFTER_PAID = "canceled_after_paid"
    """A subscription was ended although its failing invoice had just been paid."""
    AMOUNTS_DIFFER = "amounts_differ"
    """An invoice says it was paid another amount than its charges took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `informative`: allowed by Stripe or not the client's doing, and still worth a look."""

    code: Code
    at: int
    objects: tuple[str, ...]
    words: str
    informative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The figures judged by. Times in seconds. `ceilings`: refusals by brand in the window; others have none."""

    ceilings: Mapping[str, int] = field(default_factory=lambda: {"visa": 15, "mastercard": 35})
    window: int = 30 * DAY
    at_once: int = 300
    just_paid: int = DAY
    after_cancel: int = 0
    never_reasons: frozenset[str] = frozenset(
        {
            "incorrect_number",
            "lost_card",
            "pickup_card",
            "stolen_card",
            "revocation_of_authorization",
            "revocation_of_all_authorizations",
            "stop_payment_order",
        }
    )
    never_advice: frozenset[str] = frozenset({"do_not_try_again"})
    never_network_advice: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {"mastercard": frozenset({"03", "21"})}
    )


def as_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON shows it."""
    return {
        "code": str(finding.code),
        "at": finding.at,
        "objects": list(finding.objects),
        "words": finding.words,
        "informative": finding.informative,
    }
