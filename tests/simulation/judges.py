"""Invariants recomputed from Stripe's side: the simulator's ledger and the calls that were really sent.

Each check names its invariant. None of them asks the engine's own rules; figures are written out again here.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.values.ids import AccountId, InvoiceId
from tests.simulation import worlds
from tests.simulation.recipe import Recipe
from tests.simulation.rig import Request, Rig

HARD = frozenset({"lost_card", "stolen_card"})
NEVER_ADVICE = frozenset({"03", "21"})
NO_FINAL_ACTION = frozenset({"rule", "never_heard_of"})
"""Reasons of refusals that never lead to a final action: the operator's own rules, and codes nobody knows."""
ADVICE_WAIT_HOURS = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}
KEY = re.compile(r"fp1:(acct_\w+):(in_\w+):(\d+)")
HOUR, DAY = 3600, 86_400
SCHEDULES = ("cancel_at_period_end", "true")


class Violation(BaseException):
    """An invariant is broken; the first word of the message names it."""


def require(holds: bool, invariant: str, words: object) -> None:
    """Violation unless it holds."""
    if not holds:
        raise Violation(f"{invariant}: {words}")


def our_charges(rig: Rig) -> set[str]:
    """Ids of the charges that calls of ours made; a bank's answer to a debit is a second row without any key."""
    rows = rig.world.ledger.charges
    return {row["id"] for row in rows if KEY.fullmatch(row["idempotency_key"] or "")}


