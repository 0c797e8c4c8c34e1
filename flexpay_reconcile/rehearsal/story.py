"""One case told from its first decline to its end, from the journal alone. Chooses the case; invents nothing."""

from __future__ import annotations

from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import EntryKind

_SHOWN = frozenset(EntryKind) - {EntryKind.SUBMITTING}


def choose(store: Store) -> RecoveryCase | None:
    """The case worth telling: recovered after the most attempts, then by id, so that the choice repeats."""
    with store.reading() as view:
        cases = view.cases.list(states=[CaseState.RECOVERED], limit=1_000_000)
    return max(cases, key=lambda each: (min(each.attempts_used, 4), each.id), default=None)


def tell(store: Store, case: RecoveryCase) -> list[str]:
    """One line an entry: UTC and the sentence of the journal."""
    with store.reading() as view:
        entries = view.journal.of_case(case.id)
    return [
        f"{stored.entry.at.short_text().removesuffix(' UTC')}  {stored.entry.text}"
        for stored in entries
        if stored.entry.kind in _SHOWN
    ]
