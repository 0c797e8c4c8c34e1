"""What goes wrong in a campaign, by seed alone: calls, deliveries, crashes, keys, and customers who act by themselves."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import stripe

from flexpay_reconcile.simulator import control
from flexpay_reconcile.simulator.control import ControlError
from flexpay_reconcile.simulator.webhooks import signature
from flexpay_reconcile.values.instant import Span
from tests.simulation.judges import Judge
from tests.simulation.rig import Crash, Request, Rig

CARDS = (
    "pm_card_visa",
    "pm_card_visa_debit",
    "pm_card_mastercard",
    "pm_card_mastercard_debit",
    "pm_card_amex",
    "pm_card_discover",
    "pm_card_pendingRefund",
    "pm_card_riskLevelElevated",
)
ANSWERS: tuple[dict[str, Any], ...] = (
    {"code": "insufficient_funds"},
    {"code": "insufficient_funds"},
    {"code": "do_not_honor"},
    {"code": "processing_error"},
    {"code": "lost_card"},
    {"code": "stolen_card"},
    {"code": "expired_card"},
    {"code": "requires_action"},
    {"code": "never_heard_of"},
    {"code": "fraudulent", "outcome_type": "blocked", "outcome_reason": "rule"},
    {"code": "insufficient_funds", "network_advice_code": "24"},
    {"code": "insufficient_funds", "network_advice_code": "26"},
    {"code": "insufficient_funds", "network_advice_code": "27"},
    {"code": "do_not_honor", "network_advice_code": "03"},
    {"code": "do_not_honor", "network_advice_code": "21"},
)
DOWN = (Span.of(minutes=4), Span.of(minutes=6), Span.of(minutes=6), Span.of(hours=5), Span.of(hours=30))
FAULTS = ("refused", "timeout_before", "lost_answer", "500", "429", "429_lock", "409")


class Trouble:
    """The script of one seed. `calm()` ends it."""

    def __init__(self, rig: Rig, judge: Judge, names: list[str], seed: int) -> None:
        """How rough it gets depends on the seed, too: some worlds only crash, some only lose deliveries."""
        self.rng = random.Random(seed)
        self.rig = rig
        self.names = names
        self.log: list[str] = []
        self._judge = judge
        self._calls = self.rng.choice((0.0, 0.01, 0.04))
        self._crashes = self.rng.choice((0.0, 0.002, 0.006))
        self._lives = 25
        self._lost = self.rng.choice((0.0, 0.0, 0.2, 0.7))
        self._doubled = self.rng.choice((0.0, 0.3))
        self._late: list[tuple[str, dict[str, str], bytes]] = []
        self._meddling = self.rng.choice((0.0, 0.1, 0.3))
        self._on = True
        self._revoked: list[str] = []
        rig.before_call.insert(0, self._before)
        rig.after_call.insert(0, self._after)
        rig.change_answer.append(self._change)
        rig.before_commit.append(self._maybe_crash)
        rig.after_commit.append(self._maybe_crash)
        rig.post = self._post

    def _chance(self, probability: float) -> bool:
        return self._on and probability > 0 and self.rng.random() < probability

    # -- calls and commits ---------------------------------------------------------------------------------------

    def _before(self, request: Request) -> None:
        self._maybe_crash()
        if request.is_pay and self._chance(self._meddling):
            self._guarded(self.rng.choice((self._pay, self._void, self._replace)), self._owner(request.object_id))
        if self._chance(self._calls):
            self.log.append(f"{self.rig.now.short_text()} fails before {request.method} {request.path}")
            refused = ConnectionRefusedError() if self.rng.random() < 0.5 else TimeoutError()
            raise stripe.APIConnectionError("trouble") from refused

    def _after(self, request: Request) -> None:
        self._maybe_crash()
        if self._chance(self._calls):
            self.log.append(f"{self.rig.now.short_text()} loses {request.method} {request.path}")
            raise stripe.APIConnectionError("trouble") from TimeoutError()

    def _change(self, request: Request, status: int, body: str) -> str:
        return body[: self.rng.randrange(len(body))] if body and self._chance(self._calls / 4) else body

    def _maybe_crash(self) -> None:
        if self._lives and self._chance(self._crashes):
            self._lives -= 1
            self.log.append(f"{self.rig.now.short_text()} crash")
            raise Crash

    # -- deliveries ----------------------------------------------------------------------------------------------

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        if self._chance(self._lost):
            if self.rng.random() < 0.3:
                self._late.append((url, headers, body))
                return 200
            return 503
        status = self.rig.deliver(url, headers, body)
        if status == 200:
            self._judge.heard(body)
        if self._chance(self._doubled):
            self.rig.deliver(url, headers, body)
        return status

    def bring_late(self) -> None:
        """Hand over what was held back, in any order, freshly signed."""
        late, self._late = self._late, []
        self.rng.shuffle(late)
        (account,) = self.rig.world.sim.accounts.values()
        (secret,) = account.secrets.values()
        for url, headers, body in late:
            fresh = {**headers, "Stripe-Signature": signature(secret, body, self.rig.world.now)}
            try:
                if self.rig.deliver(url, fresh, body) == 200:
                    self._judge.heard(body)
            except Crash:
                self.rig.restart()

    # -- people --------------------------------------------------------------------------------------------------

    def something(self) -> None:
        """One thing that a customer, a bank, the operator or the network does of itself."""
        if self._revoked:  # an operator notices within a day or so
            self._revoke("")
        name = self.rng.choice(self.names)
        what = self.rng.choices(
            (
                self._refuse,
                self._approve,
                self._pay,
                self._void,
                self._replace,
                self._attach,
                self._cancel,
                self._revoke,
                self._scripted,
                lambda _: self.bring_late(),
            ),
            weights=(10, 2, 2, 1, 2, 1, 1, 1, 4, 3),
        )[0]
        self._guarded(what, name)

    def _guarded(self, what: Callable[[str], object], name: str) -> None:
        """Some of it is not possible now, as in life."""
        try:
            what(name)
        except ControlError:
            return
        self.log.append(f"{self.rig.now.short_text()} {getattr(what, '__name__', '')} {name}")

    def _owner(self, invoice: str) -> str:
        (account,) = self.rig.world.sim.accounts.values()
        return str(account.get("invoice", invoice)["customer"])

    def _refuse(self, name: str) -> None:
        control.decline(self.rig.world, name, times=self.rng.choice((None, 1, 2, 3, 4)), **self.rng.choice(ANSWERS))

    def _approve(self, name: str) -> None:
        control.approve(self.rig.world, name)

    def _pay(self, name: str) -> None:
        control.pay_elsewhere(self.rig.world, name, how=self.rng.choice(("card", "out_of_band")))

    def _void(self, name: str) -> None:
        account, row = control.customer_of(self.rig.world, name)
        rows = account.table("invoice").rows
        opened = [each for each in account.table("invoice").by("customer", row["id"]) if rows[each]["status"] == "open"]
        if opened:
            control.void_invoice(self.rig.world, opened[0])

    def _replace(self, name: str) -> None:
        control.replace_card(self.rig.world, name, self.rng.choice((*CARDS, "pm_card_visa_chargeCustomerFailLostCard")))
        if self.rng.random() < 0.5:
            self._refuse(name)

    def _attach(self, name: str) -> None:
        self.rig.attach(name, self.rng.choice(CARDS))

    def _cancel(self, name: str) -> None:
        control.cancel_subscription(self.rig.world, name)

    def _revoke(self, _: str) -> None:
        if self._revoked:
            self.rig.set_key(self._revoked.pop(), revoked=False)
            return
        self._revoked.append(self.rng.choice(tuple(self.rig.environ)))
        self.rig.set_key(self._revoked[0], revoked=True)

    def _scripted(self, _: str) -> None:
        path = self.rng.choice(("/v1/invoices/*/pay", "/v1/invoices/*", "/v1/subscriptions/*", "*"))
        kind = self.rng.choice(FAULTS)
        method = "POST" if kind in ("500", "409", "429_lock") else "*"
        self.rig.transport.faults.add(kind, method=method, path=path, times=self.rng.randint(1, 3))

    def calm(self) -> None:
        """From now on nothing goes wrong any more: keys are back, banks approve, the late comes."""
        self._on = False
        self.rig.transport.faults.clear()
        for env in self._revoked:
            self.rig.set_key(env, revoked=False)
        for name in self.names:
            control.approve(self.rig.world, name)
        self.bring_late()
