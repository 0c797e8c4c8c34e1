"""Prorations: what is given back for time not used and asked for time added, as invoice items that wait.

Facts: docs.stripe.com/billing/subscriptions/billing-mode/compare (2026-04-30): classic reckons a credit from the item's
present price and quantity; flexible from the original debits, one credit for each, and names them (`credited_items`).
Amounts go by the second, half a unit rounded up. Inferred: that what was given back of a debit once is not given back
again, and the descriptions.
May not make an invoice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flexpay_reconcile.simulator.resources import invoice_item_create, subscription_build
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.subscription_build import amount_of, share
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """What an item was asked to pay for a stretch of time: a line of an invoice, or an item that still waits.

    `until`: the end of what was not given back yet.
    """

    amount: int
    start: int
    end: int
    until: int
    line: tuple[str, str] | None
    pending: str | None


def credit(sim: Simulation, account: Account, subscription: Obj, item: Obj, start: int, end: int) -> int:
    """Give back the item's time from `start` to `end`; how much was given back (a positive figure, minor units)."""
    if end <= start:
        return 0
    if not subscription_build.is_flexible(subscription):
        amount = share(amount_of(item), end - start, subscription_build.full_length(account, item))
        return _credited(sim, account, subscription, item, amount, (start, end), None)
    total = 0
    for debit in debits(account, subscription, item, start):
        begin, until = max(start, debit.start), min(end, debit.until)
        if until <= begin:
            continue
        amount = share(debit.amount, until - begin, debit.end - debit.start)
        total += _credited(sim, account, subscription, item, amount, (begin, until), debit)
    return total


def debit(sim: Simulation, account: Account, subscription: Obj, item: Obj, start: int, end: int) -> int:
    """Ask for the item's time from `start` to `end`; the amount in minor units."""
    amount = share(amount_of(item), end - start, subscription_build.full_length(account, item))
    if amount > 0 and end > start:
        words = f"Remaining time on {_named(item)}"
        _made(sim, account, subscription, item, amount, (start, end), words, None)
    return amount


def _credited(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    item: Obj,
    amount: int,
    period: tuple[int, int],
    source: Debit | None,
) -> int:
    if amount > 0:
        made = _made(sim, account, subscription, item, -amount, period, f"Unused time on {_named(item)}", source)
        sim.ledger.state(sim.now, account.id, subscription["id"], f"credit {amount} {made['currency']}")
    return max(amount, 0)


def _named(item: Obj) -> str:
    many = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    return many + (item["price"]["nickname"] or "subscription")


def _made(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    item: Obj,
    amount: int,
    period: tuple[int, int],
    description: str,
    source: Debit | None,
) -> Obj:
    price = item["price"]
    made: Obj = {
        "id": sim.new_id(account, "ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": sim.now,
        "description": description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": account.livemode,
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
        },
        "period": {"end": period[1], "start": period[0]},
        "pricing": {
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
            "price_details": {"price": price["id"], "product": price["product"]},
        },
        "proration": True,
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "tax_rates": [],
        "test_clock": subscription["test_clock"],
    }
    if source is not None:
        made["proration_details"] = {"credited_items": _credited_items(source), "discount_amounts": []}
    account.table("invoiceitem").add(made)
    emit(sim, account, "invoiceitem.created", made)
    return made


def _credited_items(source: Debit) -> Obj:
    if source.line is None:
        return {"invoice_item": source.pending, "type": "invoice_item"}
    details = {"invoice": source.line[0], "invoice_line_items": [source.line[1]]}
    return {"invoice_line_item_details": details, "type": "invoice_line_items"}


