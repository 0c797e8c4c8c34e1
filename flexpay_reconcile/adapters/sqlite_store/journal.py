"""The journal: the story of each case, append-only, each entry chained to the one before. Writes no story itself."""

from __future__ import annotations

import orjson

from flexpay_reconcile.adapters.sqlite_store import bodies, queries
from flexpay_reconcile.adapters.sqlite_store.session import Row, Session
from flexpay_reconcile.ports.rows import StoredEntry
from flexpay_reconcile.recovery.journal import GENESIS, Entry, EntryKind, chain
from flexpay_reconcile.values.ids import CaseId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("journal")


class SqliteJournal:
    """The journal within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def append(self, entry: Entry) -> None:
        """Add to the end of the case's chain."""
        last, previous = self._head(entry.case_id)
        sequence = last + 1
        row = {
            "case_id": entry.case_id,
            "sequence": sequence,
            "at": entry.at.ms,
            "kind": entry.kind.value,
            "text": entry.text,
            "facts": orjson.dumps(entry.facts).decode(),
            "hash": chain(previous, sequence, entry),
        }
        self._session.change(_SQL["append"], row)
        head = {"case_id": entry.case_id, "sequence": sequence, "hash": row["hash"]}
        self._session.change(_SQL["move_head"], head)

    def of_case(self, case_id: CaseId) -> tuple[StoredEntry, ...]:
        """The whole story, oldest first."""
        return tuple([_stored(case_id, row) for row in self._session.all(_SQL["of_case"], {"case_id": case_id})])

    def verify(self, case_id: CaseId) -> bool:
        """Whether the chain is unbroken, from its first entry to the last one that was written."""
        previous, sequence = GENESIS, 0
        try:
            for stored in self.of_case(case_id):
                sequence += 1
                if stored.sequence != sequence or stored.hash != chain(previous, sequence, stored.entry):
                    return False
                previous = stored.hash
        except ValueError:  # a kind that does not exist, written by somebody else
            return False
        return (sequence, previous) == self._head(case_id)

    def _head(self, case_id: CaseId) -> tuple[int, str]:
        row = self._session.one(_SQL["head"], {"case_id": case_id})
        return (0, GENESIS) if row is None else (int(row[0]), str(row[1]))


def _stored(case_id: CaseId, row: Row) -> StoredEntry:
    entry = Entry(case_id=case_id, at=Instant(row[1]), kind=EntryKind(row[2]), text=row[3], facts=bodies.parse(row[4]))
    return StoredEntry(sequence=row[0], entry=entry, hash=row[5])
