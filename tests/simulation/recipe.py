"""What one seed draws: the merchant, how many daemons, which families of faults it meets, and how often.

Every seed takes its own subset of the families with its own rates, so that seeds differ in kind. Starts nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from flexpay_reconcile.simulator.protocol import delivery_faults, faults
from tests.simulation import worlds

TROUBLED_DAYS = 38
QUIET_DAYS = 22
SPACING_HOURS = 12
VISA_PER_30_DAYS = 5
PER_MINUTE = 6

READS_EVENTS = 0.5

FAMILIES: dict[str, float] = {
    "calls": 0.6,
    "storms": 0.25,
    "deliveries": 0.6,
    "deaf": 0.12,
    "crashes": 0.6,
    "pauses": 0.4,
    "store": 0.35,
    "keys": 0.35,
    "clock": 0.25,
    "downtime": 0.35,
    "people": 0.85,
    "meddling": 0.5,
    "dunning": 0.3,
    "take_over": 0.2,
}
"""Each family of faults and the share of the seeds that meet it."""
RARE: dict[str, float] = {
    "debits": 0.12,
    "departures": 0.1,
    "crowd": 0.12,
    "second_thoughts": 0.15,
    "late_news": 0.12,
    "late_payers": 0.15,
    "key_at_pay": 0.1,
    "ahead": 0.08,
    "odd_refusals": 0.1,
    "new_policy": 0.15,
}
"""Rare features (`rarities`) and the share of the seeds that have each: drawn apart, so that all else stays as it is."""
BANKS = (
    "pm_usBankAccount_success",
    "pm_usBankAccount_success",
    "pm_usBankAccount_success",
    "pm_usBankAccount_insufficientFunds",
    "pm_usBankAccount_accountClosed",
)
CARDS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa_debit",
    "pm_card_mastercard",
    "pm_card_mastercard",
    "pm_card_mastercard_debit",
    "pm_card_amex",
    "pm_card_discover",
)
_START = worlds._START_SECONDS
_DAY = 86_400
_FIXED = "    fixed_schedule: [{days: 1}, {days: 2}, {days: 2}, {days: 2}]\n"
_MORE = """\
    network_ceilings:
      visa: {{per_30_days: {visa}}}