def debits(account: Account, subscription: Obj, item: Obj, since: int) -> list[Debit]:
    """What was asked for the item's current period and not given back yet as of `since`, oldest first.

    A credit gives back all that is left of the period from its start on, so what is older than the newest credit that
    begins by `since` has nothing left: the search ends there, however often a subscription has been changed.
    """
    given, waiting, settled = dict[str, int](), list[Debit](), 0
    table = account.table("invoiceitem")
    for id_ in reversed(table.by("customer", subscription["customer"])):
        row = table.rows[id_]
        if row["date"] < settled:
            break
        if not row["proration"] or row["parent"]["subscription_details"].get("subscription_item") != item["id"]:
            continue
        period = row["period"]
        names = _names((row.get("proration_details") or {}).get("credited_items"))
        for name in names:
            given[name] = min(period["start"], given.get(name, period["start"]))
        if names and not settled and period["start"] <= since and period["end"] >= item["current_period_end"]:
            settled = row["date"]
        if row["amount"] > 0 and row["invoice"] is None and period["end"] > item["current_period_start"]:
            waiting.append(_debit(row["amount"], period, None, id_))
    found = [*_billed(account, subscription, item, settled), *reversed(waiting)]
    return [left for each in found if (left := _left(each, given)).until > left.start]


def _debit(amount: int, period: Obj, line: tuple[str, str] | None, pending: str | None) -> Debit:
    start, end = period["start"], period["end"]
    return Debit(amount=amount, start=start, end=end, until=end, line=line, pending=pending)


def _left(each: Debit, given: dict[str, int]) -> Debit:
    names = (each.pending, each.line[1] if each.line is not None else None)
    return replace(each, until=min(each.until, *(given[name] for name in names if name in given), each.end))


def _names(credited: Obj | None) -> list[str]:
    """The lines and items a credit was reckoned from."""
    if credited is None:
        return []
    if credited["type"] == "invoice_item":
        return [credited["invoice_item"]]
    return list(credited["invoice_line_item_details"]["invoice_line_items"])


def _billed(account: Account, subscription: Obj, item: Obj, settled: int) -> list[Debit]:
    rows, start, found = account.table("invoice").rows, item["current_period_start"], list[Debit]()
    waiting = account.table("invoiceitem").rows
    for id_ in reversed(account.invoices_of.get(subscription["id"], [])):
        if id_ not in rows or rows[id_]["status"] == "void":
            continue
        if rows[id_]["created"] < settled:
            break
        lines = [row for row in rows[id_]["lines"]["data"] if row["period"]["end"] > start and row["amount"] > 0]
        for row in lines:
            details = (row["parent"] or {}).get("subscription_item_details")
            if details is None or details["subscription_item"] != item["id"]:
                continue
            waited = waiting.get(details["invoice_item"] or "")
            if waited is not None and waited["date"] < settled:
                continue
            found.append(_debit(row["amount"], row["period"], (id_, row["id"]), details["invoice_item"]))
        if rows[id_]["created"] < start:
            break
    return found[::-1]


def pending(account: Account, subscription: Obj) -> list[Obj]:
    """The items that wait for the subscription's next invoice: its own, and those of its customer that name none."""
    table = account.table("invoiceitem")
    return [
        row
        for row in (table.rows[id_] for id_ in table.by("customer", subscription["customer"]))
        if row["invoice"] is None
        and row["currency"] == subscription["currency"]
        and invoice_item_create.subscription_of(row) in (None, subscription["id"])
    ]


def line(sim: Simulation, account: Account, row: Obj) -> Obj:
    """The line of an invoice that stands for an item that waited."""
    made = invoice_item_create.line(sim, account, row)
    if row["proration"]:
        owner = row["parent"]["subscription_details"]
        made["parent"] = {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": row["id"],
                "proration": True,
                "proration_details": {"credited_items": _credited_lines(row)},
                "subscription": owner["subscription"],
                "subscription_item": owner["subscription_item"],
            },
            "type": "subscription_item_details",
        }
        made["subscription"] = owner["subscription"]
    return made


def _credited_lines(row: Obj) -> Any:
    credited = (row.get("proration_details") or {}).get("credited_items")
    return None if credited is None else credited.get("invoice_line_item_details")


def take_in(rows: list[Obj], invoice: Obj) -> None:
    """The items wait no more: they are on an invoice."""
    for row in rows:
        row["invoice"] = invoice["id"]


def drop(account: Account, rows: list[Obj]) -> None:
    """Forget items that wait."""
    table = account.table("invoiceitem")
    for row in rows:
        table.reindex({**row, "customer": None}, "customer", row["customer"])
        table.remove(row["id"])
