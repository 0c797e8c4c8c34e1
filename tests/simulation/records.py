"""Invariants of what is committed: after each step no case is lost, and at the end the books equal Stripe's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import FinalAction
from flexpay_reconcile.values.ids import CaseId
from flexpay_reconcile.values.instant import Span
from tests.simulation import worlds
from tests.simulation.judges import KEY, our_charges, require
from tests.simulation.policies import Policies
from tests.simulation.rig import Rig

STANDING = {
    CaseState.PARKED: frozenset({"operator", "odd_answer", "foreign_retries", "request_refused", "gate"}),
    CaseState.NEEDS_REVIEW: None,
}
"""States that may last while their cause stands, and the causes a quiet world cannot take away."""
PARKED_AT_MOST = Span.of(days=21)
"""In the troubled days, and so the most by which a window can have grown."""


class Records:
    """Remembers the states cases were in, so that a final one is seen to stay (C7)."""

    def __init__(self, rig: Rig, policies: Policies | None = None) -> None:
        """For one rig; `policies` knows the revisions where more than one is applied."""
        self.rig = rig
        self.policies = policies
        self._last: dict[CaseId, CaseState] = {}
        self._declined: set[str] = set()
        self._changed = True
        rig.after_commit.append(self._commit)

    def _commit(self) -> None:
        self._changed = True

    def step(self, _: object = None) -> None:
        """Each committed case has its next step (B3), and final states absorb (C7)."""
        require(self.rig.engine.loops.charging_stopped is None, "G4", self.rig.engine.loops.charging_stopped)
        if not self._changed:
            return
        self._changed = False
        with self.rig.parts.store.reading() as view:
            for case in view.cases.list(limit=10_000):
                attempts = view.attempts.of_invoice(case.account, case.invoice)
                self.b5_b6_declined(attempts)
                self.b3_successor(case, [each.state for each in attempts])
                before, self._last[case.id] = self._last.get(case.id), case.state
                if before is None or before is case.state:
                    continue
                kept = before not in _FINAL or case.state is CaseState.RECOVERED_ELSEWHERE
                require(
                    kept and before is not CaseState.RECOVERED, "C7", f"{case.id} went from {before} to {case.state}"
                )

    def b5_b6_declined(self, attempts: Iterable[Attempt]) -> None:
        """B5, B6: a decline is what Stripe answered as one, or a charge that was refused; no 5xx, 409 or lock is one.

        Where the answer was lost, or a 500 hid it, the ledger may say that the customer was asked: that is no charge.
        """
        for each in attempts:
            key = each.idempotency_key
            if each.state is not AttemptState.DECLINED or key in self._declined:
                continue
            self._declined.add(key)
            answers = [request.status for request in self.rig.requests if request.is_pay and request.key == key]
            charged = any(row["idempotency_key"] == key for row in self.rig.world.ledger.charges)
            busy = {409, 429} & set(answers)
            words = f"{key} is declined; Stripe answered {answers} and made no charge"
            require(charged or 402 in answers or self._asked(each.invoice), "B6" if busy else "B5", words)

    def _asked(self, invoice: str) -> bool:
        """Whether a payment of the invoice ever waited for its customer."""
        intents = {id_ for id_, of in worlds.book(self.rig.world).invoice_of.items() if of == invoice}
        rows = self.rig.world.ledger.rows
        return any(
            row["kind"] == "state" and row["status"] == "requires_action" and row["object"] in intents for row in rows
        )

    def d4_inbox(self) -> None:
        """D4: after weeks of rest no event waits any more: each is done, or set aside for a person."""
        with self.rig.parts.store.reading() as view:
            waiting = view.inbox.pending(self.rig.now.plus(Span.of(days=30)), 10_000)
        old = [each.event_id for each in waiting if self.rig.now.since(each.received_at) > Span.of(days=2)]
        require(not old, "D4", f"{len(old)} events were never worked off: {old[:3]}")

    def b3_successor(self, case: RecoveryCase, attempts: list[AttemptState]) -> None:
        """B3: no committed state without what follows from it."""
        blocking = sum(state in BLOCKING_STATES for state in attempts)
        planned = attempts.count(AttemptState.PLANNED)
        require(blocking <= 1, "A2", f"{case.id} has {blocking} attempts under way")
        require((case.state is CaseState.ATTEMPTING) == (blocking == 1), "B3", f"{case.id} {case.state}, {attempts}")
        require((case.state is CaseState.SCHEDULED) == (planned == 1), "B3", f"{case.id} {case.state}, {attempts}")
        if not case.is_final() and case.state not in (CaseState.ATTEMPTING, CaseState.SCHEDULED):
            require(case.due_at is not None, "B3", f"{case.id} is {case.state} and never looked at again")

    def end(self) -> None:
        """The whole, when everything has come to rest."""
        self.d4_inbox()
        charges = {row["id"]: row for row in self.rig.charges()}
        keys = [(row["idempotency_key"], row["id"]) for row in self.rig.charges()]
        by_key = {key: charges[id_] for key, id_ in keys if KEY.fullmatch(key or "")}
        with self.rig.parts.store.reading() as view:
            for case in view.cases.list(limit=10_000):
                require(view.journal.verify(case.id), "G1", f"the journal of {case.id} is broken")
                self.c1_liveness(case)
                self.b4_attribution(case)
                attempts = view.attempts.of_invoice(case.account, case.invoice)
                self.e14_revision(case, attempts, view.actions.of_case(case.id))
                for attempt in attempts:
                    made = by_key.pop(attempt.idempotency_key, None)
                    self.b1_truth(attempt.idempotency_key, attempt.state, made["status"] if made else None)
        require(not by_key, "A3", f"charges without a stored attempt: {list(by_key)}")
        self.c2_c5_c8_actions()

    def e14_revision(self, case: RecoveryCase, attempts: Sequence[Attempt], actions: Sequence[FinalAction]) -> None:
        """E14: an attempt says the revision of its case, or one its case had before `migrate: true` moved it."""
        if self.policies is not None:
            self.policies.e14_pinned(case, attempts, actions)
        for each in attempts:
            said = f"{each.idempotency_key} says revision {each.revision}, its case {case.revision}"
            require(self.policies is not None or each.revision == case.revision, "E14", said)
            require(self.rig.parts.state.revision(each.revision) is not None, "E14", f"{said}, never applied")

    def c1_liveness(self, case: RecoveryCase) -> None:
        """C1: final, or waiting for a cause that stands, or for the end of a subscription that is scheduled (G15)."""
        account = worlds.book(self.rig.world)
        subscription = account.get("subscription", case.subscription)
        ends = subscription["cancel_at"] is not None and subscription["status"] != "canceled"
        ours = ends and subscription["metadata"].get("fp_cancel") == case.id
        if case.is_final():
            require(not (ours and subscription["cancel_at_period_end"]), "G15", f"{case.id} left its flag behind")
            require(case.due_at is None, "G15", f"{case.id} has ended and still owes something")
            return
        if case.state is CaseState.FINISHING and ends:
            return
        if case.state is CaseState.WAITING_FOR_CUSTOMER and case.due_at == case.window_until:
            left = case.window_until.since(self.rig.now)  # the window grew by the time for which the case was parked
            require(Span(0) < left < PARKED_AT_MOST, "C1", f"{case.id} waits for {left.text()} after the end")
            return
        words = f"{case.id} is still {case.state} ({case.closed_because}), due {case.due_at}"
        require(case.state in STANDING, "C1", words)
        causes = STANDING[case.state]
        require(causes is None or case.closed_because in causes, "C1", words)

    def b4_attribution(self, case: RecoveryCase) -> None:
        """B4: RECOVERED exactly where a charge of ours took the money."""
        paid = self.rig.successes(case.invoice)
        own = our_charges(self.rig)
        ours = any(row["id"] in own for row in paid)
        require((case.state is CaseState.RECOVERED) == ours, "B4", f"{case.id} is {case.state}; paid by us: {ours}")
        account = worlds.book(self.rig.world)
        invoice = account.get("invoice", case.invoice)
        is_paid = invoice["status"] == "paid"
        paid_at = invoice["status_transitions"]["paid_at"]
        if is_paid and case.is_final() and case.ended_at is not None and paid_at >= case.ended_at.seconds:
            return  # paid after the end: for the books only, and only when its event arrives
        recovered = case.state in (CaseState.RECOVERED, CaseState.RECOVERED_ELSEWHERE)
        require(recovered == is_paid, "B4", f"{case.id} is {case.state}; the invoice reads paid: {is_paid}")

    def b1_truth(self, key: str, state: AttemptState, made: str | None) -> None:
        """B1: what an attempt is said to have come to is what Stripe's ledger says."""
        require(state not in BLOCKING_STATES, "B2", f"{key} is still {state}")
        if made is None:
            require(state is not AttemptState.APPROVED, "B1", f"{key} is approved and made no charge")
        else:
            wanted = AttemptState.APPROVED if made == "succeeded" else AttemptState.DECLINED
            require(state is wanted, "B1", f"{key} is {state}, and its charge {made}")

    def c2_c5_c8_actions(self) -> None:
        """C2, C8: each final action at most once. C5: nothing is written off before its subscription is cancelled."""
        account = worlds.book(self.rig.world)
        rows = [row for row in self.rig.world.ledger.rows if row["kind"] == "state"]
        states = [(row["object"], row["status"]) for row in rows]
        ours = [each for each, row in zip(states, rows, strict=True) if row["source"] == "request"]
        counts = Counter(each for each in ours if each[1] in ("canceled", "uncollectible"))
        require(all(count == 1 for count in counts.values()), "C2", counts)
        cancels = Counter(each.path for each in self.rig.requests if each.method == "DELETE" and each.status == 200)
        require(all(count == 1 for count in cancels.values()), "C8", cancels)
        for place, (object_, status) in enumerate(states):
            if status == "uncollectible" and rows[place]["source"] == "request":
                parent = account.get("invoice", object_)["parent"]["subscription_details"]["subscription"]
                require(
                    (parent, "canceled") in states[:place], "C5", f"{object_} was written off before {parent} ended"
                )


_FINAL = frozenset(
    {
        CaseState.RECOVERED,
        CaseState.RECOVERED_ELSEWHERE,
        CaseState.EXHAUSTED,
        CaseState.HARD_DECLINED,
        CaseState.CLOSED,
        CaseState.RELEASED,
    }
)
