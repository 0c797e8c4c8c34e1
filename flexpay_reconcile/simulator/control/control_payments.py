"""Control verbs of payments: what cardholders, their banks, card networks and a merchant's Dashboard do.

Fields named `customer` take a name of the scenario or an id and mean that customer's newest object that fits; every
other field takes an id. May not be reached with an API key, and never moves the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.control.control import ControlError, customer_of
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.issuers import answers, cards
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.resources import (
    authentication,
    bank_debits,
    disputes,
    fraud_warnings,
    instruments,
    payment_methods,
    refunds,
    setup_intents,
)
from flexpay_reconcile.simulator.resources.dispute_build import REASONS
from flexpay_reconcile.simulator.state import STRIPE, Account, Cause, Obj
from flexpay_reconcile.simulator.world import World

Given = dict[str, Any]
_CHARGE = ("customer", "charge")


@contextmanager
def _acting(world: World, source: str, subject: str) -> Iterator[None]:
    """Somebody else acts: the events carry a request id that is not of the caller's keys."""
    sim = world.sim
    request = "req_" + chance.token(14, sim.seed, source, subject, sim.now)
    sim.cause = Cause(source=source, request_id=request)
    try:
        yield
    finally:
        sim.cause = STRIPE


def _choice(given: Given, field: str, words: tuple[str, ...], default: str | None = None) -> str:
    value = given.get(field, default)
    if value not in words:
        raise ControlError(f"{field} is one of {', '.join(words)}", field=field)
    return str(value)


def _find(world: World, given: Given, field: str, kind: str, fits: str, wanted: Any) -> tuple[Account, Obj]:
    """The object named by its id in `field`, or the customer's newest one that `wanted` accepts."""
    if (field in given) == ("customer" in given):
        raise ControlError(f"give either customer or {field}", field=field)
    if field in given:
        for account in world.sim.accounts.values():
            row = account.find(kind, given[field])
            if row is not None:
                if not wanted(row):
                    raise ControlError(f"{given[field]} is not {fits}", field=field)
                return account, row
        raise ControlError(f"no such object {given[field]!r}", field=field)
    account, customer = customer_of(world, given["customer"])
    table = account.table(kind)
    for id_ in reversed(table.by("customer", customer["id"])):
        row = table.rows.get(id_)
        if row is not None and wanted(row):
            return account, row
    raise ControlError(f"customer {given['customer']!r} has no {kind} that is {fits}", field="customer")


def _charge_in(given: Given) -> Given:
    return {name: value for name, value in given.items() if name in _CHARGE}


def _paid(world: World, given: Given) -> tuple[Account, Obj]:
    given = _charge_in(given)
    return _find(world, given, "charge", "charge", "paid", lambda row: row["status"] == "succeeded" and row["captured"])


def _authenticate(world: World, given: Given) -> Given:
    succeeded = _choice(given, "outcome", ("succeeded", "failed"), "succeeded") == "succeeded"
    if "setup_intent" in given:
        named = {"setup_intent": given["setup_intent"]}
        account, intent = _find(
            world, named, "setup_intent", "setup_intent", "in requires_action", lambda row: row["next_action"]
        )
        with _acting(world, "customer", intent["id"]):
            setup_intents.complete(world.sim, account, intent, succeeded=succeeded)
        return {"setup_intent": intent["id"], "status": intent["status"]}
    account, intent = _find(
        world,
        given,
        "payment_intent",
        "payment_intent",
        "in requires_action",
        lambda row: row["status"] == "requires_action",
    )
    with _acting(world, "customer", intent["id"]):
        authentication.complete(world.sim, account, intent, succeeded=succeeded)
    return {"payment_intent": intent["id"], "status": intent["status"]}


def _dispute(world: World, given: Given) -> Given:
    reason = _choice(given, "reason", REASONS, "fraudulent")
    inquiry = _choice(given, "type", ("chargeback", "inquiry"), "chargeback") == "inquiry"
    account, charge = _paid(world, given)
    if charge["disputed"] or charge["amount_refunded"] >= charge["amount"]:
        raise ControlError(f"charge {charge['id']} is already disputed or refunded")
    dispute = disputes.open_dispute(world.sim, account, charge, reason, inquiry=inquiry)
    return {"dispute": dispute["id"], "charge": charge["id"], "status": dispute["status"]}


def _verdict(world: World, given: Given) -> Given:
    verdict = _choice(given, "outcome", ("won", "lost", "warning_closed", "escalated"))
    account, dispute = _named_dispute(world, given)
    inquiry = dispute["status"].startswith("warning")
    if dispute["status"] in disputes.CLOSED or inquiry is not (verdict in ("warning_closed", "escalated")):
        raise ControlError(f"dispute {dispute['id']} is {dispute['status']} and cannot be {verdict}")
    if verdict == "escalated":
        disputes.escalate(world.sim, account, dispute)
    else:
        disputes.decide(world.sim, account, dispute, verdict)
    return {"dispute": dispute["id"], "status": dispute["status"]}


def _named_dispute(world: World, given: Given) -> tuple[Account, Obj]:
    for account in world.sim.accounts.values():
        found = account.find("dispute", given["dispute"])
        if found is not None:
            return account, found
    raise ControlError(f"no such dispute {given['dispute']!r}", field="dispute")


def _warning(world: World, given: Given) -> Given:
    fraud = _choice(given, "type", fraud_warnings.TYPES, "made_with_stolen_card")
    account, charge = _paid(world, given)
    return {"early_fraud_warning": fraud_warnings.warn(world.sim, account, charge, fraud)["id"]}


