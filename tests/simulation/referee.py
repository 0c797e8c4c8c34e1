"""More invariants recomputed from Stripe's side: who may call, what a refusal forbids, other engines, money, liveness.

Beside `judges.Judge`, and for fleets: each check names its invariant and none asks the engine's own rules.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import KEY, our_charges, require
from tests.simulation.moneybook import d10_equals_ledger
from tests.simulation.recipe import Recipe
from tests.simulation.rig import Request

MAX_SKEW = 300
HOUR, DAY = 3600, 86_400
_MOVES = ("/pay", "/mark_uncollectible")
_LIVING = ("active", "past_due", "unpaid", "trialing")


class Referee:
    """Watches one fleet."""

    def __init__(self, fleet: Fleet, recipe: Recipe) -> None:
        """Hook in before anything goes wrong."""
        self.fleet = fleet
        self.recipe = recipe
        self.applied_at = fleet.world.now
        self.calm_at: int | None = None
        self.fallback = fleet.environ["SIM_FALLBACK"]
        self._sent: dict[str, list[Request]] = defaultdict(list)
        self._last_status: dict[tuple[str, str, str], int | None] = {}
        self._missing: dict[str, int] = defaultdict(int)
        self._judged = 0
        self._reads: dict[str, Request] = {}
        fleet.before_call.append(self.sent)
        fleet.after_call.append(self.answered)

    @property
    def account(self) -> Any:
        """The only account."""
        account = worlds.book(self.fleet.world)
        return account

    # -- at each call --------------------------------------------------------------------------------------------

    def sent(self, request: Request) -> None:
        """A call is about to leave."""
        self.a16_mode(request)
        self.e10_fallback(request)
        if request.is_pay:
            self.a19_fence(request)
            self.a14_a17_pay(request)
            self.a6_replay(request)
            self._sent[request.key or ""].append(request)
        if request.is_pay or request.method == "DELETE" or request.path.endswith(_MOVES):
            self.f3_skew(request)

    def answered(self, request: Request) -> None:
        """An answer reached the product."""
        if request.secret != self.fallback:
            holder = self.fleet.acting.holder if self.fleet.acting else ""
            self._last_status[(holder, request.method, request.path)] = request.status
        if request.method == "GET" and request.status == 200 and request.path.startswith("/v1/invoices/in_"):
            self._reads[request.object_id] = request
        if request.is_pay and request.status == 404:
            self._missing[request.object_id] += 1

    def a16_mode(self, request: Request) -> None:
        """A16: nothing is sent with a key that is not of this account's mode."""
        key = self.fleet.world.sim.keys.get(request.secret)
        require(key is not None and not key.livemode, "A16", f"{request.path} was sent with a key of another mode")

    def e10_fallback(self, request: Request) -> None:
        """E10: the fallback key only directly after a rate-limit 429 on the primary, or where a send went by it (B7)."""
        if request.secret != self.fallback:
            return
        holder = self.fleet.acting.holder if self.fleet.acting else ""
        limited = self._last_status.get((holder, request.method, request.path)) == 429
        sent = self._sent.get(request.key or "-", [])
        # The choice is on disk before the call, and who resolves the attempt keeps to it (B7).
        again = any(each.secret == self.fallback or each.status == 429 for each in sent)
        require(limited or again, "E10", f"{request.method} {request.path} went by the fallback key without a 429")

    def a19_fence(self, request: Request) -> None:
        """A19: only the holder of an unexpired lease starts a call, and the intent carries its fence."""
        daemon, found = self.fleet.acting, KEY.fullmatch(request.key or "")
        if daemon is None or found is None:
            return
        with self.fleet.parts.store.reading() as view:
            lease = view.leases.current()
            attempt = view.attempts.get(found[1], found[2], int(found[3]))  # type: ignore[arg-type] # ids are texts
        words = f"{request.key} is sent by {daemon.holder}; the lease is {lease}"
        require(lease is not None and lease.holder == daemon.holder, "A19", words)
        mine = self.fleet.world.now + daemon.error
        require(lease is not None and lease.expires_at.seconds >= mine, "A19", f"{words}, and expired")
        fenced = attempt is not None and lease is not None and attempt.fence == lease.fence
        require(fenced, "A19", f"{words}; the intent's fence is {attempt.fence if attempt else None}")

    def f3_skew(self, request: Request) -> None:
        """F3: with a clock more than five minutes off Stripe's nothing is charged or cancelled."""
        offset = self.fleet.acting.error if self.fleet.acting is not None else 0
        require(abs(offset) <= MAX_SKEW, "F3", f"{request.path} by a clock that is {offset} s off")

    def a14_a17_pay(self, request: Request) -> None:
        """A14: no second off-session try of a card that asked for the customer. A17: what is gone is asked once more."""
        gone = self._missing[request.object_id]
        require(gone <= 1, "A17", f"{request.object_id} was not found {gone} times and is paid again")
        method = dict(request.params).get("payment_method", "")
        for each in self.fleet.requests[:-1]:
            if not each.is_pay or each.object_id != request.object_id or each.key == request.key:
                continue
            if dict(each.params).get("payment_method") != method or not asks_customer(each):
                continue
            require(
                self._customer_acted(method, each.at), "A14", f"{request.object_id}: {method} had asked for its owner"
            )

    def _customer_acted(self, method: str, since: int) -> bool:
        """Whether the card was renewed since, or became the default again."""
        events = self.account.table("event").rows.values()
        return any(
            each["created"] >= since
            and (
                (each["type"].startswith("payment_method.") and each["data"]["object"]["id"] == method)
                or each["type"] in ("customer.updated", "customer.subscription.updated")
            )
            for each in events
        )

    def a6_replay(self, request: Request) -> None:
        """A6: a call that is sent again comes after reads as fresh as the first one's, made after the first send."""
        earlier = [each for each in self._sent[request.key or ""] if each.at < request.at - 60]
        if not earlier:
            return
        read = self._reads.get(request.object_id)
        fresh = read is not None and request.at - read.at <= 60 and read.at >= earlier[-1].at
        require(fresh, "A6", f"{request.key} is sent again without a fresh read")
        answer: dict[str, Any] = (read.answer or {}) if read else {}
        open_ = answer.get("status") == "open" and answer.get("collection_method") == "charge_automatically"
        require(open_, "A6", f"{request.key} is sent again though it reads {answer.get('status')}")

    # -- at each step --------------------------------------------------------------------------------------------

    def step(self) -> None:
        """What new charges say, and what must be settled by now."""
        rows = self.fleet.world.ledger.charges
        for place in range(self._judged, len(rows)):
            self.a15_two_engines(rows[place], rows[:place])
        self._judged = len(rows)
        if self.calm_at is not None and self.fleet.world.now - self.calm_at > 2 * HOUR:
            self.b2_resolved()

    def a15_two_engines(self, row: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        """A15: Stripe's own engine never charges an invoice that ours has charged before."""
        if row["source"] != "stripe" or not row["invoice"] or any(each["id"] == row["id"] for each in earlier):
            return  # not Stripe's, or a bank's answer to a debit
        ours = [each["id"] for each in earlier if each["invoice"] == row["invoice"] and is_ours(each)]
        require(not ours, "A15", f"Stripe's own {row['id']} comes after ours ({ours}) on {row['invoice']}")

    def b2_resolved(self) -> None:
        """B2: with Stripe reachable for two hours nothing is unresolved."""
        now = self.fleet.world.now
        with self.fleet.parts.store.reading() as view:
            for case in view.cases.list(states=[CaseState.ATTEMPTING], limit=1000):
                for each in view.attempts.of_invoice(case.account, case.invoice):
                    stuck = each.state in (AttemptState.SUBMITTING, AttemptState.UNRESOLVED)
                    sent = each.last_sent_at.seconds if each.last_sent_at else now
                    require(not stuck or now - sent < 2 * HOUR, "B2", f"{each.idempotency_key} is still {each.state}")

    def calm(self) -> None:
        """Faults are off from here on."""
        self.calm_at = self.fleet.world.now
        if self.recipe.has("departures"):
            self.calm_at += 7 * HOUR  # an account that is back is asked every six hours

    # -- at the end ----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The whole, when everything has come to rest."""
        self.d6_found()
        self.g1_money()
        d10_equals_ledger(self.fleet, self.applied_at)

    def d6_found(self) -> None:
        """D6: every failed invoice that could be recovered has a case, whatever became of its deliveries."""
        with self.fleet.parts.store.reading() as view:
            known = {case.invoice for case in view.cases.list(limit=10_000)}
        status = {row["id"]: (row["invoice"], row["status"]) for row in self.fleet.world.ledger.charges}
        pending = {invoice for invoice, word in status.values() if word == "pending"}
        since = 0 if self.recipe.has("take_over") else self.applied_at - HOUR
        for row in self.account.table("invoice").rows.values():
            details = (row["parent"] or {}).get("subscription_details") or {}
            subscription = self.account.find("subscription", details.get("subscription"))
            eligible = (
                row["status"] == "open"
                and row["attempted"]
                and row["id"] not in pending  # a debit on its way has not failed
                and row["amount_remaining"] > 0
                and row["billing_reason"] == "subscription_cycle"
                and row["created"] >= since
                and subscription is not None
                and subscription["status"] in _LIVING
            )
            require(not eligible or row["id"] in known, "D6", f"{row['id']} failed and nobody follows it")

    def g1_money(self) -> None:
        """G1: what we say we recovered is, to the cent, what the ledger says our calls took."""
        took: dict[str, int] = defaultdict(int)
        ours = our_charges(self.fleet)
        for row in self.fleet.charges():
            if row["id"] in ours and row["status"] == "succeeded":
                took[row["currency"]] += row["amount"]
        said: dict[str, int] = defaultdict(int)
        with self.fleet.parts.store.reading() as view:
            for case in view.cases.list(states=[CaseState.RECOVERED], limit=10_000):
                for each in view.attempts.of_invoice(case.account, case.invoice):
                    if each.state is AttemptState.APPROVED:
                        said[each.amount.currency.code.lower()] += each.amount.amount_minor
            transactions = view.transactions.list(limit=100_000)
        require(dict(took) == dict(said), "G1", f"the ledger took {dict(took)} by our calls; we say {dict(said)}")
        charges = {row["id"]: row for row in self.fleet.world.ledger.charges}
        for told in transactions:
            charge = charges.get(told.id)
            if charge is not None:
                same = told.amount.amount_minor == charge["amount"]
                require(same, "G1", f"transaction {told.id} says {told.amount.text()}, the ledger {charge['amount']}")


def is_ours(row: dict[str, Any]) -> bool:
    """Whether a charge of the ledger was made by a call of ours."""
    return KEY.fullmatch(row["idempotency_key"] or "") is not None


def asks_customer(request: Request) -> bool:
    """Whether a `pay` was answered that the customer has to act."""
    error = (request.answer or {}).get("error") or {}
    return request.status == 402 and error.get("code") in (
        "invoice_payment_intent_requires_action",
        "authentication_required",
    )
