"""Scenarios: a plain document in, a world out. Unknown keys are refused with their path.

May not read files (the caller parses YAML) nor a clock: a scenario says when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flexpay_reconcile.simulator import access, cards, chance
from flexpay_reconcile.simulator.access import Key
from flexpay_reconcile.simulator.local_time import DAY, parse_instant, zone
from flexpay_reconcile.simulator.markets import MARKETS
from flexpay_reconcile.simulator.population import Member, book_members, populate
from flexpay_reconcile.simulator.resources import products
from flexpay_reconcile.simulator.state import Account, Obj, Simulation
from flexpay_reconcile.simulator.world import World

VERSION = 1
MOST_CUSTOMERS = 100_000
EARLIEST, LATEST = 946_684_800, 32_503_680_000
"""The years 2000 and 3000: calendars on both sides of a start have to be reckoned with."""


class ScenarioError(Exception):
    """What is wrong with a scenario, and where (`path`, like `accounts.acct_1.keys[0].type`)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or 'scenario'}: {message}")
        self.path = path
        self.message = message


def build_world(document: Mapping[str, Any]) -> World:
    """The world a scenario describes; ScenarioError when it cannot be built."""
    root = _table(document, "", required=("version", "start", "accounts"), optional=("seed",))
    if root["version"] != VERSION:
        raise ScenarioError("version", f"must be {VERSION}")
    start = _instant(root["start"], "start")
    sim = Simulation(seed=_integer(root.get("seed", 0), "seed", least=0), now=start)
    accounts = root["accounts"]
    if not isinstance(accounts, Mapping) or not accounts:
        raise ScenarioError("accounts", "must name at least one account")
    for id_, value in accounts.items():
        _account(sim, str(id_), value, f"accounts.{id_}")
    sim.now = start
    return World(sim)


def env_of(world: World) -> dict[str, str]:
    """Environment variable name to key, for every key that names one."""
    return {key.env: key.secret for key in world.sim.keys.values() if key.env is not None}


def _account(sim: Simulation, id_: str, value: object, path: str) -> None:
    if not id_.startswith("acct_"):
        raise ScenarioError(path, "an account id begins with acct_")
    table = _table(value, path, optional=("name", "country", "livemode", "keys", "prices", "customers", "books"))
    livemode = _boolean(table.get("livemode", False), f"{path}.livemode")
    account = Account(
        id_,
        livemode=livemode,
        name=_text(table.get("name", id_), f"{path}.name"),
        country=_text(table.get("country", "US"), f"{path}.country"),
    )
    sim.accounts[account.key] = account
    keys = table.get("keys", [])
    if not isinstance(keys, list):
        raise ScenarioError(f"{path}.keys", "must be a list")
    for number, entry in enumerate(keys):
        _key(sim, account, entry, f"{path}.keys[{number}]")
    sim.quiet = True
    prices = {
        str(name): _price(sim, account, str(name), entry, f"{path}.prices.{name}")
        for name, entry in _mapping(table.get("prices", {}), f"{path}.prices").items()
    }
    members = [
        _customer(sim, str(name), entry, prices, f"{path}.customers.{name}")
        for name, entry in _mapping(table.get("customers", {}), f"{path}.customers").items()
    ]
    books = table.get("books", [])
    if not isinstance(books, list):
        raise ScenarioError(f"{path}.books", "must be a list")
    for number, entry in enumerate(books):
        members.extend(_book(sim, entry, prices, f"{path}.books[{number}]"))
    names = [member.name for member in members]
    if len(set(names)) != len(names):
        raise ScenarioError(f"{path}.books", "two customers have one name")
    populate(sim, account, members)
    sim.quiet = False


def _key(sim: Simulation, account: Account, value: object, path: str) -> None:
    table = _table(
        value,
        path,
        required=("type",),
        optional=("env", "name", "permissions", "secret", "revoked", "expires_at", "livemode"),
    )
    kind = table["type"]
    if kind not in ("restricted", "standard"):
        raise ScenarioError(f"{path}.type", "must be restricted or standard")
    permissions = _permissions(kind, table.get("permissions"), f"{path}.permissions")
    live = _boolean(table.get("livemode", account.livemode), f"{path}.livemode")
    prefix = f"{'rk' if kind == 'restricted' else 'sk'}_{'live' if live else 'test'}_"
    secret = table.get("secret") or prefix + chance.token(32, sim.seed, account.id, path)
    if not isinstance(secret, str) or not secret.startswith(prefix) or len(secret) < len(prefix) + 8:
        raise ScenarioError(f"{path}.secret", f"must begin with {prefix} and have at least 8 characters more")
    if secret in sim.keys:
        raise ScenarioError(path, "two keys have one secret")
    env = table.get("env")
    if env is not None and any(key.env == env for key in sim.keys.values()):
        raise ScenarioError(f"{path}.env", "two keys name one variable")
    expires = table.get("expires_at")
    sim.keys[secret] = Key(
        secret=secret,
        account=account.id,
        livemode=live,
        name=_text(table.get("name", kind), f"{path}.name"),
        env=_text(env, f"{path}.env") if env is not None else None,
        permissions=permissions,
        revoked=_boolean(table.get("revoked", False), f"{path}.revoked"),
        expires_at=_instant(expires, f"{path}.expires_at") if expires is not None else None,
    )


