"""Which policy was applied when, and what a case may therefore say of itself (E14). Applies a changed one too.

What is written here is what was applied, in the campaign's own words; no revision is asked of the engine but its number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionState, FinalAction
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.protocol.faults import FaultScript
from flexpay_reconcile.values.ids import CaseId
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import require

DAY = 86_400
MIGRATE = "    migrate: {migrate}\n"


class Policies:
    """The revisions of one run: for each what its manifest chose, whether cases move to it, and since when it runs."""

    def __init__(self, fleet: Fleet, manifest: dict[str, Any]) -> None:
        """`manifest` is what the fleet began with."""
        self.fleet = fleet
        self.now = dict(manifest)
        self.terms: dict[int, dict[str, Any]] = {}
        self.since: dict[int, int] = {}
        self.moving: set[int] = set()
        self._began: dict[CaseId, int] = {}
        self._note(migrate=False)

    def _note(self, *, migrate: bool) -> None:
        latest = self.fleet.parts.state.latest()
        require(latest is not None, "E14", "nothing is applied")
        if latest is not None:
            self.terms[latest.revision] = dict(self.now)
            self.since[latest.revision] = self.fleet.world.now
            self.moving |= {latest.revision} if migrate else set()

    def change(self, *, migrate: bool, **choices: Any) -> None:
        """Somebody applies the manifest with other choices; open cases move, or stay with what they began under."""
        more = MIGRATE.format(migrate=str(migrate).lower()) + str(self.now["more"])
        loaded = worlds.manifest(**{**self.now, **choices, "more": more})
        before = self._keep_began()
        with self._undisturbed():
            arm.apply(self.fleet, loaded)
        latest = self.fleet.parts.state.latest()
        if latest is None or latest.revision == before:
            return  # the choices that differ mean nothing in this manifest: there was nothing to apply
        self.now |= choices
        self._note(migrate=migrate)
        require(max(self.terms) == before + 1, "E14", f"revision {before} is not followed by the next")

    def _keep_began(self) -> int:
        """The revision in force; the cases opened since the one before began under it."""
        latest = max(self.terms)
        with self.fleet.parts.store.reading() as view:
            for case in view.cases.list(limit=10_000):
                self._began.setdefault(case.id, latest)
        return latest

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """No fault of calls, crash or judge meets an apply here: what may befall one is tested elsewhere (E5)."""
        fleet, sim, sent = self.fleet, self.fleet.world.sim, len(self.fleet.requests)
        hooks: tuple[list[Any], ...] = (
            fleet.before_call,
            fleet.after_call,
            fleet.change_answer,
            fleet.before_commit,
            fleet.after_commit,
        )
        kept, faults = [list(each) for each in hooks], sim.faults
        for each in hooks:
            each.clear()
        sim.faults = FaultScript()
        try:
            yield
        finally:
            sim.faults = faults
            for each, before in zip(hooks, kept, strict=True):
                each.extend(before)
            del fleet.requests[sent:]
        fleet._due.clear()  # what was committed meanwhile may be due earlier

    # -- what follows from it ------------------------------------------------------------------------------------

    def delay_of(self, revision: int) -> int:
        """Seconds between the end of recovery and the cancellation under a revision."""
        terms = self.terms_of(revision)
        return terms["delay_days"] * DAY if "_with_delay" in terms["action"] else 0

    def most_of(self, revisions: Iterable[int]) -> int:
        """The most attempts that any of these revisions gives."""
        return max(int(self.terms_of(each)["attempts"]) for each in revisions)

    def terms_of(self, revision: int) -> dict[str, Any]:
        """What a revision says; E14 where none of that number was ever applied."""
        require(revision in self.terms, "E14", f"revision {revision} is said and was never applied")
        return self.terms[revision]

    def e14_pinned(self, case: RecoveryCase, attempts: Sequence[Attempt], actions: Sequence[FinalAction]) -> None:
        """E14: a case keeps the revision it began under, but for those that say `migrate: true`; so do its attempts.

        What was decided after the move says the revision moved to; nothing says one that was not applied yet.
        """
        began = self._began.get(case.id, max(self.terms))
        sent = {each.key: each.at for each in reversed(self.fleet.pays())}
        had = {began} | {each for each in self.moving if each > began}
        words = f"{case.id} of revision {began} says {case.revision}; its cases may say {sorted(had)}"
        require(case.revision in had, "E14", words)
        for each in attempts:
            said = f"{each.idempotency_key} says revision {each.revision}, its case {case.revision}"
            require(each.revision in had and each.revision <= case.revision, "E14", said)
            first = sent.get(each.idempotency_key, self.fleet.world.now)
            require(first >= self.since[each.revision], "E14", f"{said}, which was applied later")
        numbers = [each.revision for each in sorted(attempts, key=lambda each: each.number)]
        require(numbers == sorted(numbers), "E14", f"{case.id} goes back: {numbers}")
        for action in actions:
            owed = action.state is not ActionState.PLANNED or action.revision == case.revision
            require(action.revision in had and owed, "E14", f"{action.kind} of {case.id} says {action.revision}")
