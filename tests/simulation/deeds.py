"""What people, banks and Stripe's Dashboard do of themselves while recovery runs, one deed at a time, by seed."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.protocol.webhooks import signature
from flexpay_reconcile.simulator.resources import customer_deletion, settlement
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.state import STRIPE
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import require
from tests.simulation.recipe import CARDS

MOST_CASES = 8
SOFT: tuple[dict[str, Any], ...] = (
    {"code": "insufficient_funds"},
    {"code": "do_not_honor"},
    {"code": "processing_error"},
    {"code": "insufficient_funds", "network_advice_code": "24"},
    {"code": "insufficient_funds", "network_advice_code": "26"},
)
INVENTED = "never_heard_of"
"""A code that nobody knows, told on purpose."""
ANSWERS: tuple[dict[str, Any], ...] = (
    {"code": "insufficient_funds"},
    {"code": "do_not_honor"},
    {"code": "processing_error"},
    {"code": "lost_card"},
    {"code": "stolen_card"},
    {"code": "expired_card"},
    {"code": "requires_action"},
    {"code": INVENTED},
    {"code": "fraudulent", "outcome_type": "blocked", "outcome_reason": "rule"},
    {"code": "insufficient_funds", "network_advice_code": "24"},
    {"code": "insufficient_funds", "network_advice_code": "26"},
    {"code": "insufficient_funds", "network_advice_code": "27"},
    {"code": "do_not_honor", "network_advice_code": "03"},
    {"code": "do_not_honor", "network_advice_code": "21"},
)
RETURNS: tuple[dict[str, Any], ...] = (
    {"code": "insufficient_funds"},
    {"code": "insufficient_funds"},
    {"code": "account_closed"},
    {"code": "debit_not_authorized"},
)
"""What a bank answers days after a debit was sent."""
ODD: tuple[dict[str, Any], ...] = (
    {"code": INVENTED},
    {"code": "fraudulent", "outcome_type": "blocked", "outcome_reason": "rule"},
    {"code": "insufficient_funds"},
)
ADVICE: tuple[dict[str, Any], ...] = (
    {"code": "insufficient_funds", "network_advice_code": "27"},
    {"code": "insufficient_funds", "network_advice_code": "26"},
)
BAD_CARD = "pm_card_visa_chargeCustomerFailLostCard"


class Deeds:
    """All of them, each taking a customer's name."""

    def __init__(self, fleet: Fleet, names: list[str], rng: random.Random) -> None:
        """Draw from `rng`; `done` counts what was really possible."""
        self.fleet = fleet
        self.names = names
        self.rng = rng
        self.done: list[str] = []
        self.rare: tuple[dict[str, Any], ...] = ()
        """What banks say to those who fail already, where this seed narrows it down."""
        self.cards: tuple[str, ...] = (*CARDS, BAD_CARD)
        self.last_body = b""
        self.all: dict[str, tuple[int, Callable[[str], object]]] = {
            "refuse": (12, self.refuse),
            "approve": (1, lambda name: control.approve(self.world, name)),
            "pay": (2, self.pay),
            "part_payment": (1, self.part_payment),
            "void": (1, lambda name: control.void_invoice(self.world, self._open_invoice(name))),
            "write_off": (1, self.write_off),
            "replace_card": (2, self.replace_card),
            "attach_card": (1, lambda name: self.fleet.attach(name, self.rng.choice(CARDS))),
            "card_updated": (1, lambda name: self._verb("card-updated", customer=name)),
            "card_closed": (1, lambda name: self._verb("card-updated", customer=name, closed="yes")),
            "authenticate": (2, lambda name: self._verb("authenticate", customer=name)),
            "cancel": (1, lambda name: control.cancel_subscription(self.world, name)),
            "delete": (1, self.delete),
            "refund": (1, lambda name: self._verb("refund", customer=name)),
            "dispute": (1, lambda name: self._verb("dispute", customer=name)),
            "foreign_event": (1, self.foreign_event),
        }

    @property
    def world(self) -> Any:
        """The world they live in."""
        return self.fleet.world

    def any(self) -> None:
        """One deed of somebody."""
        names = list(self.all)
        what = self.rng.choices(names, weights=[self.all[each][0] for each in names])[0]
        self.do(what, self.rng.choice(self.names))

    def meddle(self, invoice: str) -> None:
        """Something happens to the customer of an invoice just before our call leaves."""
        account = worlds.book(self.world)
        customer = str(account.get("invoice", invoice)["customer"])
        self.do(self.rng.choice(("pay", "void", "replace_card", "part_payment", "write_off")), customer)

    def do(self, what: str, name: str) -> None:
        """Some of it is not possible now, as in life."""
        try:
            self.all[what][1](name)
        except ControlError:
            return
        self.done.append(what)

    def refuse(self, name: str) -> None:
        """The bank says no from now on, or so many times. With eight failures, banks are content with what is not failing."""
        with self.fleet.parts.store.reading() as view:
            full = sum(view.cases.counts().values()) >= MOST_CASES
        if full:
            for each in self.names:
                if not self._failing(each):
                    self.do("approve", each)
            raise ControlError("the book is full")
        failing = self._failing(name)
        answers = ANSWERS if failing or self.rng.random() < 0.25 else SOFT
        if self._by_debit(name):  # asked when the bank answers, days after the debit was sent
            control.decline(self.world, name, times=self.rng.choice((1, 1, 1, 2)), **self.rng.choice(RETURNS))
            return
        if failing and self.rare:
            answers = self.rare
        control.decline(self.world, name, times=self.rng.choice((None, None, 2, 3, 4, 6)), **self.rng.choice(answers))

    def pay(self, name: str) -> None:
        """The customer pays by another way."""
        control.pay_elsewhere(self.world, name, how=self.rng.choice(("card", "out_of_band")))

    def replace_card(self, name: str) -> None:
        """Another card becomes the default; it may be as bad."""
        control.replace_card(self.world, name, self.rng.choice(self.cards))
        if self.rng.random() < 0.5:
            self.refuse(name)

    def write_off(self, name: str) -> None:
        """Somebody marks an invoice uncollectible in the Dashboard."""
        invoice = self._open_invoice(name)
        account, _ = control.customer_of(self.world, name)
        with self._dashboard():
            settlement.mark_uncollectible(self.world.sim, account, account.get("invoice", invoice), "user_forgiven")

    def part_payment(self, name: str) -> None:
        """A third is paid in cash: the amount that remains changes between two attempts."""
        invoice = self._open_invoice(name)
        account, _ = control.customer_of(self.world, name)
        row = account.get("invoice", invoice)
        part = row["amount_remaining"] // 3
        if part < 100 or row["amount_paid"]:
            raise ControlError("too little is left")
        with self._dashboard():
            rest = row["amount_remaining"] - part
            change(self.world.sim, account, row, "invoice.updated", amount_paid=part, amount_remaining=rest)

    def delete(self, name: str) -> None:
        """The customer is deleted in the Dashboard; seldom, for nothing follows after it."""
        if [each for each in self.done if each == "delete"] or self.rng.random() < 0.5:
            raise ControlError("once is enough")
        account, row = control.customer_of(self.world, name)
        with self._dashboard():
            customer_deletion.remove(self.world.sim, account, row)

    def foreign_event(self, _: str) -> None:
        """A genuine signature over an event of the other mode or of another account: never taken in (A16, D9)."""
        if not self.last_body:
            raise ControlError("nothing was delivered yet")
        event = json.loads(self.last_body)
        event["id"] += "x"
        if self.rng.random() < 0.5:
            event["livemode"] = True
        else:
            event["account"] = "acct_9Other"
        body = json.dumps(event).encode()
        platforms = [each for each in self.world.sim.accounts.values() if each.secrets]
        (endpoint,) = platforms[0].table("webhook_endpoint").rows.values()
        (secret,) = platforms[0].secrets.values()
        before = self._inbox()
        signed = {"Stripe-Signature": signature(secret, body, self.world.now)}
        connect = worlds.book(self.world).id == worlds.SHOP  # its endpoint hears of others, and thanks for nothing
        heard = self.fleet.heard
        self.fleet.heard = [] if connect else heard
        try:
            status = self.fleet.deliver(endpoint["url"], signed, body)
        except ConnectionError:
            raise ControlError("nobody listens") from None
        finally:
            self.fleet.heard = heard
        require(status >= 400 or connect, "A16", f"an event of another mode or account was answered {status}")
        require(self._inbox() == before, "A16", "an event of another mode or account was kept")

    def _inbox(self) -> int:
        """How many events were ever kept."""
        with self.fleet.parts.store.reading() as view:
            return sum(view.inbox.counts().values())

    def _by_debit(self, name: str) -> bool:
        """Whether the customer pays from a bank account."""
        account, row = control.customer_of(self.world, name)
        return row["invoice_settings"]["default_payment_method"] in account.payments.banks

    def _failing(self, name: str) -> bool:
        """Whether the customer has an open invoice."""
        try:
            return bool(self._open_invoice(name))
        except ControlError:
            return False

    def _open_invoice(self, name: str) -> str:
        account, row = control.customer_of(self.world, name)
        rows = account.table("invoice").rows
        opened = [each for each in account.table("invoice").by("customer", row["id"]) if rows[each]["status"] == "open"]
        if not opened:
            raise ControlError("no open invoice")
        return str(opened[0])

    def _verb(self, verb: str, **given: Any) -> None:
        control_api.post(self.world, verb, given)

    @contextlib.contextmanager
    def _dashboard(self) -> Iterator[None]:
        """Somebody acts in Stripe's Dashboard."""
        control._as(self.world, "dashboard")
        try:
            yield
        finally:
            self.world.sim.cause = STRIPE