def _permissions(kind: str, value: object, path: str) -> frozenset[str] | None:
    if kind == "standard":
        if value is not None:
            raise ScenarioError(path, "a standard key has no list of permissions")
        return None
    if value == "flexpay":
        return access.permission_set(access.FLEXPAY_PRESET)
    if not isinstance(value, list):
        raise ScenarioError(path, "must be flexpay or a list of rak_ names")
    try:
        return access.permission_set([_text(name, path) for name in value])
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error


def _price(sim: Simulation, account: Account, name: str, value: object, path: str) -> Obj:
    table = _table(value, path, required=("amount", "currency", "interval"), optional=("interval_count",))
    if table["interval"] not in products.INTERVALS:
        raise ScenarioError(f"{path}.interval", "must be one of " + ", ".join(products.INTERVALS))
    product = products.make_product(sim, account, name)
    return products.make_price(
        sim,
        account,
        product=product["id"],
        amount=_integer(table["amount"], f"{path}.amount", least=0),
        currency=_text(table["currency"], f"{path}.currency"),
        interval=table["interval"],
        count=_integer(table.get("interval_count", 1), f"{path}.interval_count", least=1),
        nickname=name,
    )


def _known_price(prices: Mapping[str, Obj], value: object, path: str) -> Obj:
    if not isinstance(value, str) or value not in prices:
        raise ScenarioError(path, f"unknown price {value!r}")
    return prices[str(value)]


def _customer(sim: Simulation, name: str, value: object, prices: Mapping[str, Obj], path: str) -> Member:
    table = _table(
        value, path, required=("price",), optional=("card", "name", "email", "country", "time_zone", "started")
    )
    token = table.get("card", "pm_card_visa")
    card = cards.find(str(token))
    if card is None or card.attach_fails:
        raise ScenarioError(f"{path}.card", f"{token!r} is no test card that can be attached to a customer")
    started = _instant(table.get("started", sim.now), f"{path}.started")
    if started > sim.now:
        raise ScenarioError(f"{path}.started", "must not be after the start of the scenario")
    return Member(
        name=name,
        full_name=_text(table.get("name", name), f"{path}.name"),
        email=_text(table.get("email", f"{name}@example.com"), f"{path}.email"),
        country=_text(table.get("country", "US"), f"{path}.country"),
        time_zone=_zone(table.get("time_zone", "America/New_York"), f"{path}.time_zone"),
        price=_known_price(prices, table["price"], f"{path}.price"),
        card=card,
        started=started,
    )


def _book(sim: Simulation, value: object, prices: Mapping[str, Obj], path: str) -> list[Member]:
    table = _table(
        value, path, required=("name", "count", "price", "world"), optional=("time_zones", "started_within_days")
    )
    market = MARKETS.get(str(table["world"]))
    if market is None:
        raise ScenarioError(f"{path}.world", f"unknown world; one of {', '.join(MARKETS)}")
    zones = table.get("time_zones", ["America/New_York"])
    if not isinstance(zones, list) or not zones:
        raise ScenarioError(f"{path}.time_zones", "must be a list of zones")
    count = _integer(table["count"], f"{path}.count", least=1)
    if count > MOST_CUSTOMERS:
        raise ScenarioError(f"{path}.count", f"at most {MOST_CUSTOMERS}")
    return book_members(
        sim,
        book=_text(table["name"], f"{path}.name"),
        count=count,
        market=market,
        price=_known_price(prices, table["price"], f"{path}.price"),
        zones=[_zone(name, f"{path}.time_zones") for name in zones],
        days=_days_before(sim, table.get("started_within_days", 31), f"{path}.started_within_days"),
    )


def _table(
    value: object,
    path: str,
    *,
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> dict[str, Any]:
    table = _mapping(value, path)
    for name in table:
        if name not in required and name not in optional:
            raise ScenarioError(f"{path}.{name}".lstrip("."), "unknown key")
    for name in required:
        if name not in table:
            raise ScenarioError(f"{path}.{name}".lstrip("."), "is missing")
    return table


def _mapping(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ScenarioError(path, "must be a map with text keys")
    return dict(value)


def _checked(value: object, path: str, fits: Callable[[object], bool], what: str) -> Any:
    if not fits(value):
        raise ScenarioError(path, f"must be {what}")
    return value


def _text(value: object, path: str) -> str:
    result: str = _checked(value, path, lambda item: isinstance(item, str) and item != "", "a text")
    return result


def _boolean(value: object, path: str) -> bool:
    result: bool = _checked(value, path, lambda item: isinstance(item, bool), "true or false")
    return result


def _days_before(sim: Simulation, value: object, path: str) -> int:
    days = _integer(value, path, least=1)
    if sim.now - days * DAY < 0:
        raise ScenarioError(path, "reaches back before 1970")
    return days


def _integer(value: object, path: str, *, least: int) -> int:
    result: int = _checked(
        value,
        path,
        lambda item: isinstance(item, int) and not isinstance(item, bool) and item >= least,
        f"a whole number of at least {least}",
    )
    return result


def _instant(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        instant = value
    else:
        try:
            instant = parse_instant(_text(value, path))
        except (ValueError, OverflowError) as error:
            raise ScenarioError(path, f"must be an instant like 2026-01-01T00:00:00Z ({error})") from error
    if not EARLIEST <= instant < LATEST:
        raise ScenarioError(path, "must be an instant from the year 2000 to 2999")
    return instant


def _zone(value: object, path: str) -> str:
    name = _text(value, path)
    try:
        zone(name)
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error
    return name
