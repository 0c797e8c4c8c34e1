"""The control interface: what a test or a person does to the world from outside Stripe's API.

Customers are named as in the scenario (`ada`, or `acct_…/ada` where two accounts know the name) or by `cus_` id.
May not be reached with an API key, and never moves the clock (the world does).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flexpay_reconcile.simulator import chance, clocks
from flexpay_reconcile.simulator.control import settable
from flexpay_reconcile.simulator.issuers import answers, cards
from flexpay_reconcile.simulator.issuers.issuers import Script
from flexpay_reconcile.simulator.resources import (
    collection,
    instruments,
    invoices,
    payment_methods,
    renewals,
    settlement,
    subscriptions,
)
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import next_end
from flexpay_reconcile.simulator.state import STRIPE, Account, Cause, Obj, Simulation
from flexpay_reconcile.simulator.world import World

_UNPAID = ("draft", "open", "uncollectible")
_EVENT = {
    "invoice": "invoice.updated",
    "subscription": "customer.subscription.updated",
    "customer": "customer.updated",
    "webhook_endpoint": None,
}
_PREFIXES = {"in": "invoice", "sub": "subscription", "cus": "customer", "we": "webhook_endpoint"}


class ControlError(ValueError):
    """The control request cannot be carried out; the message says why, `field` which of its fields is wrong."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def customer_of(world: World, customer: str) -> tuple[Account, Obj]:
    """The account and the customer a name or id stands for."""
    wanted_account, _, name = customer.rpartition("/")
    found = []
    for account in world.sim.accounts.values():
        if wanted_account not in ("", account.id):
            continue
        row = account.find("customer", account.names.get(name, name))
        if row is not None:
            found.append((account, row))
    if not found:
        raise ControlError(f"no customer {customer!r}", field="customer")
    if len(found) > 1:
        raise ControlError(f"several accounts have a customer {customer!r}: write acct_…/{name}", field="customer")
    return found[0]


def decline(
    world: World,
    customer: str,
    code: str,
    *,
    times: int | None = None,
    network_decline_code: str | None = None,
    advice_code: str | None = None,
    network_advice_code: str | None = None,
    outcome_type: str | None = None,
    outcome_reason: str | None = None,
    network_status: str | None = None,
) -> None:
    """From now on (or `times` times) this customer's charges are declined; code `requires_action` asks for 3DS."""
    _, row = customer_of(world, customer)
    if times is not None and times < 1:
        raise ControlError("times must be at least 1")
    if outcome_type not in (None, "issuer_declined", "blocked", "invalid"):
        raise ControlError("outcome_type is issuer_declined, blocked or invalid")
    if network_status not in (None, "declined_by_network", "not_sent_to_network", "reversed_after_approval"):
        raise ControlError("network_status is declined_by_network, not_sent_to_network or reversed_after_approval")
    if not code or not code.replace("_", "").isalnum():
        raise ControlError("code must be a decline code")
    answer = (
        answers.ACTION
        if code == "requires_action"
        else answers.decline(
            code,
            network_decline_code=network_decline_code,
            advice_code=advice_code,
            network_advice_code=network_advice_code,
            outcome_type=outcome_type,
            outcome_reason=outcome_reason,
            network_status=network_status,
        )
    )
    world.sim.issuers.scripts[row["id"]] = Script(answer=answer, left=times)


def approve(world: World, customer: str) -> None:
    """From now on this customer's charges are approved."""
    _, row = customer_of(world, customer)
    world.sim.issuers.scripts[row["id"]] = Script(answer=answers.APPROVED)


def _as(world: World, source: str) -> Simulation:
    """Act as somebody else: the events carry a request id that is not of the caller's keys."""
    sim = world.sim
    sim.requests += 1
    sim.cause = Cause(source=source, request_id="req_" + chance.token(14, sim.seed, source, sim.requests))
    return sim


def pay_elsewhere(world: World, customer: str, *, how: str = "card") -> str:
    """The customer pays the oldest open invoice by another route (`card` or `out_of_band`); its id."""
    account, row = customer_of(world, customer)
    if how not in ("card", "out_of_band"):
        raise ControlError("how is card or out_of_band")
    rows = account.table("invoice").rows
    invoice = next(
        (rows[id_] for id_ in account.table("invoice").by("customer", row["id"]) if rows[id_]["status"] == "open"), None
    )
    if invoice is None:
        raise ControlError(f"customer {customer!r} has no open invoice")
    sim = _as(world, "customer")
    try:
        with _time_of(sim, account, invoice["id"]):
            _paid(sim, account, invoice, how)
    finally:
        sim.cause = STRIPE
    return str(invoice["id"])


def _paid(sim: Simulation, account: Account, invoice: Obj, how: str) -> None:
    if how == "out_of_band":
        invoices.settle_out_of_band(sim, account, invoice)
        return
    other = cards.find("tok_visa_debit")
    if other is None:
        raise ControlError("the other card is missing")
    collection.pay_on_hosted_page(sim, account, invoice, payment_methods.make(sim, account, other))


def _time_of(sim: Simulation, account: Account, id_: str) -> AbstractContextManager[None]:
    """The time in which an object lives: that of its test clock, if it has one."""
    clock = clocks.clock_of(account, id_)
    return nullcontext() if clock is None else clocks.at_clock(sim, account, clock)


