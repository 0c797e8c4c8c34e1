"""References of scenarios: `{ada.invoice}` stands for the id of ada's newest invoice at that moment.

Words: customer, subscription, payment_method (her default), and the newest invoice, open_invoice (the oldest that is
open), charge, paid_charge, payment_intent, refund, dispute. May not change anything.
"""

from __future__ import annotations

import re
from typing import Any

from flexpay_reconcile.simulator.control.control import ControlError, customer_of
from flexpay_reconcile.simulator.state import Account, Obj
from flexpay_reconcile.simulator.world import World

_REFERENCE = re.compile(r"\{([^{}]+)\.([a-z_]+)\}")
WORDS = (
    "customer",
    "subscription",
    "payment_method",
    "invoice",
    "open_invoice",
    "charge",
    "paid_charge",
    "payment_intent",
    "refund",
    "dispute",
)


def resolved(world: World, value: Any) -> Any:
    """The value with every reference in its texts replaced; ControlError when there is no such object."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _id(world, found.group(1), found.group(2)), value)
    if isinstance(value, dict):
        return {name: resolved(world, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(world, inner) for inner in value]
    return value


def words_in(text: str) -> list[tuple[str, str]]:
    """The references of a text, as (name, word)."""
    return [(found.group(1), found.group(2)) for found in _REFERENCE.finditer(text)]


def _id(world: World, name: str, word: str) -> str:
    account, customer = customer_of(world, name)
    found: str | None
    if word == "customer":
        found = customer["id"]
    elif word == "payment_method":
        found = customer["invoice_settings"]["default_payment_method"]
    else:
        rows = _rows(account, customer["id"], word)
        found = None if not rows else rows[0]["id"] if word == "open_invoice" else rows[-1]["id"]
    if found is None:
        raise ControlError(f"{name} has no {word}")
    return found


def _rows(account: Account, customer: str, word: str) -> list[Obj]:
    """Objects of the customer that the word may mean, oldest first."""
    if word == "open_invoice":
        return [row for row in _of(account, "invoice", customer) if row["status"] == "open"]
    if word == "paid_charge":
        return [row for row in _of(account, "charge", customer) if row["status"] == "succeeded"]
    if word in ("refund", "dispute"):
        charges = {row["id"] for row in _of(account, "charge", customer)}
        return [row for row in account.table(word).rows.values() if row["charge"] in charges]
    if word not in WORDS:
        raise ControlError(f"unknown reference {word!r}; one of {', '.join(WORDS)}")
    return _of(account, word, customer)


def _of(account: Account, kind: str, customer: str) -> list[Obj]:
    table = account.table(kind)
    return [table.rows[id_] for id_ in table.by("customer", customer) if id_ in table.rows]