class Judge:
    """Watches one rig: every call when it is sent, every new charge, and the whole at each step."""

    def __init__(
        self, rig: Rig, *, spacing_hours: int, visa_per_30_days: int, per_minute: int, recipe: Recipe | None = None
    ) -> None:
        """The figures are those of the manifest the rig runs with; `recipe` tells the rest of it."""
        self.per_invoice = recipe is None or recipe.manifest["stop"] == "per_invoice"
        self.rig = rig
        self.spacing = spacing_hours * HOUR
        self.visa_per_30_days = visa_per_30_days
        self.per_minute = per_minute
        self.known: set[str] = set()
        self.sends: dict[str, list[Request]] = defaultdict(list)
        self.reads: dict[str, Request] = {}
        ahead = recipe is not None and bool({"ahead", "clock"} & recipe.families)
        self.spacing -= 300 if ahead else 0  # kept by our own clock, which may be five minutes ahead (F3)
        self._judged = 0
        self._judging = 0
        self._own: set[str] = set()
        self._replays: set[str] = set()
        self._cases: list[RecoveryCase] = []
        rig.before_call.append(self.sent)
        rig.after_call.append(self.answered)

    # -- at each call --------------------------------------------------------------------------------------------

    def sent(self, request: Request) -> None:
        """A call is about to leave."""
        if request.is_pay:
            self.a3_a4_a5_key(request)
            self.a7_a15_read(request)
            self.a13_budget(request)
        if request.method != "GET" and "/subscriptions/" in request.path:
            require("cancel_at" not in dict(request.params), "G15", "cancel_at is never written")
            if request.method == "DELETE" or SCHEDULES in request.params:
                self.a21_c4_cancellation(request)
            if ("cancel_at_period_end", "false") in request.params:
                self.g15_taking_back(request)

    def answered(self, request: Request) -> None:
        """An answer reached the product."""
        if request.method != "GET" or request.status != 200:
            return
        if re.fullmatch(r"/v1/invoices/in_\w+", request.path) and request.answer is not None:
            self.reads[request.object_id] = request

    def heard(self, body: bytes) -> None:
        """A delivery was taken in: from now on the product knows the charge it is about (one it only names, it does not)."""
        event = json.loads(body)
        if event["type"] in ("charge.succeeded", "charge.failed", "charge.pending"):
            self.known.add(event["data"]["object"]["id"])

    def a3_a4_a5_key(self, request: Request) -> None:
        """A3: the intent is committed before the send. A4: one key, one attempt, one set of parameters. A5: < 23 h."""
        found = KEY.fullmatch(request.key or "")
        require(found is not None, "A4", f"{request.key} is no key of ours")
        if found is None:
            return
        account, invoice, number = found.groups()
        require(invoice == request.object_id, "A4", f"{request.key} was sent for {request.object_id}")
        with self.rig.parts.store.reading() as view:  # refused inside a unit of work: no call may be made in one
            attempts = view.attempts.of_invoice(AccountId(account), InvoiceId(invoice))
        stored = [each for each in attempts if each.number == int(number)]
        require(len(stored) == 1, "A3", f"{request.key} is sent and not committed")
        require(stored[0].state is AttemptState.SUBMITTING, "A3", f"{request.key} is sent while {stored[0].state}")
        blocking = [each.number for each in attempts if each.state in ("submitting", "unresolved", "pending")]
        require(blocking == [int(number)], "A2", f"{request.key} is sent beside {blocking}")
        method = dict(request.params).get("payment_method")
        require(method == stored[0].payment_method, "A20", f"{request.key}: {method} is not the intent's card")
        earlier = self.sends[request.key or ""]
        if not earlier and stored[0].sends > 1:
            self._replays.add(request.key or "")
        require(all(each.params == request.params for each in earlier), "A4", f"{request.key}: other parameters")
        first = min((each.at for each in earlier), default=request.at)
        require(request.at - first < 23 * HOUR, "A5", f"{request.key} is sent again after {request.at - first} s")
        keys = {each.secret for each in earlier if not each.unexecuted}
        require(keys <= {request.secret}, "B7", f"{request.key} goes through another API key")
        earlier.append(request)

    def a7_a15_read(self, request: Request) -> None:
        """A7: a read no older than 60 s showed it open and automatic. A15: it showed `auto_advance` false.

        A replay passes the same (A6).
        """
        name = "A6" if len(self.sends[request.key or ""]) > 1 else "A7"
        read = self.reads.get(request.object_id)
        require(read is not None and request.at - read.at <= 60, name, f"{request.object_id}: no fresh read before pay")
        seen: dict[str, Any] = (read.answer or {}) if read else {}
        require(seen.get("status") == "open", name, f"{request.object_id} read {seen.get('status')} before pay")
        require(seen.get("collection_method") == "charge_automatically", name, "not charged automatically")
        require(seen.get("amount_remaining", 0) > 0, name, "nothing remains to be paid")
        stopped = seen.get("auto_advance") is False if self.per_invoice else seen.get("next_payment_attempt") is None
        require(stopped, "A15", f"{request.object_id}: Stripe may still retry it")

    def a13_budget(self, request: Request) -> None:
        """A13: no more new attempts in a minute than the budget, which counts intents: a first send long after its
        intent, by the resolver, was counted then.
        """
        firsts = [each[0].at for key, each in self.sends.items() if key not in self._replays]
        recent = [at for at in firsts if request.at - 60 < at <= request.at]
        require(len(recent) <= self.per_minute, "A13", f"{len(recent)} attempts in a minute")

    def a21_c4_cancellation(self, request: Request) -> None:
        """A21: never after an operator's or unknown refusal. C4: the invoice is unpaid and no later one is paid."""
        subscription = request.object_id
        given = dict(request.params)
        said = given.get("cancellation_details[comment]") or f"({given.get('metadata[fp_cancel]')})"
        with self.rig.parts.store.reading() as view:
            cases = [each for each in view.cases.list(limit=10_000) if each.subscription == subscription]
            calling = [
                case
                for case in cases
                for each in view.actions.of_case(case.id)
                if each.state.value == "calling" and f"({case.id})" in said
            ]
        require(bool(calling), "A3", f"{subscription} is cancelled without a committed intent")
        account = worlds.book(self.rig.world)
        if SCHEDULES in request.params:
            row = account.get("subscription", subscription)
            ours = row["metadata"].get("fp_cancel") == given["metadata[fp_cancel]"]
            require(ours or row["cancel_at"] is None, "G15", f"{subscription} was to be cancelled already")
        for case in calling:
            invoice = account.get("invoice", case.invoice)
            require(
                invoice["status"] == "open", "C4", f"{subscription} is cancelled; {case.invoice} {invoice['status']}"
            )
            later = [account.get("invoice", each) for each in account.invoices_of[subscription]]
            paid = [each["id"] for each in later if each["created"] > invoice["created"] and each["status"] == "paid"]
            require(not paid, "C4", f"{subscription} is cancelled though {paid} were paid later")
            charges = self.rig.charges(case.invoice)
            reasons = [row["reason"] for row in charges]
            asked = [each.at for each in self.rig.pays() if each.object_id == case.invoice and each.status == 402]
            if charges and max(asked, default=0) > charges[-1]["created"]:
                continue  # the last answer asked for authentication, which makes no charge
            method = account.find("payment_method", str(case.payment_method))
            print_of = method[method["type"]]["fingerprint"] if method else None
            on_card = [row for row in self.rig.charges() if row["fingerprint"] == print_of]
            dead = any(row["reason"] in HARD or self._advice(row) in NEVER_ADVICE for row in on_card)
            allowed = not reasons or reasons[-1] not in NO_FINAL_ACTION or dead
            require(allowed, "A21", f"{subscription} cancelled: {reasons}")

    def g15_taking_back(self, request: Request) -> None:
        """G15: only what a case of ours has set is taken back, by a case that has ended, after its intent is on disk."""
        account = worlds.book(self.rig.world)
        tag = account.get("subscription", request.object_id)["metadata"].get("fp_cancel")
        if tag is None:
            return  # it was executed before, and its answer was lost
        case = next((each for each in self.rig.cases() if each.id == tag), None)
        require(case is not None and case.is_final(), "G15", f"{request.object_id}: the flag of {tag} is taken back")
        if case is not None:
            owed = [each for each in self.rig.actions(case) if each.kind.value == "take_back"]
            require([each.state.value for each in owed] == ["calling"], "A3", f"{tag}: no intent to take back")

    # -- at each charge ------------------------------------------------------------------------------------------

    def step(self, _: object = None) -> None:
        """Judge the charges made since the last step, then the ledger as a whole."""
        rows = self.rig.world.ledger.charges
        if len(rows) > self._judged:
            self._cases = self.rig.cases()
            self._own = our_charges(self.rig)
        for place in range(self._judged, len(rows)):
            row = rows[place]
            if KEY.fullmatch(row["idempotency_key"] or ""):
                self.judge_charge(row, rows[:place])
        self._judged = len(rows)
        for invoice, count in self.rig.world.ledger.successes_by_invoice().items():
            require(count <= 1, "A1", f"{invoice} was charged {count} times")

    def judge_charge(self, row: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        """One charge of ours against all that came before it."""
        self._judging = row["created"]
        of_invoice = [each for each in earlier if each["invoice"] == row["invoice"] and self._seen(each)]
        on_card = [each for each in of_invoice if self._same_card(row, each, earlier)]
        under_way = {each["id"]: each["status"] for each in earlier if each["invoice"] == row["invoice"]}
        pending = [id_ for id_, status in under_way.items() if status == "pending"]
        require(not pending, "A2", f"{row['id']} is made while {pending} may still be paid")
        for each in on_card:
            require(each["reason"] not in HARD, "A8", f"{row['id']} after {each['reason']} on the same card")
            advice = self._advice(each)
            require(advice not in NEVER_ADVICE, "A9", f"{row['id']} after advice {advice} on the same card")
            wait = ADVICE_WAIT_HOURS.get(advice or "", 0) * HOUR
            if each is on_card[-1]:
                require(row["created"] - each["created"] >= wait, "A11", f"{row['id']} too early after advice {advice}")
        if of_invoice:
            gap = row["created"] - max(each["created"] for each in of_invoice)
            require(gap >= self.spacing, "A12", f"{row['id']} comes {gap} s after the charge before it")
        self.a10_ceiling(row, earlier)

    def a10_ceiling(self, row: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        """A10: all charges on the card that reached the network and that we had seen, in the 30 days before.

        What somebody else charges in the very second of our call, after our reads, nobody could have counted.
        """
        if row["brand"] != "visa":
            return
        counted = [
            each
            for each in earlier
            if self._same_card(row, each, earlier)
            and each["network_status"] != "not_sent_to_network"
            and row["created"] - each["created"] < 30 * DAY
            and (each["created"] < row["created"] or each["id"] in self._own)
            and self._seen(each)
        ]
        words = f"{row['id']} is number {len(counted) + 1} in 30 days on its card"
        require(len(counted) < self.visa_per_30_days, "A10", words)

    def _same_card(self, row: dict[str, Any], other: dict[str, Any], earlier: list[dict[str, Any]]) -> bool:
        """Whether both are on one card, as far as it can be known: only a charge tells a payment method's fingerprint."""
        if row["payment_method"] == other["payment_method"]:
            return True
        told = any(each["payment_method"] == row["payment_method"] and self._seen(each) for each in earlier)
        return told and row["fingerprint"] == other["fingerprint"]

    def _seen(self, row: dict[str, Any]) -> bool:
        """Ours, heard of by its event, or before the opening of its invoice's case, which reads the customer's charges.

        A case opened after the charge that is judged told nothing to whoever made that.
        """
        if row["id"] in self.known or row["id"] in self._own:
            return True
        opened = [each.opened_at.seconds for each in self._cases if each.invoice == row["invoice"]]
        opened = [at for at in opened if at < self._judging]
        return any(row["created"] <= at for at in opened)

    def _advice(self, row: dict[str, Any]) -> str | None:
        """Mastercard's advice beside a refusal; other networks use the same numbers for other things."""
        if row["brand"] != "mastercard":
            return None
        advice = row["network_advice_code"]
        return None if advice is None else str(advice)
