"""Reduces events that an earlier version stored whole to the fields that are kept (G2). Runs once over a state.

Changes nothing but bodies: an event stays stored under its id, processed or not, and its signal stays the same.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.rows import InboxEvent

_MARK = "inbox_reduced"
_ALL = "all"
_BATCH = 500


class Reducer:
    """Goes through the inbox in batches; the place it has come to survives a restart."""

    def __init__(self, context: Context) -> None:
        """Not begun; the first turn asks the state how far an earlier process came."""
        self._context = context
        self._over = False

    def turn(self) -> int:
        """One batch; returns how many bodies were reduced."""
        if self._over:
            return 0
        with self._context.store.reading() as view:
            mark = view.marks.get(_MARK)
        if mark == _ALL:
            self._over = True
            return 0
        changed = 0
        with self._context.store.begin() as unit:
            rows = unit.inbox.after(int(mark or 0), _BATCH)
            for _, event in rows:
                body = self._kept(event)
                if body != event.body:
                    unit.inbox.rewrite(replace(event, body=body))
                    changed += 1
            unit.marks.set(_MARK, str(rows[-1][0]) if len(rows) == _BATCH else _ALL)
        return changed

    def _kept(self, event: InboxEvent) -> bytes:
        """What is kept; of a body that is no event nothing is: it could never be processed either."""
        try:
            return self._context.events.kept(event.body)
        except ValueError:
            LOG.warning("a stored event cannot be read; its body was dropped", extra={"event": event.event_id})
            return b"{}"
