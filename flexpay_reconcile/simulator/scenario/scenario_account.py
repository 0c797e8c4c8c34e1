"""One account of a scenario: its keys, prices, customers, books, and whatever else `ACCOUNT` and `CUSTOMER` list.

Composable: a key of an account is one line in `ACCOUNT`, a key of a customer one line in `CUSTOMER`. May not
read files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.protocol import currencies
from flexpay_reconcile.simulator.resources import instruments, products
from flexpay_reconcile.simulator.scenario import (
    scenario_billing,
    scenario_keys,
    scenario_payments,
    scenario_subscriptions,
    scenario_webhooks,
)
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.population import Member, Settler, Subscribed, book_members, populate
from flexpay_reconcile.simulator.scenario.scenario_building import Building
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

MOST_CUSTOMERS = 100_000


def build(sim: Simulation, id_: str, value: object, path: str) -> Building:
    """The account with everyone in it."""
    if not id_.startswith("acct_"):
        raise ScenarioError(path, "an account id begins with acct_")
    table = check.table(value, path, optional=("name", "country", "livemode", *ACCOUNT))
    account = Account(
        id_,
        livemode=check.boolean(table.get("livemode", False), f"{path}.livemode"),
        name=check.text(table.get("name", id_), f"{path}.name"),
        country=check.text(table.get("country", "US"), f"{path}.country"),
    )
    sim.accounts[account.key] = account
    building = Building(sim=sim, account=account)
    sim.quiet = True
    for key, parse in ACCOUNT.items():
        if key in table:
            parse(building, table[key], f"{path}.{key}")
    names = [member.name for member in building.members]
    if len(set(names)) != len(names):
        raise ScenarioError(f"{path}.books", "two customers have one name")
    populate(sim, account, building.members)
    sim.quiet = False
    return building


def _keys(building: Building, value: object, path: str) -> None:
    for entry, at in check.items(value, path):
        scenario_keys.add(building.sim, building.account, entry, at)


def _prices(building: Building, value: object, path: str) -> None:
    for name, entry in check.mapping(value, path).items():
        building.prices[name] = _price(building.sim, building.account, name, entry, f"{path}.{name}")


def _price(sim: Simulation, account: Account, name: str, value: object, path: str) -> Obj:
    table = check.table(value, path, required=("amount", "currency", "interval"), optional=("interval_count",))
    if table["interval"] not in products.INTERVALS:
        raise ScenarioError(f"{path}.interval", "must be one of " + ", ".join(products.INTERVALS))
    currency = check.text(table["currency"], f"{path}.currency").lower()
    if currency not in currencies.CODES:
        raise ScenarioError(f"{path}.currency", f"unknown currency {currency!r}")
    product = products.make_product(sim, account, name)
    return products.make_price(
        sim,
        account,
        product=product["id"],
        amount=check.integer(table["amount"], f"{path}.amount", least=0),
        currency=currency,
        interval=table["interval"],
        count=check.integer(table.get("interval_count", 1), f"{path}.interval_count", least=1),
        nickname=name,
    )


def _known_price(prices: Mapping[str, Obj], value: object, path: str) -> Obj:
    if not isinstance(value, str) or value not in prices:
        raise ScenarioError(path, f"unknown price {value!r}")
    return prices[str(value)]


def _customers(building: Building, value: object, path: str) -> None:
    for name, entry in check.mapping(value, path).items():
        building.members.append(_customer(building, name, entry, f"{path}.{name}"))


def _customer(building: Building, name: str, value: object, path: str) -> Member:
    table = check.table(
        value,
        path,
        optional=("price", "subscriptions", "card", "name", "email", "country", "time_zone", "started", *CUSTOMER),
    )
    token = table.get("card", "pm_card_visa")
    instrument = instruments.find(str(token))
    if instrument is None or (isinstance(instrument, Card) and instrument.attach_fails):
        raise ScenarioError(f"{path}.card", f"{token!r} is no test card or account that can be attached to a customer")
    started = _started(building.sim, table, path, building.sim.now)
    return Member(
        name=name,
        full_name=check.text(table.get("name", name), f"{path}.name"),
        email=check.text(table.get("email", f"{name}@example.com"), f"{path}.email"),
        country=check.text(table.get("country", "US"), f"{path}.country"),
        time_zone=check.zone_name(table.get("time_zone", "America/New_York"), f"{path}.time_zone"),
        subscriptions=_subscriptions(building, table, path, started),
        instrument=instrument,
        settle=tuple(parse(building, table[key], f"{path}.{key}") for key, parse in CUSTOMER.items() if key in table),
    )


def _started(sim: Simulation, table: Mapping[str, object], path: str, default: int) -> int:
    started = check.instant(table.get("started", default), f"{path}.started")
    if started > sim.now:
        raise ScenarioError(f"{path}.started", "must not be after the start of the scenario")
    return started


def _subscriptions(building: Building, table: Mapping[str, object], path: str, started: int) -> tuple[Subscribed, ...]:
    """`price` alone is one subscription; `subscriptions` lists several, of which each may say more."""
    if ("price" in table) == ("subscriptions" in table):
        raise ScenarioError(f"{path}.price", "is missing" if "price" not in table else "stands beside subscriptions")
    if "price" in table:
        return (Subscribed(price=_known_price(building.prices, table["price"], f"{path}.price"), started=started),)
    entries = check.items(table["subscriptions"], f"{path}.subscriptions")
    if not entries:
        raise ScenarioError(f"{path}.subscriptions", "must name at least one")
    return tuple(_subscription(building, entry, at, started) for entry, at in entries)


def _subscription(building: Building, value: object, path: str, started: int) -> Subscribed:
    table = check.table(
        value,
        path,
        required=("price",),
        optional=("quantity", "started", "collection_method", "days_until_due", *scenario_subscriptions.KEYS),
    )
    price = _known_price(building.prices, table["price"], f"{path}.price")
    method = check.choice(
        table.get("collection_method", "charge_automatically"),
        f"{path}.collection_method",
        ("charge_automatically", "send_invoice"),
    )
    days = table.get("days_until_due", 30 if method == "send_invoice" else None)
    if (days is not None) != (method == "send_invoice"):
        raise ScenarioError(f"{path}.days_until_due", "belongs to send_invoice alone")
    return Subscribed(
        price=price,
        started=_started(building.sim, table, path, started),
        course=scenario_subscriptions.parse(table, path, price, partial(_known_price, building.prices)),
        quantity=check.integer(table.get("quantity", 1), f"{path}.quantity", least=1),
        collection_method=method,
        days_until_due=None if days is None else check.integer(days, f"{path}.days_until_due", least=0),
    )


def _books(building: Building, value: object, path: str) -> None:
    for entry, at in check.items(value, path):
        building.members.extend(_book(building, entry, at))


def _book(building: Building, value: object, path: str) -> list[Member]:
    sim = building.sim
    table = check.table(
        value, path, required=("name", "count", "price", "world"), optional=("time_zones", "started_within_days")
    )
    try:
        found = worlds.find(str(table["world"]))
    except LookupError:
        raise ScenarioError(f"{path}.world", f"unknown world; one of {', '.join(worlds.names())}") from None
    zones = check.items(table.get("time_zones", ["America/New_York"]), f"{path}.time_zones")
    if not zones:
        raise ScenarioError(f"{path}.time_zones", "must be a list of zones")
    count = check.integer(table["count"], f"{path}.count", least=1)
    if count > MOST_CUSTOMERS:
        raise ScenarioError(f"{path}.count", f"at most {MOST_CUSTOMERS}")
    return book_members(
        sim,
        book=check.text(table["name"], f"{path}.name"),
        count=count,
        world=found,
        price=_known_price(building.prices, table["price"], f"{path}.price"),
        zones=[check.zone_name(name, f"{path}.time_zones") for name, _ in zones],
        days=check.days_before(table.get("started_within_days", 31), f"{path}.started_within_days", sim.now),
    )


ACCOUNT: dict[str, Callable[[Building, object, str], None]] = {
    "payments": scenario_payments.settings,
    "platform": scenario_webhooks.platform,
    "billing": scenario_billing.billing,
    "keys": _keys,
    "prices": _prices,
    "customers": _customers,
    "books": _books,
}
"""What an account may say beside name, country and livemode, in the order in which it is carried out."""

CUSTOMER: dict[str, Callable[[Building, object, str], Settler]] = {}
"""What a customer may say further: a parser that returns what is done to the customer once settled in."""
