"""What customers carry out when its time has come: a new card, a payment on Stripe's page, a top-up, and so on.

Each checks first that it still makes sense. May not decide whether to act: `people` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.issuers.people import DAY, Persona
from flexpay_reconcile.simulator.resources import (
    authentication,
    collection,
    disputes,
    payment_intents,
    payment_methods,
    refunds,
    renewals,
    standing,
)
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import STRIPE, Account, Cause, Obj, Simulation

# What banks say for customers of subscriptions; the shares are invented.
_REASONS = (("fraudulent", 0.5), ("subscription_canceled", 0.3), ("product_not_received", 0.1), ("unrecognized", 0.1))
Act = Callable[[Simulation, Account, Obj, Persona], None]


def happen(sim: Simulation, account: Account, subject: str) -> None:
    """Carry out an intention of the agenda, `act|id`."""
    act, _, id_ = subject.partition("|")
    if act == "card_updated":
        _card_updated(sim, account, id_)
        return
    invoice = account.find("invoice", id_)
    persona = sim.people.personas.get(invoice["customer"]) if sim.people is not None and invoice is not None else None
    if invoice is None or persona is None:
        return
    # Of its own words, not of a counter: reading the world in between must not change what people do to it.
    sim.cause = Cause(source="customer", request_id="req_" + chance.token(14, sim.seed, persona.name, subject, sim.now))
    try:
        ACTS[act](sim, account, invoice, persona)
    finally:
        sim.cause = STRIPE


def _payable(invoice: Obj) -> bool:
    return bool(invoice["status"] == "open" and invoice["amount_remaining"] > 0)


def _fresh_card(sim: Simulation, account: Account, persona: Persona) -> Card:
    """Another card of the same person, alive since now; it draws on the same money."""
    old = sim.issuers.latent[persona.name]
    number = account.count(f"card of {persona.name}")
    key = f"{persona.name}#{number}"
    words = (sim.seed, key)
    brand = chance.pick(old.market.cards.brands, *words, "brand")
    funding = chance.pick(old.market.cards.funding, *words, "funding")
    sim.issuers.latent[key] = replace(old, key=key, person=persona.name, brand=brand, funding=funding, since=sim.now)
    return Card(
        brand=brand,
        last4=f"{chance.integer(10000, *words, 'last4'):04d}",
        fingerprint=chance.token(16, *words, "card"),
        behaviour="latent",
        funding=funding,
        country=old.market.cards.country,
        exp_month=1 + chance.integer(12, *words, "month"),
        exp_year=2030 + chance.integer(4, *words, "year"),
        latent=key,
    )


def _new_card(sim: Simulation, account: Account, invoice: Obj, persona: Persona) -> None:
    """A new default card, put in through the customer portal; nothing is charged by that."""
    customer = account.get("customer", invoice["customer"])
    method = payment_methods.make(sim, account, _fresh_card(sim, account, persona), customer=customer["id"])
    emit(sim, account, "payment_method.attached", method)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    change(sim, account, customer, "customer.updated", invoice_settings=settings)
    table = account.table("subscription")
    for id_ in table.by("customer", customer["id"]):
        row = table.rows[id_]
        if row["default_payment_method"] is not None and row["status"] in standing.LIVING:
            change(sim, account, row, "customer.subscription.updated", default_payment_method=method["id"])


def _pay_invoice(sim: Simulation, account: Account, invoice: Obj, persona: Persona) -> None:
    """The open invoice is paid on Stripe's page with a card that is not kept."""
    if _payable(invoice):
        card = _fresh_card(sim, account, persona)
        collection.pay_on_hosted_page(sim, account, invoice, payment_methods.make(sim, account, card))


def _top_up(sim: Simulation, _: Account, invoice: Obj, persona: Persona) -> None:
    """Money is moved to where the card draws on it, for some days."""
    if _payable(invoice):
        sim.issuers.topped_up[persona.name] = sim.now + int(persona.habits.top_up_days * DAY)


def _cancel(sim: Simulation, account: Account, invoice: Obj, persona: Persona) -> None:
    """The subscription is cancelled in the customer portal, at the end of the period or at once."""
    subscription = standing.subscription_of(account, invoice)
    if subscription is None or subscription["status"] not in standing.LIVING or subscription["cancel_at_period_end"]:
        return
    if chance.uniform(persona.seed, persona.name, invoice["id"], "period end") < persona.habits.cancels_at_period_end:
        change(
            sim,
            account,
            subscription,
            "customer.subscription.updated",
            cancel_at_period_end=True,
            cancel_at=subscription["items"]["data"][0]["current_period_end"],
            canceled_at=sim.now,
            cancellation_details={**subscription["cancellation_details"], "reason": "cancellation_requested"},
        )
    else:
        renewals.end(sim, account, subscription, reason="cancellation_requested")


def _authenticate(sim: Simulation, account: Account, invoice: Obj, _: Persona) -> None:
    """3D Secure is completed on Stripe's page, with the card that was challenged."""
    intent = payment_intents.of_invoice(account, invoice["id"])
    if intent is not None and intent["status"] == "requires_action":
        authentication.complete(sim, account, intent, succeeded=True)
        return
    method = collection.method_for(account, invoice)
    if _payable(invoice) and method is not None:
        collection.pay_on_hosted_page(sim, account, invoice, method)


def _paid_charge(account: Account, invoice: Obj) -> Obj | None:
    for payment_id in account.table("invoice_payment").by("invoice", invoice["id"]):
        intent_id = account.get("invoice_payment", payment_id)["payment"].get("payment_intent")
        for id_ in account.table("charge").by("payment_intent", intent_id) if intent_id else ():
            charge = account.get("charge", id_)
            if charge["status"] == "succeeded" and not charge["disputed"] and charge["amount_refunded"] == 0:
                return charge
    return None


def _refund(sim: Simulation, account: Account, invoice: Obj, _: Persona) -> None:
    """The merchant's support gives the money back on request."""
    charge = _paid_charge(account, invoice)
    if charge is not None:
        refunds.make(sim, account, charge, charge["amount"], "requested_by_customer", {})


def _dispute(sim: Simulation, account: Account, invoice: Obj, persona: Persona) -> None:
    """The bank takes the money back at the customer's word."""
    charge = _paid_charge(account, invoice)
    if charge is not None:
        reason = chance.pick(_REASONS, persona.seed, persona.name, invoice["id"], "dispute reason")
        disputes.open_dispute(sim, account, charge, reason)


def _card_updated(sim: Simulation, account: Account, method_id: str) -> None:
    """The account updater puts the new date behind a card that is still attached (the number stays, so does [INFER]
    the fingerprint). The card works again by itself: `latent` knows the instant.
    """
    method = account.find("payment_method", method_id)
    if method is None or method["customer"] is None:
        return
    card = account.cards[method_id]
    payment_methods.update_automatically(sim, account, method, replace(card, exp_year=card.exp_year + 4))


ACTS: dict[str, Act] = {
    "new_card": _new_card,
    "pay_invoice": _pay_invoice,
    "top_up": _top_up,
    "cancel": _cancel,
    "authenticate": _authenticate,
    "refund": _refund,
    "dispute": _dispute,
}
