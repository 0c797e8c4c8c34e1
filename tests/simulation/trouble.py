"""What goes wrong in a campaign, by seed alone: calls, deliveries, crashes, the store, keys, clocks, and people.

Every family counts what it did in `met`, by name. `calm()` ends all of it.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.simulator.control import control_access
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.protocol import access
from flexpay_reconcile.values.instant import Span
from tests.simulation.deeds import ADVICE, ODD, Deeds
from tests.simulation.fleet import Fleet
from tests.simulation.policies import Policies
from tests.simulation.rarities import Rarities
from tests.simulation.recipe import BANKS, Recipe
from tests.simulation.rig import Crash, Request

DOWN = (60, 240, 360, 360, 5 * 3_600, 30 * 3_600)
OUTAGES = (0.01, 0.05, 0.3, 3, 6)
"""Days in which no daemon is up: from a quarter of an hour to the best part of a week."""
CLOCKS = (-30 * 86_400, -86_400, -3_600, -240, 240, 900, 3_600, 3_600)
"""Seconds. Forward by an hour at most: by days, what was put off by such a clock waits for days (see docs/invariants.md)."""
PAUSES = (2, 7, 12, 40, 200)
"""Minutes a process stands still; a lease lasts five."""
PAUSES_AT_PAY = (2, 7, 12)
"""Just before the bytes of a `pay`: shorter than what a resolver waits before it is sure that nothing was sent."""
STORMS = (1, 30, 600, 21_600)
PERMISSIONS = ("rak_invoice_read", "rak_invoice_write", "rak_subscription_read", "rak_subscription_write")
STORE_FAULTS = (
    ("no room left to write the state", "E-state-full"),
    ("the state is in use by another process", "E-state-busy"),
    ("the state cannot be written", "E-state-read-only"),
)
MOST_CRASHES = 25
MOST_PAUSES = 12


class Trouble:
    """The script of one seed."""

    def __init__(self, fleet: Fleet, recipe: Recipe, policies: Policies) -> None:
        """Hook into every call, answer and commit. Made after the judges, so that they see a call before it is hit."""
        self.rng = random.Random(f"trouble {recipe.seed}")
        self.fleet = fleet
        self.recipe = recipe
        self.met: Counter[str] = Counter()
        self.log: list[str] = []
        self.deeds = Deeds(fleet, list(recipe.customers), self.rng)
        self._on = True
        self._read_only_until = 0
        self._storm_until = 0
        self._calls = fleet.transport.faults
        fleet.down = lambda: self.rng.choice(DOWN) if self._on else 60
        fleet.before_call.append(self._before_call)
        fleet.after_call.append(self._after_call)
        fleet.before_commit.append(self._before_commit)
        fleet.after_commit.append(self._after_commit)
        fleet.heard.append(self._heard)
        if recipe.has("ahead") or recipe.has("odd_refusals"):
            self.deeds.rare = ADVICE if recipe.has("ahead") else ODD
        if recipe.has("debits"):
            self.deeds.cards = (*self.deeds.cards, *BANKS, *BANKS)
        self.rare = Rarities(fleet, recipe, self.deeds, policies, self._say)
        self._revoked = self.rare.revoked
        if recipe.calls:
            self._calls.add_random(recipe.seed, recipe.calls)
        if recipe.has("deaf"):
            fleet.world.sim.delivery_faults.set_rates({"lost": 1.0}, seed=recipe.seed)
        elif recipe.deliveries:
            fleet.world.sim.delivery_faults.set_rates(recipe.deliveries, seed=recipe.seed, longest=recipe.longest_delay)
            if self.rng.random() < 0.5:
                fleet.world.sim.outbox.disorder = (recipe.seed, "disorder")

    def _chance(self, probability: float) -> bool:
        return self._on and probability > 0 and self.rng.random() < probability

    def _say(self, what: str) -> None:
        self.met[what] += 1
        self.log.append(f"{self.fleet.now.short_text()} {what}")

    # -- points in the work of a daemon --------------------------------------------------------------------------

    def _before_call(self, request: Request) -> None:
        if request.is_pay and self._chance(self.recipe.meddling):
            self._say("meddling")
            if self.recipe.has("keys") and not self._revoked and self._chance(0.2):
                self._key()
            else:
                self.deeds.meddle(request.object_id)
        self._maybe_pause(PAUSES_AT_PAY if request.is_pay else PAUSES, at_delete=request.method == "DELETE")
        self._maybe_crash()

    def _after_call(self, _: Request) -> None:
        self._maybe_crash()
        self._maybe_pause(PAUSES)

    def _before_commit(self) -> None:
        self._maybe_crash()
        if self._on and (self.fleet.world.now < self._read_only_until or self._chance(self.recipe.store)):
            message, code = self.rng.choice(STORE_FAULTS)
            self._say("store")
            if self._chance(0.1):
                self._read_only_until = self.fleet.world.now + self.rng.choice((60, 900, 7_200))
            raise TryLater(message, code=code)

    def _after_commit(self) -> None:
        if self._chance(self.recipe.store / 3):
            self._say("unknown commit")
            raise TryLater("reading or writing the state failed", code="E-state-io")
        self._maybe_crash()
        self._maybe_pause(PAUSES)

    def _maybe_crash(self) -> None:
        if self.fleet.acting is not None and self.met["crashes"] < MOST_CRASHES and self._chance(self.recipe.crash):
            self._say("crashes")
            raise Crash

    def _maybe_pause(self, minutes: tuple[int, ...], *, at_delete: bool = False) -> None:
        if at_delete or self.fleet.acting is None or self.met["pauses"] >= MOST_PAUSES:
            return
        if self._chance(self.recipe.pause):
            self._say("pauses")
            self.fleet.pause(Span.of(minutes=self.rng.choice(minutes)))

    def _heard(self, body: bytes, status: int) -> None:
        if status == 200:
            self.deeds.last_body = body

    # -- what happens every now and then -------------------------------------------------------------------------

    def something(self) -> None:
        """One thing that happens of itself, from the families of this seed."""
        self.rare.something()
        if self._revoked and self.rng.random() < 0.6:
            self._give_back()
        found: list[tuple[int, Any]] = []
        recipe = self.recipe
        if recipe.has("people"):
            found.append((10, self._people))
        found.append((4, self._refusal))
        if recipe.has("keys"):
            found.append((2, self._key))
        if recipe.has("storms"):
            found.append((1, self._storm))
        if recipe.has("calls"):
            found.append((2, self._scripted))
        if recipe.has("downtime"):
            found.append((1, self._downtime))
        if recipe.has("clock"):
            found.append((4, self._clock))
            if self.rng.random() < 0.8:
                self._right_clocks()
        self.rng.choices([each for _, each in found], weights=[weight for weight, _ in found])[0]()

    def _people(self) -> None:
        before = len(self.deeds.done)
        self.deeds.any()
        for what in self.deeds.done[before:]:
            self._say(what)

    def _refusal(self) -> None:
        self.deeds.do("refuse", self.rng.choice(list(self.recipe.customers)))

    def _key(self) -> None:
        """A key or a permission is taken away; an operator notices and gives it back within a day or so."""
        if self._revoked:
            self._give_back()
            return
        env = self.rng.choice(tuple(self.fleet.environ))
        if self.rng.random() < 0.5:
            deed = self.rng.choice(("revoke", "expire"))
            control_access.set_key(self.fleet.world, env, deed)
            self._revoked.append((env, ""))
            self._say(f"key {deed}d")
        else:
            permission = self.rng.choice([each for each in PERMISSIONS if each in access.KNOWN])
            control_access.set_permission(self.fleet.world, env, permission, "take")
            self._revoked.append((env, permission))
            self._say("permission taken")

    def _give_back(self) -> None:
        while self._revoked:
            env, permission = self._revoked.pop()
            if permission:
                kept = permission.removesuffix("_read") + "_write" if permission.endswith("_read") else permission
                control_access.set_permission(self.fleet.world, env, kept, "grant")
                control_access.set_permission(self.fleet.world, env, permission, "grant")
            else:
                control_access.set_key(self.fleet.world, env, "restore")

    def _storm(self) -> None:
        """Every request meets the rate limiter for a while: as many as a daemon would make in it."""
        self._say("storms")
        reason = self.rng.choice(("endpoint-rate", "global-rate"))
        if self.rng.random() < 0.5:
            self._calls.add(
                "429", method="POST", path="/v1/invoices/*/pay", times=self.rng.randint(1, 3), reason=reason
            )
        else:
            self._calls.add("429", times=max(3, self.rng.choice(STORMS) // 60), reason=reason)

    def _scripted(self) -> None:
        path = self.rng.choice(("/v1/invoices/*/pay", "/v1/invoices/*/pay", "/v1/invoices/*", "/v1/subscriptions/*"))
        kind = self.rng.choice(sorted(self.recipe.calls) or ["500"])
        try:
            self._calls.add(kind, method="POST" if "pay" in path else "*", path=path, times=self.rng.randint(1, 3))
        except ValueError:
            return
        self._say("scripted fault")

    def _downtime(self) -> None:
        span = self.rng.choice(OUTAGES)
        self._say("downtime")
        for each in self.fleet.daemons:
            each.up_at = self.fleet.world.now + int(span * 86_400)

    def _clock(self) -> None:
        self._say("clock")
        self.rng.choice(self.fleet.daemons).offset = self.rng.choice(CLOCKS)

    def _right_clocks(self) -> None:
        for each in self.fleet.daemons:
            each.offset = 0

    def calm(self) -> None:
        """From now on nothing goes wrong any more: keys are back, clocks are right, banks approve, the late comes.

        Deliveries that were off for good stay off.
        """
        self._on = False
        self.rare.calm()
        fleet = self.fleet
        self._calls.clear()
        if not self.recipe.has("deaf"):
            fleet.world.sim.delivery_faults.clear()
            fleet.world.sim.outbox.disorder = None
        self._give_back()
        self._right_clocks()
        for each in fleet.daemons:
            if each.up_at is not None:
                each.up_at = min(each.up_at, fleet.world.now + 60)
        for name in self.recipe.customers:
            try:
                self.deeds.all["approve"][1](name)
            except ControlError:
                continue  # the customer was deleted
