"""Pairs, counts and words what a plan means for money in flight. Decides nothing: the consequences come in made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flexpay_reconcile.billing.forecast import Consequence, Ending, Fate, Impact
from flexpay_reconcile.values.money import Money

MODEL: Final = "next attempts as the present timing would plan them"


def certain_cancellations(impacts: Iterable[Impact]) -> int:
    """Subscriptions that are surely cancelled because of this plan and would not be without it."""
    added: set[str] = set()
    for impact in impacts:
        added |= _cancelled(impact.consequences) - _cancelled(impact.before)
    return len(added)


def unseen(impacts: Iterable[Impact]) -> tuple[str, ...]:
    """What could not be foretold, and why."""
    return tuple(f"{each.integration}: {each.unseen}" for each in impacts if each.unseen is not None)


def to_json(impacts: tuple[Impact, ...] | None) -> dict[str, Any]:
    """The plan's `impact`; None where nobody was there to ask."""
    if impacts is None:
        return {"forecast": "not_asked", "certain_cancellations": 0, "integrations": []}
    return {
        "forecast": "incomplete" if unseen(impacts) else "made",
        "certain_cancellations": certain_cancellations(impacts),
        "integrations": [_impact(each) for each in impacts],
    }


def grown(saved: Mapping[str, Any], fresh: Mapping[str, Any], percent: int) -> str | None:
    """Why the fresh impact is too much more than the one that was looked at; None where it is not."""
    before = int(saved.get("impact", {}).get("certain_cancellations", 0))
    now = int(fresh["impact"]["certain_cancellations"])
    if now * 100 <= before * (100 + percent):
        return None
    return (
        f"{now} certain cancellation(s) now, {before} in the saved plan; guards.impact_growth_percent is {percent}: "
        "plan again, look, and apply that"
    )


def _cancelled(consequences: Iterable[Consequence]) -> set[str]:
    return {
        each.subscription for each in consequences if each.fate is Fate.CERTAIN and each.ending is not Ending.NOTHING
    }


def _impact(impact: Impact) -> dict[str, Any]:
    certain = [each for each in impact.consequences if each.fate is Fate.CERTAIN]
    possible = [each for each in impact.consequences if each.fate is Fate.POSSIBLE]
    alone = Counter(each.because for each in impact.consequences if each.fate is Fate.LEFT_ALONE)
    nexts = sorted(each.next_attempt_at for each in possible if each.next_attempt_at is not None)
    return {
        "integration": impact.integration,
        "change": impact.change.value,
        "unseen": impact.unseen,
        "notes": list(impact.notes),
        "invoices": len(impact.consequences),
        "amounts": _amounts(each.amount for each in impact.consequences),
        "certain": {
            "cancellations": len(_cancelled(certain)),
            "without_this_plan": len(_cancelled(impact.before)),
            "amounts": _amounts(each.amount for each in certain),
            "credits": _amounts(each.credit for each in certain if each.credit is not None),
            "items": [_certain(each) for each in sorted(certain, key=_by_time)],
        },
        "possible": {
            "cancellations_at_most": len({each.subscription for each in possible} - _cancelled(certain)),
            "amounts": _amounts(each.amount for each in possible),
            "next_attempts": len(nexts),
            "first_attempt_at": nexts[0].text() if nexts else None,
            "last_attempt_at": nexts[-1].text() if nexts else None,
            "model": MODEL,
        },
        "left_alone": [{"because": because, "invoices": number} for because, number in sorted(alone.items())],
    }


def _by_time(each: Consequence) -> tuple[str, str]:
    return (each.at.text() if each.at else "", each.invoice)


def _certain(each: Consequence) -> dict[str, Any]:
    return {
        "invoice": each.invoice,
        "subscription": each.subscription,
        "amount": _money(each.amount),
        "action": each.ending.value,
        "at": each.at.text() if each.at else None,
        "credit": _money(each.credit) if each.credit else None,
        "marked_uncollectible": each.marked,
        "because": each.because,
    }


def _money(money: Money) -> dict[str, Any]:
    return {"currency": money.currency.code, "minor": money.amount_minor, "text": money.text()}


def _amounts(amounts: Iterable[Money]) -> list[dict[str, Any]]:
    """One sum a currency: currencies are never added to each other."""
    sums: dict[str, Money] = {}
    for each in amounts:
        code = each.currency.code
        sums[code] = sums[code].plus(each) if code in sums else each
    return [_money(sums[code]) for code in sorted(sums)]