def replace_card(world: World, customer: str, token: str) -> str:
    """The customer puts in a new card as default; a scripted answer went with the old one. Its payment method id."""
    account, row = customer_of(world, customer)
    card = instruments.find(token)
    if card is None or (isinstance(card, cards.Card) and card.attach_fails):
        raise ControlError(f"{token!r} is no test card that can be attached to a customer")
    sim = _as(world, "customer")
    try:
        sim.issuers.scripts.pop(row["id"], None)
        method = payment_methods.make(sim, account, card, customer=row["id"])
        emit(sim, account, "payment_method.attached", method)
        change(
            sim,
            account,
            row,
            "customer.updated",
            invoice_settings={**row["invoice_settings"], "default_payment_method": method["id"]},
        )
        table = account.table("subscription")
        for id_ in table.by("customer", row["id"]):
            subscription = table.rows[id_]
            if subscription["default_payment_method"] is not None and subscription["status"] != "canceled":
                change(sim, account, subscription, "customer.subscription.updated", default_payment_method=method["id"])
    finally:
        sim.cause = STRIPE
    return str(method["id"])


def _object(world: World, id_: str, kind: str | None = None) -> tuple[Account, str, Obj]:
    found_kind = kind or _PREFIXES.get(id_.partition("_")[0])
    if found_kind is not None:
        for account in world.sim.accounts.values():
            row = account.find(found_kind, id_)
            if row is not None:
                return account, found_kind, row
    raise ControlError(f"no such object {id_!r}")


def void_invoice(world: World, invoice: str) -> None:
    """Somebody voids an invoice in the Dashboard."""
    account, _, row = _object(world, invoice, "invoice")
    if row["status"] not in ("open", "uncollectible"):
        raise ControlError(f"invoice {invoice} is {row['status']}")
    sim = _as(world, "dashboard")
    try:
        with _time_of(sim, account, row["id"]):
            settlement.void(sim, account, row)
    finally:
        sim.cause = STRIPE


def cancel_subscription(world: World, subject: str) -> str:
    """Somebody else cancels a subscription (`sub_` id, or the customer's first living one); its id."""
    if subject.startswith("sub_"):
        account, _, row = _object(world, subject, "subscription")
    else:
        account, customer = customer_of(world, subject)
        table = account.table("subscription")
        living = [
            table.rows[id_] for id_ in table.by("customer", customer["id"]) if table.rows[id_]["status"] != "canceled"
        ]
        if not living:
            raise ControlError(f"customer {subject!r} has no living subscription")
        row = living[0]
    if row["status"] == "canceled":
        raise ControlError(f"subscription {row['id']} is already canceled")
    sim = _as(world, "dashboard")
    try:
        with _time_of(sim, account, row["id"]):
            subscriptions.cancel_now(sim, account, row)
    finally:
        sim.cause = STRIPE
    return str(row["id"])


def set_field(world: World, id_: str, field: str, value: Any) -> None:
    """Set a field of an object as Stripe or somebody else might; a future instant is then carried out."""
    account, kind, row = _object(world, id_)
    with _time_of(world.sim, account, id_):
        _set(world.sim, account, kind, row, field, value)


def _set(sim: Simulation, account: Account, kind: str, row: Obj, field: str, value: Any) -> None:
    id_ = row["id"]
    wrong = settable.complaint(kind, field, value, sim.now)
    if wrong is not None:
        raise ControlError(wrong, field="value" if field in settable.SETTABLE[kind] else "field")
    if kind == "subscription" and row["status"] in ("canceled", "incomplete_expired") and field != "metadata":
        raise ControlError(f"subscription {id_} is {row['status']}: only its metadata can be set")
    if (
        kind == "invoice"
        and field in ("auto_advance", "next_payment_attempt")
        and row["status"] not in _UNPAID
        and value
    ):
        raise ControlError(f"invoice {id_} is {row['status']}: nothing is collected of it", field="field")
    if field == "status" and value == "canceled":
        renewals.end(sim, account, row, reason=None)
        return
    if field in ("next_payment_attempt", "cancel_at") and value is not None:
        sim.agenda.add(value, "collect" if kind == "invoice" else "cancel", account.key, id_)
    change(sim, account, row, _EVENT[kind], **{field: value})
    if field == "cancel_at_period_end" and value and row["status"] == "paused" and next_end(row) <= sim.now:
        renewals.end(sim, account, row, reason=None)


def ledger_rows(world: World) -> list[dict[str, Any]]:
    """Every charge and refund ever made, oldest first; `kind` tells them apart."""
    return [row for row in world.ledger.rows if row["kind"] in ("charge", "refund")]


def open_invoices(world: World) -> list[Obj]:
    """All open invoices of all accounts, oldest first."""
    return [
        dict(row)
        for account in world.sim.accounts.values()
        for row in account.table("invoice").rows.values()
        if row["status"] == "open"
    ]


def counts(world: World) -> dict[str, Any]:
    """The clock and how many of everything there are."""
    totals: dict[str, Any] = {
        "now": world.now,
        "requests": world.sim.requests,
        "events": world.sim.events,
        "deliveries": world.delivered,
        "failed_deliveries": world.failed_deliveries,
        "pending_deliveries": len(world.sim.outbox),
        "ledger_digest": world.ledger.digest(),
        "charges_succeeded": world.ledger.succeeded,
        "charges_failed": world.ledger.failed,
        "refunds": len(world.ledger.refunds),
    }
    for kind, name in (("invoice", "invoices"), ("subscription", "subscriptions")):
        by_status: dict[str, int] = {}
        for account in world.sim.accounts.values():
            for row in account.table(kind).rows.values():
                by_status[row["status"]] = by_status.get(row["status"], 0) + 1
        totals[name] = by_status
    return totals