def _card_updated(world: World, given: Given) -> Given:
    """The account updater: a new number or date, or a closed account."""
    account, customer = customer_of(world, given["customer"])
    id_ = given.get("payment_method") or customer["invoice_settings"]["default_payment_method"]
    method, card = account.find("payment_method", id_), instruments.of(account, id_)
    if method is None or not isinstance(card, Card) or method["customer"] != customer["id"]:
        raise ControlError(f"customer {given['customer']!r} has no such card", field="payment_method")
    closed = _choice(given, "closed", ("yes", "no"), "no") == "yes"
    if closed:
        updated = replace(card, behaviour="closed", latent=None)
    else:
        updated = _renewed(world, card, given)
        world.sim.issuers.scripts.pop(customer["id"], None)
    payment_methods.update_automatically(world.sim, account, method, updated)
    return {"payment_method": method["id"]}


def _renewed(world: World, card: Card, given: Given) -> Card:
    """The card with its new number or date; it behaves as `token` says (default: it pays)."""
    like = cards.find(given.get("token", "pm_card_visa"))
    if like is None:
        raise ControlError(f"{given['token']!r} is no test card", field="token")
    last4 = given.get("last4", card.last4)
    if len(last4) != 4 or not last4.isdigit():
        raise ControlError("last4 is four digits", field="last4")
    month, year = given.get("exp_month", card.exp_month), given.get("exp_year", card.exp_year)
    if "last4" not in given and "exp_month" not in given and "exp_year" not in given:
        year = card.exp_year + 4
    if not 1 <= month <= 12 or not 1970 <= year <= 9999:
        raise ControlError("exp_month is 1 to 12 and exp_year has four digits", field="exp_month")
    fresh = card.fingerprint if last4 == card.last4 else chance.token(16, world.sim.seed, card.fingerprint, last4)
    token = {"yes": True, "no": False}[_choice(given, "network_token", ("yes", "no"), "no")]
    return replace(
        card,
        last4=last4,
        exp_month=month,
        exp_year=year,
        fingerprint=fresh,
        behaviour=like.behaviour,
        latent=None,
        network_token=token or card.network_token,
    )


def _settle_debit(world: World, given: Given) -> Given:
    failed = _choice(given, "outcome", ("succeeded", "failed")) == "failed"
    account, charge = _find(
        world, _charge_in(given), "charge", "charge", "pending", lambda row: row["status"] == "pending"
    )
    ach = charge["payment_method_details"]["type"] == "us_bank_account"
    answer = answers.returned(given.get("code", "insufficient_funds"), ach=ach) if failed else answers.APPROVED
    bank_debits.conclude(world.sim, account, charge, answer)
    return {"charge": charge["id"], "status": charge["status"]}


def _refund(world: World, given: Given) -> Given:
    reason = _choice(given, "reason", ("duplicate", "fraudulent", "requested_by_customer"), "requested_by_customer")
    account, charge = _paid(world, given)
    left = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    if not 1 <= amount <= left or disputes.open_of(account, charge) is not None:
        raise ControlError(f"charge {charge['id']} cannot be refunded by {amount}", field="amount")
    with _acting(world, "dashboard", charge["id"]):
        refund = refunds.make(world.sim, account, charge, amount, reason, {})
    return {"refund": refund["id"], "status": refund["status"]}


def _refund_outcome(world: World, given: Given) -> Given:
    account, customer = customer_of(world, given["customer"])
    account.payments.refunds[customer["id"]] = _choice(given, "outcome", refunds.OUTCOMES)
    return {}


def _retry_limit(world: World, given: Given) -> Given:
    """After how many declines in thirty days Stripe blocks a Visa card; without `limit`: never."""
    limit = given.get("limit")
    if limit is not None and limit < 1:
        raise ControlError("limit must be at least 1", field="limit")
    for account in world.sim.accounts.values():
        if given.get("account") in (None, account.id):
            account.payments.visa_retry_limit = limit
    return {}


VERBS: dict[str, Verb] = {
    "authenticate": Verb(
        run=_authenticate,
        optional=("customer", "payment_intent", "setup_intent", "outcome"),
        words="the customer completes 3D Secure (outcome succeeded or failed)",
    ),
    "dispute": Verb(
        run=_dispute, optional=(*_CHARGE, "reason", "type"), words="the bank disputes a paid charge (or inquires)"
    ),
    "dispute-verdict": Verb(
        run=_verdict,
        required=("dispute", "outcome"),
        words="the bank decides a dispute: won, lost, warning_closed, escalated",
    ),
    "fraud-warning": Verb(run=_warning, optional=(*_CHARGE, "type"), words="the network warns of fraud"),
    "card-updated": Verb(
        run=_card_updated,
        required=("customer",),
        optional=("payment_method", "last4", "exp_month", "exp_year", "token", "network_token", "closed"),
        numbers=frozenset({"exp_month", "exp_year"}),
        words="the account updater brings a new number or date, or closes the card",
    ),
    "settle-debit": Verb(
        run=_settle_debit,
        required=("outcome",),
        optional=(*_CHARGE, "code"),
        words="the bank answers a pending debit now",
    ),
    "refund": Verb(
        run=_refund,
        optional=(*_CHARGE, "amount", "reason"),
        numbers=frozenset({"amount"}),
        words="the merchant refunds a charge in the Dashboard",
    ),
    "refund-outcome": Verb(
        run=_refund_outcome, required=("customer", "outcome"), words="what becomes of the customer's next refunds"
    ),
    "visa-retry-limit": Verb(
        run=_retry_limit,
        optional=("account", "limit"),
        numbers=frozenset({"limit"}),
        words="Stripe blocks Visa cards after so many declines in thirty days",
    ),
}
