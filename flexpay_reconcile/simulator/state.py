"""The state of a world: accounts with their tables, the clock, keys, agenda, outbox, ledger, issuers and faults.

Objects are plain dicts in the shape the API answers. The one rule of change: nested values are replaced, never changed
in place, so that `dict(object)` is a true snapshot. May not contain behaviour of a resource.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.agenda import Agenda, OwnTime
from flexpay_reconcile.simulator.cold import Rows
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.issuers.issuers import Issuers
from flexpay_reconcile.simulator.issuers.people import People
from flexpay_reconcile.simulator.ledger import Ledger
from flexpay_reconcile.simulator.payment_state import Payments
from flexpay_reconcile.simulator.protocol.access import Key
from flexpay_reconcile.simulator.protocol.delivery_faults import DeliveryFaults
from flexpay_reconcile.simulator.protocol.faults import FaultScript
from flexpay_reconcile.simulator.protocol.idempotency import IdempotencyKeys
from flexpay_reconcile.simulator.protocol.limiter import Limiter
from flexpay_reconcile.simulator.protocol.locks import Locks
from flexpay_reconcile.simulator.protocol.webhooks import Hooks, Outbox
from flexpay_reconcile.simulator.settings import BillingSettings, Mail
from flexpay_reconcile.simulator.subscription_state import SubscriptionState

API_VERSION = "2026-10-28.endive"
Obj = dict[str, Any]
AccountId = tuple[str, bool]

# Fields by which rows are found without reading the whole table.
_INDEXED: dict[str, tuple[str, ...]] = {
    "invoice": ("customer",),
    "subscription": ("customer",),
    "payment_method": ("customer",),
    "charge": ("customer", "payment_intent"),
    "payment_intent": ("customer",),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "radar.early_fraud_warning": ("charge", "payment_intent"),
    "radar.value_list_item": ("value_list",),
    "setup_intent": ("customer",),
    "invoice_payment": ("invoice",),
    "invoiceitem": ("customer",),
    "customer_balance_transaction": ("customer",),
    "price": ("product",),
}


class Table:
    """The objects of one type in the order of their creation, indexed by some fields that never change meaning."""

    def __init__(self, kind: str) -> None:
        self.order: list[str] = []
        self.rows = Rows(kind, self.order)
        self.place: dict[str, int] = {}
        self.made = 0
        self.index: dict[str, dict[str, list[str]]] = {field: {} for field in _INDEXED.get(kind, ())}

    def add(self, obj: Obj) -> Obj:
        """Insert a new object."""
        id_ = obj["id"]
        self.rows[id_] = obj
        self.place[id_] = self.made
        self.made += 1
        self.order.append(id_)
        for field, values in self.index.items():
            value = obj.get(field)
            if value is not None:
                values.setdefault(value, []).append(id_)
        return obj

    def reindex(self, obj: Obj, field: str, old: str | None) -> None:
        """Move an object under the new value of an indexed field."""
        if old is not None:
            self.index[field][old].remove(obj["id"])
        if obj[field] is not None:
            self.index[field].setdefault(obj[field], []).append(obj["id"])
            self.index[field][obj[field]].sort(key=self.place.__getitem__)

    def by(self, field: str, value: str) -> list[str]:
        """The ids whose field has the value, oldest first."""
        return self.index[field].get(value, [])

    def remove(self, id_: str) -> None:
        """Forget an object; its place stays empty."""
        self.rows.pop(id_, None)

    def forget_places(self, number: int) -> None:
        """Free the memory of the oldest places, whose objects are all removed (tables without indexes only)."""
        for id_ in self.order[:number]:
            del self.place[id_]
        del self.order[:number]


class Account:
    """One account in one mode: its objects and what is not shown of them."""

    def __init__(self, id_: str, *, livemode: bool, name: str, country: str) -> None:
        self.id = id_
        self.livemode = livemode
        self.name = name
        self.country = country
        self.tables: dict[str, Table] = {}
        self.idempotency = IdempotencyKeys()
        self.cards: dict[str, Card] = {}
        self.secrets: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.payment_of: dict[str, str] = {}
        self.invoice_of: dict[str, str] = {}
        self.invoices_of: dict[str, list[str]] = {}
        self.anchors: dict[str, tuple[int, int]] = {}
        self.subscriptions = SubscriptionState()
        self.attempts: dict[tuple[str, int], list[int]] = {}
        self.settings = BillingSettings()
        self.mails: list[Mail] = []
        self.unfinalizable: set[str] = set()
        self.payments = Payments()
        self.platform: str | None = None
        self.recent_events: deque[str] = deque()
        self.hooks = Hooks()
        self.clocks: dict[str, OwnTime] = {}
        self.counters: dict[str, int] = {}

    @property
    def key(self) -> AccountId:
        """How entries in agenda and outbox name this account."""
        return (self.id, self.livemode)

    def table(self, kind: str) -> Table:
        """The table of one object type."""
        found = self.tables.get(kind)
        if found is None:
            found = self.tables[kind] = Table(kind)
        return found

    def get(self, kind: str, id_: str | None) -> Obj:
        """An object that must be there (KeyError otherwise: a mistake of the simulator)."""
        return self.tables[kind].rows[id_ or ""]

    def find(self, kind: str, id_: str | None) -> Obj | None:
        """An object, or None; what is deleted and kept for others that name it (customers) is not found."""
        table = self.tables.get(kind)
        row = table.rows.get(id_) if table is not None and id_ is not None else None
        return None if row is not None and "deleted" in row else row

    def count(self, name: str) -> int:
        """The next number of a counter, from 1."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who makes things happen: a request (`request`), Stripe itself (`stripe`), the cardholder (`customer`)."""

    source: str
    request_id: str | None = None
    idempotency_key: str | None = None
    key_name: str | None = None