brakes:
  attempts: {{per_minute: {per_minute}}}
  take_over: {{percent_of_book_per_day: 40}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One seed's draw. `calls` and `deliveries`: from kind to rate; the others are chances at each point."""

    seed: int
    families: frozenset[str]
    daemons: int
    manifest: dict[str, Any]
    customers: dict[str, dict[str, Any]]
    calls: dict[str, float] = field(default_factory=dict)
    deliveries: dict[str, float] = field(default_factory=dict)
    longest_delay: int = 3600
    crash: float = 0.0
    pause: float = 0.0
    store: float = 0.0
    meddling: float = 0.0
    billing: dict[str, str] = field(default_factory=dict)
    days_before: int = 0
    reads_events: bool = False
    """Whether the keys may read the events list, which the guide's six permissions do not hold."""
    per_minute: int = PER_MINUTE

    def has(self, family: str) -> bool:
        """Whether this seed meets a family."""
        return family in self.families


def draw(seed: int, without: tuple[str, ...] = ()) -> Recipe:
    """The recipe of a seed; `without` leaves families out and the rest of the draw as it is."""
    rng = random.Random(f"recipe {seed}")
    chosen = frozenset(name for name, share in FAMILIES.items() if rng.random() < share) - set(without)
    recipe = Recipe(
        seed=seed,
        families=chosen,
        daemons=rng.choice((1, 1, 2, 2, 3)),
        manifest=_manifest(rng, take_over="take_over" in chosen),
        customers=_customers(rng),
        longest_delay=rng.choice((600, 3_600, 86_400, 3 * 86_400)),
        crash=rng.choice((0.001, 0.003, 0.008)),
        pause=rng.choice((0.002, 0.006, 0.015)),
        store=rng.choice((0.002, 0.01)),
        meddling=rng.choice((0.1, 0.3)),
        billing=_billing(rng),
        days_before=rng.randint(8, 30),
    )
    calls, deliveries = _rates(rng, tuple(faults.KINDS), (0.005, 0.02, 0.06)), _deliveries(rng)
    recipe = replace(
        recipe,
        calls=calls if "calls" in chosen else {},
        deliveries=deliveries if "deliveries" in chosen else {},
        crash=recipe.crash if "crashes" in chosen else 0.0,
        pause=recipe.pause if "pauses" in chosen else 0.0,
        store=recipe.store if "store" in chosen else 0.0,
        meddling=recipe.meddling if "meddling" in chosen else 0.0,
        billing=recipe.billing if "dunning" in chosen else {},
        days_before=recipe.days_before if "take_over" in chosen else 0,
        reads_events=random.Random(f"events {seed}").random() < READS_EVENTS,
    )
    rng = random.Random(f"rare {seed}")
    return with_rare(recipe, *(name for name, share in RARE.items() if rng.random() < share and name not in without))


def with_rare(recipe: Recipe, *names: str) -> Recipe:
    """The recipe with these rare features; some ask for another merchant or another policy."""
    rng = random.Random(f"rarely {recipe.seed}")
    recipe = replace(recipe, families=recipe.families | set(names))
    manifest, customers = dict(recipe.manifest), recipe.customers
    if "departures" in names:  # an account joins with its first event: nothing of it is known before that
        recipe = replace(recipe, families=recipe.families - {"take_over"}, days_before=0)
        manifest |= {"take_over": False, "listen_to": worlds.CONNECTED}
    if "debits" in names:
        customers = {
            name: {**each, "card": rng.choice(BANKS)} if rng.random() < 0.8 else each
            for name, each in customers.items()
        }
    if "ahead" in names:  # where networks ask to wait, so that the moment after it counts
        customers = {name: {**each, "card": "pm_card_mastercard"} for name, each in customers.items()}
    if "crowd" in names:
        recipe = replace(recipe, per_minute=1)
        manifest |= {"timing": "fixed", "attempts": 4, "more": _FIXED + _more(1)}
        customers = _crowd(customers)
    if "late_payers" in names:
        manifest |= {"action": "cancel_at_period_end", "delay_days": 0}
    return replace(recipe, manifest=manifest, customers=customers)


def _crowd(customers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All subscriptions renew in the same second: what follows falls due together (A13)."""
    renews = {"gold": 3 * _DAY, "weekly": 3 * _DAY}
    periods = {"gold": 31 * _DAY, "weekly": 7 * _DAY}
    return {
        name: {
            **each,
            "subscriptions": [
                {**entry, "started": _START + renews[entry["price"]] - periods[entry["price"]]}
                for entry in each["subscriptions"]
            ],
        }
        for name, each in customers.items()
    }


def _manifest(rng: random.Random, *, take_over: bool) -> dict[str, Any]:
    timing = rng.choice(("even", "even", "fixed"))
    action = rng.choice(
        (
            "cancel_with_delay",
            "cancel_with_delay",
            "cancel_with_delay",
            "cancel_with_delay_no_proration",
            "cancel_at_period_end",
            "leave_as_is",
        )
    )
    return {
        "timing": timing,
        "attempts": rng.choice((4, 4, 6) if timing == "fixed" else (2, 4, 4, 6)),
        "window_days": rng.choice((8, 8, 10, 12)),
        "spacing_hours": SPACING_HOURS,
        "delay_days": rng.choice((0, 0, 1, 3)),
        "delay_from": rng.choice(("hard_decline", "hard_decline", "invoice_creation")),
        "action": action,
        "invoice": "leave_as_is" if action == "leave_as_is" else rng.choice((_MARK, _MARK, "leave_as_is")),
        "stop": rng.choice(("per_invoice",) * 5 + ("no",)),
        "take_over": take_over,
        "more": (_FIXED if timing == "fixed" else "") + _more(PER_MINUTE),
    }


def _more(per_minute: int) -> str:
    return _MORE.format(visa=VISA_PER_30_DAYS, per_minute=per_minute)


_MARK = "mark_uncollectible_when_subscription_cancels"


def _customers(rng: random.Random) -> dict[str, dict[str, Any]]:
    """Two to four, some with two subscriptions; prices by the week and by the month."""
    found = {}
    for number in range(rng.choice((2, 3, 3, 4))):
        prices = rng.choice((("gold",), ("gold",), ("weekly",), ("gold", "weekly"), ("gold", "gold")))
        entries = []
        for price in prices:
            period = 31 if price == "gold" else 7
            renews = int(rng.uniform(0.01, 12 if price == "gold" else 6) * _DAY)
            entries.append({"price": price, "started": _START + renews - period * _DAY})
        found[f"c{number}"] = {"card": rng.choice(CARDS), "subscriptions": entries}
    return found


def _rates(rng: random.Random, names: tuple[str, ...], totals: tuple[float, ...]) -> dict[str, float]:
    """A few of the names, with rates that together come to one of the totals."""
    few = rng.sample(names, rng.randint(1, min(6, len(names))))
    weights = [rng.random() + 0.1 for _ in few]
    total = rng.choice(totals)
    return {name: total * weight / sum(weights) for name, weight in zip(few, weights, strict=True)}


def _deliveries(rng: random.Random) -> dict[str, float]:
    return _rates(rng, tuple(str(each) for each in delivery_faults.Kind), (0.1, 0.4, 0.9))


def _billing(rng: random.Random) -> dict[str, str]:
    retries = rng.choice(("smart", "custom"))
    more = {"rules": "3,5,7"} if retries == "custom" else {}
    return {"retries": retries, "subscription": rng.choice(("past_due", "past_due", "canceled")), **more}
