"""What people, banks and the network do between a round's kills, by seed, through the simulator's control interface."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from tests.chaos.ground import Ground, Refused

SOFT = (
    {"code": "insufficient_funds"},
    {"code": "do_not_honor"},
    {"code": "processing_error"},
    {"code": "insufficient_funds", "network_advice_code": "24"},
)
HARD = ({"code": "lost_card"}, {"code": "stolen_card"})
ODD = (
    {"code": "requires_action"},
    {"code": "never_heard_of"},
    {"code": "fraudulent", "outcome_type": "blocked", "outcome_reason": "rule"},
)
PAY_FAULTS = (
    "timeout_before",
    "lost_answer",
    "connection_reset_mid_body",
    "500",
    "500_executed",
    "429",
    "429",
    "429_lock",
)
CALL_FAULTS = ("timeout_before", "lost_answer", "connection_reset_mid_body", "500_unsaved", "502_html", "truncated")
PERMISSIONS = ("rak_invoice_write", "rak_invoice_write", "rak_subscription_write", "rak_charge_read")
SILENT = 0.6
GIVEN_BACK = 0.3
"""The chance at each time that a permission which was taken comes back."""
DELIVERY_FAULTS = ("lost", "missed", "duplicated", "delayed")
GOOD = ("tok_visa", "tok_mastercard", "tok_amex")


class Deeds:
    """All of them; `done` counts what was really possible."""

    def __init__(self, ground: Ground, names: list[str], rng: random.Random) -> None:
        """Draw from `rng`."""
        self.ground, self.names, self.rng = ground, names, rng
        self.done: Counter[str] = Counter()
        self._cards = 0
        self._taken: list[tuple[str, str]] = []
        self._all: dict[str, tuple[int, Callable[[str], object]]] = {
            "decline": (14, self.decline),
            "refuse": (6, lambda name: ground.control("decline", customer=name, **rng.choice(HARD))),
            "odd refusal": (3, lambda name: ground.control("decline", customer=name, times=2, **rng.choice(ODD))),
            "approve": (4, lambda name: ground.control("approve", customer=name)),
            "pay": (
                2,
                lambda name: ground.control("pay-elsewhere", customer=name, how=rng.choice(["card", "out_of_band"])),
            ),
            "card": (3, self.card),
            "void": (1, self.void),
            "authenticate": (1, lambda name: ground.control("authenticate", customer=name)),
            "cancel": (1, lambda name: ground.control("cancel", customer=name)),
            "card in silence": (4, self.card_in_silence),
            "kept after all": (5, self.kept_after_all),
            "permission": (3, self.permission),
            "write fault": (2, self.write_fault),
            "sweep fault": (2, self.sweep_fault),
            "pay fault": (5, self.pay_fault),
            "call fault": (4, self.call_fault),
            "delivery fault": (4, self.delivery_fault),
        }

    def some(self, count: int) -> None:
        """So many deeds."""
        if self._taken and self.rng.random() < GIVEN_BACK:
            self.give_back()
        names = list(self._all)
        for what in self.rng.choices(names, weights=[self._all[each][0] for each in names], k=count):
            self.do(what, self.rng.choice(self.names))

    def do(self, what: str, name: str) -> None:
        """Some of it is not possible now, as in life."""
        try:
            self._all[what][1](name)
        except Refused:
            return
        self.done[what] += 1

    def decline(self, name: str) -> None:
        """The bank says no a few times, or from now on."""
        self.ground.control("decline", customer=name, times=self.rng.choice((None, 1, 2, 3)), **self.rng.choice(SOFT))

    def card(self, name: str) -> None:
        """Another card, which works, and is nobody else's."""
        self.ground.control("approve", customer=name)
        self.ground.control("card", customer=name, token=self.rng.choice(GOOD))
        self.own_card(name)

    def own_card(self, name: str) -> None:
        """Give the customer's card a number of its own: test cards of one kind are all one card."""
        self._cards += 1
        self.ground.control("card-updated", customer=name, last4=f"{self._cards:04d}")

    def card_in_silence(self, name: str) -> None:
        """Another card for somebody who owes, and no delivery tells of it."""
        owed = self.ground.rows("invoices", status="open")
        self._lose("customer.*", "payment_method.*")
        self.card(self.rng.choice(owed)["customer"] if owed else name)

    def kept_after_all(self, _: str) -> None:
        """Somebody takes a scheduled cancellation back in the Dashboard; now and then no delivery tells of it."""
        scheduled = [
            row["id"]
            for row in self.ground.rows("subscriptions")
            if row["cancel_at_period_end"] and row["status"] != "canceled"
        ]
        if not scheduled:
            raise Refused("none is scheduled")
        if self.rng.random() < SILENT:
            self._lose("customer.subscription.*")
        self.ground.control("set", object=self.rng.choice(scheduled), field="cancel_at_period_end", value=False)

    def write_fault(self, _: str) -> None:
        """Something goes wrong with the next call that changes a subscription."""
        kind = self.rng.choice(("500_unsaved", "lost_answer", "timeout_before", "429_lock"))
        self.ground.control("fault", kind=kind, method="POST", path="/v1/subscriptions/*", times=1)

    def _lose(self, *types: str) -> None:
        for type_ in types:
            self.ground.control("delivery-fault", kind="lost", type=type_, times=3)

    def permission(self, _: str) -> None:
        """The keys lose a permission for a while."""
        self.give_back()
        self._taken = [(key, self.rng.choice(PERMISSIONS)) for key in ("SIM_PRIMARY", "SIM_FALLBACK")]
        for key, name in self._taken:
            self.ground.control("permission", key=key, permission=name, do="take")

    def give_back(self) -> None:
        """Keys may again what they could."""
        for key, name in self._taken:
            self.ground.control("permission", key=key, permission=name, do="grant")
        self._taken = []

    def sweep_fault(self, _: str) -> None:
        """The next listing of invoices fails."""
        self.ground.control("fault", kind="500_unsaved", method="GET", path="/v1/invoices", times=1)

    def void(self, name: str) -> None:
        """Somebody voids an open invoice."""
        opened = self.ground.rows("invoices", customer=name, status="open")
        if not opened:
            raise Refused("no open invoice")
        self.ground.control("void", invoice=opened[0]["id"])

    def pay_fault(self, _: str) -> None:
        """Something goes wrong with the next `pay`: connections dropped, answers lost, errors."""
        self.ground.control(
            "fault", kind=self.rng.choice(PAY_FAULTS), method="POST", path="/v1/invoices/*/pay", times=1
        )

    def call_fault(self, _: str) -> None:
        """Something goes wrong with some other call."""
        path = self.rng.choice(("/v1/invoices/*", "/v1/subscriptions/*", "/v1/customers/*", "/v1/charges*"))
        self.ground.control("fault", kind=self.rng.choice(CALL_FAULTS), path=path, times=self.rng.choice((1, 1, 2)))

    def delivery_fault(self, _: str) -> None:
        """Something goes wrong with the next deliveries."""
        self.ground.control("delivery-fault", kind=self.rng.choice(DELIVERY_FAULTS), times=self.rng.choice((1, 3)))