STRIPE = Cause(source="stripe")


class Simulation:
    """Everything a world knows."""

    def __init__(self, *, seed: int, now: int) -> None:
        self.seed = seed
        self.now = now
        self.accounts: dict[AccountId, Account] = {}
        self.keys: dict[str, Key] = {}
        self.agenda = Agenda()
        self.outbox = Outbox()
        self.delivery_faults = DeliveryFaults()
        self.deauthorized: set[str] = set()
        self.world_now: int | None = None
        self.ledger = Ledger(lambda: self.cause)
        self.issuers = Issuers()
        self.faults = FaultScript()
        self.limiter = Limiter()
        self.locks = Locks()
        self.cause = STRIPE
        self.quiet = False
        self.story: list[Callable[[], None]] = []
        self.people: People | None = None
        self.requests = 0
        self.events = 0

    @property
    def wall(self) -> int:
        """The world's clock, also while `now` stands for the frozen time of a test clock."""
        return self.now if self.world_now is None else self.world_now

    def account(self, id_: str, livemode: bool) -> Account:
        """The account in this mode; an account's other mode begins empty."""
        found = self.accounts.get((id_, livemode))
        if found is None:
            twin = self.accounts.get((id_, not livemode))
            name, country = (twin.name, twin.country) if twin is not None else (id_, "US")
            found = self.accounts[(id_, livemode)] = Account(id_, livemode=livemode, name=name, country=country)
            found.platform = twin.platform if twin is not None else None
        return found

    def tidy(self) -> None:
        """Pack away what is old and settled; only while nothing happens."""
        for account in self.accounts.values():
            for table in account.tables.values():
                table.rows.pack()

    def new_id(self, account: Account, prefix: str) -> str:
        """A new object id: Stripe's prefix and 24 characters by hash of a counter."""
        number = account.count(prefix)
        return f"{prefix}_{chance.token(24, self.seed, account.id, account.livemode, prefix, number)}"


@dataclass(slots=True)
class Call:
    """One request on its way to a resource: the world's state, the account, the key, the checked parameters."""

    sim: Simulation
    account: Account
    key: Key
    params: dict[str, Any]
