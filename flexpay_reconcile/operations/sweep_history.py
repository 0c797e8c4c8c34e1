"""Take in what webhooks did not bring: events by a cursor, or charges and refunds where the key may read no events.

Events go into the same inbox as deliveries, insert wins (D3); a cursor moves when all before it is committed (D7).
Timers and cursors are rows of ours. Reads Stripe, and opens no case itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.config.events import ENABLED_EVENTS
from flexpay_reconcile.config.integration import Integration, Status
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import backfill_events, brake_check, connected, record_money, suspicion
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.account_access import ACCOUNT_LOST
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.history_reader import HistoryReader, HistoryReaderFor, Refund
from flexpay_reconcile.ports.rows import InboxEvent
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span

EVERY = Span.of(hours=6)
AFTER_OUTAGE = Span.of(minutes=15)
"""Apart from the sweep of open invoices, so that two that were refused together do not come together again."""
OVERLAP = Span.of(hours=1)
"""How far before its cursor a sweep looks: Stripe's lists are not promised to be complete to the second."""
GRACE = Span.of(minutes=15)
"""An event younger than this may still be on its way by webhook."""
KEPT = Span.of(days=30)
"""How long Stripe keeps events."""
MONEY_MOVES = Span.of(days=30)
"""A refund or a debit may end so long after it was made; the lists are read that far back where there are no events."""
ASK_AGAIN = Span.of(days=1)
"""How long it is believed that the key may not read events."""
_NO_PERMISSION = "E-stripe-403"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySweep:
    """One process's sweep of the past."""

    context: Context
    histories: HistoryReaderFor

    def next_due(self) -> Instant | None:
        """When the next sweep is due; None before the first apply."""
        running = self.context.running()
        if running is None:
            return None
        with self.context.store.reading() as view:
            return min((_due(view, running, each) for each in _swept(running)), default=None)

    def turn(self) -> int:
        """Sweep every integration that is due; returns how many events, charges and refunds were new."""
        running = self.context.running()
        if running is None:
            return 0
        found = 0
        for integration in _swept(running):
            now = self.context.clock.now()
            with self.context.store.reading() as view:
                if _due(view, running, integration) > now:
                    continue
            try:
                found += self._integration(running, integration)
                again = self._next(running, integration, now)
            except (TryLater, OperatorError) as problem:
                LOG.warning("history not swept", extra={"integration": integration.id, "because": problem.message})
                late = isinstance(problem, TryLater)
                again = now.plus(AFTER_OUTAGE if late else backfill_events.AFTER_REFUSAL)
            with self.context.store.begin() as unit:
                unit.marks.set(_timer(integration), again.text())
        return found

    def _next(self, running: AppliedConfiguration, integration: Integration, now: Instant) -> Instant:
        """Soon while webhooks are suspect, else with the next sweep of open invoices: one waking serves both."""
        with self.context.store.reading() as view:
            if suspicion.is_suspect(view, integration.id, now):
                return now.plus(suspicion.LOOK_EVERY)
            other = backfill_events.due(view, running, integration, now)
        return other if now < other < now.plus(EVERY) else now.plus(EVERY)

    def _integration(self, running: AppliedConfiguration, integration: Integration) -> int:
        began = backfill_events.began(self.context, running, integration)
        with self.context.store.reading() as view:
            accounts = connected.accounts_of(view, running, integration)
        found = 0
        for account, known_since in accounts:
            since = max(began, known_since) if known_since is not None else began
            one = _Account(self.context, integration, account, since.minus(backfill_events.LOOK_BACK))
            try:
                found += one.sweep(self.histories(integration, account))
            except OperatorError as problem:
                if problem.code != ACCOUNT_LOST:
                    raise
        return found


