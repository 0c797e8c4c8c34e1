"""What only a few seeds meet, each chosen by the seed alone: `recipe.RARE`. Ordinary seeds cost and do the same without.

Every happening is counted by `say`, under the name its mark asks for. Draws from a generator of its own.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.simulator.control import control_access, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.values.ids import AccountId, SubscriptionId
from tests.simulation import worlds
from tests.simulation.deeds import Deeds
from tests.simulation.fleet import Fleet
from tests.simulation.policies import Policies
from tests.simulation.recipe import Recipe
from tests.simulation.rig import Request

NOT_EXECUTED = ("timeout_before", "refused", "500_unsaved", "502_html", "503_html", "409", "429_lock")
SECOND_THOUGHTS = ("void", "pay", "pay", "write_off", "replace_card", "cancel")
LATE_NEWS = ("void", "pay", "write_off", "replace_card", "replace_card", "cancel", "delete")
AHEAD = 240
"""Seconds: less than the five minutes from which on nothing is charged (F3)."""


class Rarities:
    """The rare features of one seed."""

    def __init__(
        self, fleet: Fleet, recipe: Recipe, deeds: Deeds, policies: Policies, say: Callable[[str], None]
    ) -> None:
        """Hooked in after the judges, like all trouble."""
        self.policies = policies
        self.rng = random.Random(f"rarities {recipe.seed}")
        self.fleet = fleet
        self.recipe = recipe
        self.deeds = deeds
        self.say = say
        self.revoked: list[tuple[str, str]] = []
        self._pays: dict[str, Request] = {}
        self._gone = False
        self._on = True
        fleet.before_call.append(self._before_call)

    def _chance(self, feature: str, probability: float) -> bool:
        return self._on and self.recipe.has(feature) and self.rng.random() < probability

    def _before_call(self, request: Request) -> None:
        if request.is_pay:
            self._at_pay(request)
        elif request.method == "GET" and request.path.startswith("/v1/invoices/in_"):
            self._second_thoughts(request)
        elif request.method == "GET" and request.path.startswith("/v1/subscriptions/sub_"):
            self._late_news(request)

    def _at_pay(self, request: Request) -> None:
        """The key goes, or the call will not be executed, just as a `pay` leaves."""
        if not self.revoked and self._chance("key_at_pay", 0.2):
            self._take_key(self.rng.choice(("revoke", "expire", "rak_invoice_write")))
        if self._chance("second_thoughts", 0.4):
            self.fleet.transport.faults.add(self.rng.choice(NOT_EXECUTED), method="POST", path=request.path, times=1)
        self._pays[request.object_id] = request

    def _take_key(self, deed: str) -> None:
        """The primary key is no more, or a permission of it; an operator gives it back (`trouble`)."""
        permission = deed if deed.startswith("rak_") else ""
        if permission:
            control_access.set_permission(self.fleet.world, "SIM_PRIMARY", permission, "take")
        else:
            control_access.set_key(self.fleet.world, "SIM_PRIMARY", deed)
        self.revoked.append(("SIM_PRIMARY", permission))
        self.say("permission taken" if permission else "key revoked")

    def _second_thoughts(self, request: Request) -> None:
        """Somebody acts while nobody knows what became of a call (A6, B4)."""
        sent = self._pays.pop(request.object_id, None)
        unknown = sent is not None and (sent.status is None or sent.status == 409 or sent.status >= 500)
        if unknown and self._chance("second_thoughts", 0.6):
            self._do(SECOND_THOUGHTS, request.object_id, "second thoughts")

    def _late_news(self, request: Request) -> None:
        """Something happens between an intent and its reads, and no event can have told of it yet (A7, A17, A20)."""
        if not self._chance("late_news", 0.3):
            return
        account = AccountId(worlds.book(self.fleet.world).id)
        with self.fleet.parts.store.reading() as view:
            cases = view.cases.live_for_subscription(account, SubscriptionId(request.object_id))
            trying = [
                each.invoice
                for case in cases
                for each in view.attempts.of_invoice(case.account, case.invoice)
                if each.state is AttemptState.SUBMITTING
            ]
        if trying:
            self._do(LATE_NEWS, trying[0], "late news")

    def _do(self, deeds: tuple[str, ...], invoice: str, mark: str) -> None:
        customer = str(worlds.book(self.fleet.world).get("invoice", invoice)["customer"])
        before = len(self.deeds.done)
        self.deeds.do(self.rng.choice(deeds), customer)
        if len(self.deeds.done) > before:
            self.say(mark)

    # -- every now and then --------------------------------------------------------------------------------------

    def something(self) -> None:
        """What the features of this seed do of themselves between two deeds of others."""
        if self._chance("ahead", 1.0):
            for each in self.fleet.daemons:
                each.offset = AHEAD
            self.say("ahead")
        if self.recipe.has("departures"):
            self._depart()
        if not self._gone and not self.revoked and self._chance("new_policy", 0.08):
            self._new_policy()
        if self._chance("late_payers", 0.5):
            self._pay_late()

    def _new_policy(self) -> None:
        """Somebody changes attempts, window and delay; open cases move, or keep what they began under (E14)."""
        fixed = self.policies.now["timing"] == "fixed"
        choices = {
            "attempts": self.rng.choice((4, 6) if fixed else (2, 4, 6)),
            "window_days": self.rng.choice((8, 10, 12) if fixed else (6, 8, 10, 12)),
            "delay_days": self.rng.choice((0, 1, 3)),
        }
        migrate = self.rng.random() < 0.6
        if all(self.policies.now[name] == value for name, value in choices.items()):
            return
        self.policies.change(migrate=migrate, **choices)
        self.say("a policy that moves" if migrate else "a policy that does not move")

    def _depart(self) -> None:
        """The book's account takes our access back, or gives it again."""
        if not self._gone and self._chance("departures", 0.2):
            self._gone = True
            control_api.post(self.fleet.world, "deauthorize", {"account": worlds.SHOP})
            self.say("account left")
        elif self._chance("departures", 0.5):
            self._come_back()

    def _come_back(self) -> None:
        if self._gone:
            self._gone = False
            control_api.post(self.fleet.world, "authorize", {"account": worlds.SHOP, "platform": worlds.ACCOUNT})

    def _pay_late(self) -> None:
        """Customers whose end is scheduled by us pay after all."""
        book = worlds.book(self.fleet.world)
        for row in list(book.table("subscription").rows.values()):
            if row["cancel_at_period_end"] and row["metadata"].get("fp_cancel") and row["status"] != "canceled":
                with contextlib.suppress(ControlError):
                    self.deeds.do("pay", row["customer"])

    def calm(self) -> None:
        """From now on none of it happens; who left is back."""
        self._on = False
        self._come_back()
