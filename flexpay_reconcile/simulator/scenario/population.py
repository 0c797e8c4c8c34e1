"""The people of a scenario: each a customer with a card, a subscription, and the paid invoice of the current period.

That last invoice is history: written silently (no events, no deliveries), paid whatever the card does later.
May not read scenario documents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.answers import APPROVED
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.issuers.latent import LatentCard, update_at
from flexpay_reconcile.simulator.issuers.markets import Market
from flexpay_reconcile.simulator.issuers.people import People, Persona
from flexpay_reconcile.simulator.resources import (
    billing,
    collection,
    customers,
    payment_methods,
    renewals,
    subscription_build,
    trials,
)
from flexpay_reconcile.simulator.resources.instruments import Instrument
from flexpay_reconcile.simulator.scenario.scenario_subscriptions import Course
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

# A postal address that lies in the zone, so that region and zone agree; other zones get the country alone.
_PLACES = {
    "America/New_York": ("New York", "NY", "10001"),
    "America/Chicago": ("Chicago", "IL", "60601"),
    "America/Denver": ("Denver", "CO", "80202"),
    "America/Los_Angeles": ("Los Angeles", "CA", "90001"),
    "America/Phoenix": ("Phoenix", "AZ", "85001"),
    "Europe/Berlin": ("Berlin", None, "10115"),
    "Europe/London": ("London", None, "EC1A 1BB"),
    "Asia/Tokyo": ("Tokyo", None, "100-0001"),
}


Settler = Callable[[Simulation, Account, Obj], None]
"""What is done to a customer once settled in (silently: no events)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """One subscription of a person, running since `started` (epoch seconds)."""

    price: Obj
    started: int
    quantity: int = 1
    collection_method: str = "charge_automatically"
    days_until_due: int | None = None
    course: Course = field(default_factory=Course)

    def begun(self, now: int) -> int:
        """When its period of now began."""
        anchor = self.course.anchor(self.started)
        return self.started if now < anchor else subscription_build.period_at(anchor, self.price, now)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of a scenario, with a test card or bank account.

    `market` is set for generated ones, whose card then answers by its hidden causes.
    """

    name: str
    full_name: str
    email: str
    country: str
    time_zone: str
    subscriptions: tuple[Subscribed, ...]
    instrument: Instrument | None
    market: Market | None = None
    settle: tuple[Settler, ...] = ()


def book_members(
    sim: Simulation,
    *,
    book: str,
    count: int,
    world: Market,
    price: Obj,
    zones: list[str],
    days: int,
) -> list[Member]:
    """Generated people, spread over the days before the start by hash of their names."""
    members = []
    for number in range(1, count + 1):
        name = f"{book}-{number:05d}"
        started = sim.now - 1 - chance.integer(days * 86400 - 1, sim.seed, name, "started")
        members.append(
            Member(
                name=name,
                full_name=f"Member {number}",
                email=f"{name}@example.com",
                country=world.cards.country,
                time_zone=zones[chance.integer(len(zones), sim.seed, name, "zone")],
                subscriptions=(Subscribed(price=price, started=started),),
                instrument=None,
                market=world,
            )
        )
    return members


def populate(sim: Simulation, account: Account, members: list[Member]) -> None:
    """Write all members into the account, in the order in which their current periods began."""
    now = sim.now
    dated = [(one.begun(now), member, one) for member in members for one in member.subscriptions]
    for begun, member, one in sorted(dated, key=lambda entry: (entry[0], entry[1].name)):
        if member.name not in account.names:
            _settle_in(sim, account, member, begun)
        _subscribe(sim, account, account.get("customer", account.names[member.name]), one, begun, now)
    for member in members:
        for work in member.settle:
            work(sim, account, account.get("customer", account.names[member.name]))
    sim.now = now


def _settle_in(sim: Simulation, account: Account, member: Member, begun: int) -> None:
    """The customer with a card as default."""
    instrument = member.instrument or _latent_card(sim, account, member, member.market, begun)
    city, state, postal = _PLACES.get(member.time_zone, (None, None, None))
    sim.now = min(one.started for one in member.subscriptions)
    customer = customers.make(
        sim,
        account,
        name=member.full_name,
        email=member.email,
        address={
            "city": city,
            "country": member.country,
            "line1": None,
            "line2": None,
            "postal_code": postal,
            "state": state,
        },
    )
    account.names[member.name] = customer["id"]
    method = payment_methods.make(sim, account, instrument, customer=customer["id"])
    customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    if member.market is not None and member.market.people is not None:
        _enliven(sim, account, member.market, account.cards[method["id"]], customer["id"], method["id"])


def _subscribe(sim: Simulation, account: Account, customer: Obj, one: Subscribed, begun: int, now: int) -> None:
    """A subscription with the paid invoice of its current period; a notice of its trial's end is still to come."""
    sim.now = begun
    anchor = one.course.anchor(one.started)
    subscription = subscription_build.make(
        sim,
        account,
        customer=customer,
        price=one.price,
        quantity=one.quantity,
        anchor=anchor,
        status="active" if anchor <= begun else "trialing",
        cancel_at_period_end=one.course.cancel_at_period_end,
        more=one.course.more,
        collection_method=one.collection_method,
        days_until_due=one.days_until_due,
        **one.course.fields(one.started, begun),
    )
    reason = "subscription_create" if begun == one.started else "subscription_cycle"
    invoice = billing.bill(sim, account, subscription, reason)
    subscription["latest_invoice"] = invoice["id"]
    collection.finalize(sim, account, invoice)
    if invoice["status"] == "open":
        method = account.get("payment_method", customer["invoice_settings"]["default_payment_method"])
        collection.attempt(sim, account, invoice, method, automatic=True, answer=APPROVED, source="history")
    renewals.schedule(sim, account, subscription)
    if subscription["status"] == "trialing" and subscription["trial_end"] - trials.WARNING >= now:
        trials.announce(sim, account, subscription)


def _enliven(sim: Simulation, account: Account, market: Market, card: Card, customer: str, method: str) -> None:
    """This customer acts by themselves, and the account updater's work on their card is seen."""
    if market.people is None or card.latent is None:
        return
    if sim.people is None:
        sim.people = People()
    sim.people.personas[customer] = Persona(seed=sim.seed, name=card.latent, habits=market.people)
    at = update_at(sim.issuers.latent[card.latent])
    if market.people.sees_updates and at is not None:
        sim.agenda.add(at, "people", account.key, f"card_updated|{method}")


def _latent_card(sim: Simulation, account: Account, member: Member, market: Market | None, begun: int) -> Card:
    if market is None:
        raise ValueError(f"member {member.name} has neither a card nor a market")
    words = (sim.seed, account.id, member.name)
    brand = chance.pick(market.cards.brands, *words, "brand")
    funding = chance.pick(market.cards.funding, *words, "funding")
    key = f"{account.id}/{member.name}"
    sim.issuers.latent[key] = LatentCard(
        seed=sim.seed, key=key, market=market, zone=member.time_zone, brand=brand, funding=funding, since=begun
    )
    return Card(
        brand=brand,
        last4=f"{chance.integer(10000, *words, 'last4'):04d}",
        fingerprint=chance.token(16, *words, "card"),
        behaviour="latent",
        funding=funding,
        country=market.cards.country,
        exp_month=1 + chance.integer(12, *words, "month"),
        exp_year=2028 + chance.integer(5, *words, "year"),
        latent=key,
    )