@dataclass(frozen=True, slots=True)
class _Account:
    """One account's sweep; `began` is before what it looks at at first.

    A page is committed when the next one comes, the last page of each list together with the cursors: most sweeps find
    one page or none, and take one commit.
    """

    context: Context
    integration: Integration
    account: AccountId
    began: Instant
    waiting: list[Callable[[UnitOfWork], int]] = field(default_factory=list)
    cursors: dict[str, Instant] = field(default_factory=dict)

    def sweep(self, reader: HistoryReader) -> int:
        now = self.context.clock.now()
        last = self._mark("swept")
        gap = last is not None and now.since(last) > KEPT
        refused, found, readable = self._mark("refused"), 0, False
        if refused is None or now.since(refused) >= ASK_AGAIN:
            try:
                found, readable, refused = self._events(reader), True, None
            except OperatorError as problem:
                if problem.code != _NO_PERMISSION:
                    raise
                refused = now
        with self.context.store.reading() as view:
            unread = suspicion.unread_since(view, self.integration.id, self.account)
        money = gap or not readable or unread is not None
        if money:
            found += self._money(reader, unread)
        with self.context.store.begin() as unit:
            found += self._flush(unit)
            if money and suspicion.unread_since(unit, self.integration.id, self.account) == unread:
                suspicion.lists_read(unit, self.integration.id, self.account)
            suspicion.events_readable(unit, self.integration.id, readable=readable)
            unit.marks.set(self._name("refused"), refused.text() if refused else "")
            if gap:
                LOG.warning("events were not read for thirty days", extra={"integration": self.integration.id})
                backfill_events.force(unit, self.integration)
            for what, newest in self.cursors.items():
                unit.marks.set(self._name(what), newest.text())
            unit.marks.set(self._name("swept"), now.text())
        return found

    def _events(self, reader: HistoryReader) -> int:
        """Every page is committed as it comes; the cursor only when all are, for the newest come first (D7)."""
        newest, found = self._mark("events"), 0
        since = newest.minus(OVERLAP) if newest else self.began
        for page in reader.events(ENABLED_EVENTS, since):
            rows = [row for body in page if (row := self._row(body)) is not None]
            found += self._put(partial(self._events_in, rows=rows))
            newest = max([row.created for row in rows] + ([newest] if newest else []), default=None)
        self._move("events", newest)
        return found

    def _put(self, write: Callable[[UnitOfWork], int]) -> int:
        """Commit the pages before this one; it is written with the next, or with the end."""
        found = 0
        if self.waiting:
            with self.context.store.begin() as unit:
                found = self._flush(unit)
        self.waiting.append(write)
        return found

    def _flush(self, unit: UnitOfWork) -> int:
        found = sum(write(unit) for write in self.waiting)
        self.waiting.clear()
        return found

    def _events_in(self, unit: UnitOfWork, rows: list[InboxEvent]) -> int:
        new = [row for row in rows if unit.inbox.put(row)]
        self._suspect(unit, [row.created for row in new])
        return len(new)

    def _row(self, body: bytes) -> InboxEvent | None:
        """As a delivery is stored; None for what is no event of this integration's mode and account (A16, D9)."""
        try:
            seen, kept = self.context.events.envelope(body), self.context.events.kept(body)
        except ValueError as bad:
            LOG.warning("an event was left out", extra={"integration": self.integration.id, "because": str(bad)})
            return None
        if seen.livemode != self.integration.environment.livemode or seen.account not in (None, self.account):
            return None
        return InboxEvent(
            integration_id=self.integration.id,
            event_id=seen.event_id,
            type=seen.type,
            object_id=seen.object_id,
            idempotency_key=seen.idempotency_key,
            created=Instant.from_seconds(seen.created),
            received_at=self.context.clock.now(),
            body=kept,
        )

    def _money(self, reader: HistoryReader, unread: Instant | None) -> int:
        """Charges since the cursor, the oldest debit on its way or what no event told; refunds of the last weeks."""
        newest, found = self._mark("charges"), 0
        since = newest.minus(OVERLAP) if newest else self.began
        back = self.context.clock.now().minus(MONEY_MOVES)
        with self.context.store.reading() as view:
            pending = view.transactions.oldest_pending(self.integration.id, self.account, back)
        starts = [since, *(each for each in (pending, unread and unread.minus(OVERLAP)) if each is not None)]
        for page in reader.charges(min(starts)):
            found += self._put(partial(self._charges, page=page))
            newest = max([each.created for each in page] + ([newest] if newest else []), default=None)
        for refunds in reader.refunds(max(self.began, min(since, back))):
            found += self._put(partial(self._refunds, page=refunds))
        self._move("charges", newest)
        return found

    def _charges(self, unit: UnitOfWork, page: tuple[Charge, ...]) -> int:
        late = self.context.clock.now().minus(GRACE)
        old = [each for each in page if each.created < late]
        missed = record_money.record_charges(unit, self.integration.id, old)
        if missed:
            self._suspect(unit, [each.created for each in old])
        young = [each for each in page if each.created >= late]
        return missed + record_money.record_charges(unit, self.integration.id, young)

    def _refunds(self, unit: UnitOfWork, page: tuple[Refund, ...]) -> int:
        for each in page:
            record_money.record_listed_refund(unit, self.integration.id, each)
        return 0

    def _suspect(self, unit: UnitOfWork, created: list[Instant]) -> None:
        now = self.context.clock.now()
        if any(each < now.minus(GRACE) for each in created):
            suspicion.suspect(unit, self.integration.id, now)

    def _name(self, what: str) -> str:
        return f"history-{what}:{self.integration.id}:{self.account}"

    def _mark(self, what: str) -> Instant | None:
        with self.context.store.reading() as view:
            text = view.marks.get(self._name(what))
        return Instant.from_text(text) if text else None

    def _move(self, what: str, newest: Instant | None) -> None:
        """Kept with the end of the sweep: all before it is committed then (D7)."""
        if newest is not None:
            self.cursors[what] = newest


def _swept(running: AppliedConfiguration) -> list[Integration]:
    """A disabled integration hears of nothing new, neither by webhook nor by sweep (G14)."""
    return [each for each in running.configuration.integrations.values() if each.status is Status.ENABLED]


def _timer(integration: Integration) -> str:
    return f"history:{integration.id}"


def hurry(unit: UnitOfWork, integration: Integration, now: Instant) -> None:
    """The next sweep is due now: events may have been lost."""
    unit.marks.set(_timer(integration), now.text())


def _due(view: UnitOfWork, running: AppliedConfiguration, integration: Integration) -> Instant:
    text = view.marks.get(_timer(integration))
    due = Instant.from_text(text) if text else running.applied_at
    # A refused key is asked by one and left alone by the others (E8).
    held = (brake_check.open_until(view, integration.id), backfill_events.not_before(view, integration))
    return max([due, *(each for each in held if each is not None)])
