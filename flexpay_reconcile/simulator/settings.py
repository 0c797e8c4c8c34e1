"""An account's own Billing settings, which Stripe shows in its Dashboard only: retries, final states, e-mails.

Facts: docs.stripe.com (smart retries, 2026-04-12 copy). Plain values; `resources/dunning` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

DAY = 86_400
RETRIES = ("off", "smart", "custom", "automation")
SUBSCRIPTION_ENDS = ("past_due", "unpaid", "canceled", "paused")
INVOICE_ENDS = ("open", "uncollectible")
WINDOWS = (7, 14, 21, 30, 60)
"""Days of a Smart Retries window: one, two or three weeks, one or two months."""
MOST_TRIES = 8
MOST_RULES = 3
MOST_DAYS = 60


class Mail(NamedTuple):
    """A mail of Stripe's to a customer. No API shows it; `kind` is one of `MAILS`. `invoice` None: about a card."""

    at: int
    customer: str
    invoice: str | None
    kind: str


MAILS = ("payment_failed", "action_required", "upcoming", "expiring_card", "invoice")


class SettingsError(ValueError):
    """A setting that cannot be: `field` says which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingSettings:
    """`retries`: off (a custom schedule without rules), smart, custom or automation.

    smart tries `tries` times within `window_days`; custom waits `rules` (days after the previous try, at most three);
    automation behaves like custom, but sets `next_payment_attempt` in a following `invoice.updated`.
    `subscription` is the final state after the last try: past_due (left alone), unpaid, canceled or paused.
    `invoice` is open (left alone) or uncollectible. `emails`: whether failed payments are mailed to customers.
    In days, 0 for never: `upcoming_days` before a renewal `invoice.upcoming` is told; `will_be_due_days` before and
    `overdue_days` after the due date of a sent invoice the reminders are; when it is overdue, the final states apply.
    """

    retries: str = "off"
    tries: int = MOST_TRIES
    window_days: int = 14
    rules: tuple[int, ...] = ()
    subscription: str = "past_due"
    invoice: str = "open"
    emails: bool = False
    upcoming_days: int = 0
    will_be_due_days: int = 0
    overdue_days: int = 0


def parse(value: object, base: BillingSettings | None = None) -> BillingSettings:
    """The settings a plain table describes, over `base` (the defaults); SettingsError names the field."""
    if not isinstance(value, Mapping):
        raise SettingsError("billing", "must be a map")
    fields: dict[str, Any] = {}
    for name, given in value.items():
        read = _READ.get(name)
        if read is None:
            raise SettingsError(str(name)[:60], "unknown key")
        fields[name] = read(name, given)
    found = replace(base or BillingSettings(), **fields)
    if found.rules and found.retries in ("off", "smart") and "rules" in fields:
        raise SettingsError("rules", "belong to retries: custom or automation")
    return found


def _word(*words: str) -> Callable[[str, object], Any]:
    def read(name: str, value: object) -> str:
        # YAML reads a bare `off` as false.
        value = "off" if value is False and "off" in words else value
        if not isinstance(value, str) or value not in words:
            raise SettingsError(name, "must be one of " + ", ".join(words))
        return value

    return read


def _number(least: int, most: int) -> Callable[[str, object], Any]:
    def read(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise SettingsError(name, f"must be a whole number from {least} to {most}")
        return value

    return read


def _window(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in WINDOWS:
        raise SettingsError(name, "must be one of " + ", ".join(map(str, WINDOWS)))
    return value


def _rules(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_RULES:
        raise SettingsError(name, f"must be a list of at most {MOST_RULES} numbers of days")
    return tuple(_number(1, MOST_DAYS)(f"{name}[{number}]", days) for number, days in enumerate(value))


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(name, "must be true or false")
    return value


_READ: dict[str, Callable[[str, object], Any]] = {
    "retries": _word(*RETRIES),
    "tries": _number(1, MOST_TRIES),
    "window_days": _window,
    "rules": _rules,
    "subscription": _word(*SUBSCRIPTION_ENDS),
    "invoice": _word(*INVOICE_ENDS),
    "emails": _truth,
    "upcoming_days": _number(0, MOST_DAYS),
    "will_be_due_days": _number(0, MOST_DAYS),
    "overdue_days": _number(0, MOST_DAYS),
}
