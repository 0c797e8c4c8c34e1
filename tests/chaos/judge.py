"""What must be true when a round is over, by the simulator's own ledger: no duplicate, no wrong outcome, no lost case.

Each breach is one line that begins with the invariant's number. Asks none of the engine's rules.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from tests.chaos import worlds
from tests.chaos.ground import Ground

KEY = re.compile(r"fp1:acct_\w+:in_\w+:\d+")
PAID = (CaseState.RECOVERED, CaseState.RECOVERED_ELSEWHERE)
CANCELS = (ActionKind.CANCEL_SUBSCRIPTION, ActionKind.SCHEDULE_CANCEL, ActionKind.AWAIT_END)

STATUSES = frozenset({"draft", "open", "paid", "void", "uncollectible"}) | frozenset(
    {"incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled", "incomplete_expired"}
)
"""Of invoices and of subscriptions, among what the ledger tells of a state."""


@dataclass(slots=True)
class Verdict:
    """What a round came to."""

    breaches: list[str] = field(default_factory=list)
    charges: int = 0
    ours: int = 0
    cases: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    """Successful charges by who asked for them."""

    def require(self, holds: bool, words: str) -> None:
        """A breach unless it holds."""
        if not holds:
            self.breaches.append(words)


@dataclass(slots=True)
class Books:
    """Both sides: what Stripe's ledger says, and what the state says."""

    charges: list[dict[str, Any]]
    states: list[dict[str, Any]]
    invoices: dict[str, dict[str, Any]]
    subscriptions: dict[str, dict[str, Any]]
    findings: list[dict[str, Any]]
    cases: dict[str, RecoveryCase]
    attempts: dict[str, Attempt]
    actions: dict[str, list[FinalAction]]
    broken_journals: list[str]
    absences: list[tuple[int, int]]


def judge(ground: Ground) -> Verdict:
    """Everything; the daemons are ended."""
    verdict = Verdict()
    with contextlib.closing(sqlite3.connect(ground.state)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    verdict.require(found == ["ok"], f"G3: the database is not whole: {found[:3]}")
    books = _read(ground)
    verdict.charges = len(books.charges)
    verdict.ours = sum(KEY.fullmatch(row["idempotency_key"] or "") is not None for row in books.charges)
    verdict.paid = Counter(
        row["source"] for row in books.charges if row["status"] == "succeeded" and row["invoice"] in books.cases
    )
    verdict.cases = Counter(case.state.value for case in books.cases.values())
    for check in (simulator_findings, _charges, _attempts, _lost, _paid, _endings, _cancelled, _journal):
        check(verdict, books)
    return verdict


def _read(ground: Ground) -> Books:
    cases: dict[str, RecoveryCase] = {}
    attempts: dict[str, Attempt] = {}
    actions: dict[str, list[FinalAction]] = {}
    broken: list[str] = []
    state = open_store(ground.state, open_cipher(ground.state), create=False)
    try:
        with state.store.reading() as view:
            for case in view.cases.list(limit=100_000):
                cases[case.invoice] = case
                for each in view.attempts.of_invoice(case.account, case.invoice):
                    attempts[each.idempotency_key] = each
                actions[case.id] = list(view.actions.of_case(case.id))
                if not view.journal.verify(case.id):
                    broken.append(case.id)
    finally:
        state.close()
    return Books(
        charges=ground.rows("charges"),
        states=ground.rows("ledger", kind="state"),
        invoices={row["id"]: row for row in ground.rows("invoices")},
        subscriptions={row["id"]: row for row in ground.rows("subscriptions")},
        findings=ground.rows("findings"),
        cases=cases,
        attempts=attempts,
        actions=actions,
        broken_journals=broken,
        absences=ground.absences,
    )


def simulator_findings(verdict: Verdict, books: Books) -> None:
    """The simulator's own judge: charged twice, charged after paid or never again, cancelled after paid, ceilings."""
    for each in books.findings:
        excused = each["code"] == "canceled_after_paid" and _ended_without_us(books, each["objects"][0])
        verdict.require(each["informative"] or excused, f"A: {each['code']}: {each['words']} {each['objects']}")


def _ended_without_us(books: Books, subscription: str) -> bool:
    """Stripe ended it at its period's end, by our flag, and no daemon was there in its last hour to take the flag back.

    A daemon that works looks once more an hour before the end. A request of ours to end it is never excused.
    """
    rows = [row for row in books.states if row["object"] == subscription and row["status"] == "canceled"]
    if not rows or rows[0]["source"] == "request":
        return False
    end = rows[0]["at"]
    return any(since <= end and end - worlds.HOUR <= until for since, until in books.absences)


def _charges(verdict: Verdict, books: Books) -> None:
    """A1: an invoice is charged once. A3, A4: every charge asked for by us is an attempt that was on disk."""
    paid = Counter(row["invoice"] for row in books.charges if row["status"] == "succeeded" and row["invoice"])
    for invoice, count in paid.items():
        verdict.require(count == 1, f"A1: {invoice} was charged {count} times")
    for row in books.charges:
        if row["source"] != "request":
            continue
        known = books.attempts.get(row["idempotency_key"] or "")
        verdict.require(
            known is not None, f"A3: {row['id']} was made with {row['idempotency_key']}, which is no attempt"
        )
        if known is not None:
            verdict.require(
                known.invoice == row["invoice"], f"A4: {row['id']} is for {row['invoice']}, not {known.invoice}"
            )
    keys = Counter(row["idempotency_key"] for row in books.charges if row["source"] == "request")
    for key, count in keys.items():
        verdict.require(count == 1, f"A4: {key} made {count} charges")


def _attempts(verdict: Verdict, books: Books) -> None:
    """B1, B2: what an attempt is said to have come to is what the ledger says, and nothing is left open."""
    made = {row["idempotency_key"]: row["status"] for row in books.charges}
    for key, attempt in books.attempts.items():
        verdict.require(attempt.state not in BLOCKING_STATES, f"B2: {key} is still {attempt.state}")
        status = made.get(key)
        if status is None:
            verdict.require(attempt.state is not AttemptState.APPROVED, f"B1: {key} is approved and made no charge")
        else:
            wanted = AttemptState.APPROVED if status == "succeeded" else AttemptState.DECLINED
            verdict.require(attempt.state is wanted, f"B1: {key} is {attempt.state}, and its charge {status}")


def _lost(verdict: Verdict, books: Books) -> None:
    """C1: every invoice that failed and is still owed has a case, and every case has ended."""
    failed = {row["invoice"] for row in books.charges if row["status"] == "failed" and row["invoice"]}
    for invoice in failed:
        status = books.invoices[invoice]["status"]
        verdict.require(invoice in books.cases or status in ("paid", "void"), f"C1: {invoice} ({status}) has no case")
    for case in books.cases.values():
        words = f"C1: {case.id} is still {case.state} ({case.closed_because}), due {case.due_at}"
        verdict.require(case.is_final() and case.due_at is None, words)


def _paid(verdict: Verdict, books: Books) -> None:
    """B4: RECOVERED exactly where a charge of ours took the money, RECOVERED_ELSEWHERE where another did."""
    ours = {
        row["invoice"]
        for row in books.charges
        if row["status"] == "succeeded" and KEY.fullmatch(row["idempotency_key"] or "")
    }
    for id_, case in books.cases.items():
        row = books.invoices[id_]
        recovered = case.state is CaseState.RECOVERED
        verdict.require(recovered == (id_ in ours), f"B4: {case.id} is {case.state}; {id_} paid by us: {id_ in ours}")
        is_paid, paid_at = row["status"] == "paid", row["status_transitions"]["paid_at"]
        if is_paid and case.state not in PAID and case.ended_at is not None and paid_at >= case.ended_at.seconds:
            continue  # paid after the end: for the books only
        verdict.require((case.state in PAID) == is_paid, f"B4: {case.id} is {case.state}; {id_} reads {row['status']}")


def _endings(verdict: Verdict, books: Books) -> None:
    """C2, C5: a case that ended without money has cancelled and written off what its policy says, or said why not."""
    for id_, case in books.cases.items():
        actions = books.actions[case.id]
        left = [each.kind for each in actions if each.state not in (ActionState.DONE, ActionState.SKIPPED)]
        verdict.require(not left or case.state in (*PAID, CaseState.CLOSED), f"C2: {case.id} left {left} undone")
        if case.state not in (CaseState.EXHAUSTED, CaseState.HARD_DECLINED):
            continue
        verdict.require(bool(actions), f"C2: {case.id} is {case.state} and nothing followed from it")
        for each in actions:
            if each.state is not ActionState.DONE:
                verdict.require(bool(each.note), f"C2: {case.id} skipped {each.kind} and does not say why")
                continue
            status = books.subscriptions[case.subscription]["status"]
            if each.kind in (ActionKind.CANCEL_SUBSCRIPTION, ActionKind.AWAIT_END):
                verdict.require(status == "canceled", f"C2: {case.id} has cancelled; the subscription is {status}")
            if each.kind is ActionKind.MARK_UNCOLLECTIBLE:
                status = books.invoices[id_]["status"]
                held = status in ("uncollectible", "paid", "void")
                verdict.require(held, f"C5: {case.id} has written off; the invoice is {status}")


def _cancelled(verdict: Verdict, books: Books) -> None:
    """C4, C5, C8: what we cancelled or wrote off was owed then, was ours to end, once, and in that order."""
    cases: dict[str, list[RecoveryCase]] = {}
    for case in books.cases.values():
        cases.setdefault(case.subscription, []).append(case)
    status: dict[str, str] = {}
    ended: Counter[tuple[str, str]] = Counter()
    for row in books.states:
        object_, now = row["object"], row["status"]
        if now not in STATUSES:
            continue  # other news, such as credit for unused time
        before, status[object_] = status.get(object_), now
        if row["source"] != "request" or before == now:
            continue
        if now == "canceled" and object_ in books.subscriptions:
            ended[object_, now] += 1
            told = [
                case
                for case in cases.get(object_, ())
                if any(each.kind in CANCELS and each.state is ActionState.DONE for each in books.actions[case.id])
            ]
            verdict.require(bool(told), f"C2: {object_} was cancelled, and no case says so")
            owed = [case for case in told if status.get(case.invoice) in ("open", "uncollectible")]
            verdict.require(bool(owed) or not told, f"C4: {object_} was cancelled though nothing was owed")
        if now == "uncollectible":
            ended[object_, now] += 1
            parent = books.cases[object_].subscription if object_ in books.cases else ""
            verdict.require(status.get(parent) == "canceled", f"C5: {object_} was written off before {parent} ended")
    for (object_, now), count in ended.items():
        verdict.require(count == 1, f"C8: {object_} was made {now} {count} times")


def _journal(verdict: Verdict, books: Books) -> None:
    """G1: the chain of each case's journal holds."""
    verdict.require(not books.broken_journals, f"G1: broken journals: {books.broken_journals}")
