"""The pace of a take-over: so much of the book a day, in small batches, so that nothing comes due as a herd. Pure.

One record an integration, for ever (G18, E11): it is ordered once, goes on where it stood, and ends once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Instant, Span

DAY = Span.of(days=1)
SHORTEST = Span.of(minutes=5)
"""Between two batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """How far a take-over is. `cursor` is the last invoice looked at; invoices made after `ordered_at` are not its own.

    `total` counts what was open and attempted when it was ordered, `looked` what it has looked at, `opened` its cases,
    `left` are invoices that could not be followed when their turn came: tried again when all pages are `listed`.
    """

    ordered_at: Instant
    total: int
    looked: int = 0
    opened: int = 0
    cursor: InvoiceId | None = None
    next_at: Instant
    finished_at: Instant | None = None
    left: tuple[InvoiceId, ...] = ()
    listed: bool = False

    @property
    def running(self) -> bool:
        """Whether it is still to go on."""
        return self.finished_at is None

    def text(self) -> str:
        """One line for the marks."""
        finished = self.finished_at.text() if self.finished_at else "-"
        parts = (self.ordered_at.text(), self.total, self.looked, self.opened, self.cursor or "-", self.next_at.text())
        rest = (",".join(self.left) or "-", "listed" if self.listed else "-")
        return " ".join(map(str, (*parts, finished, *rest)))

    @staticmethod
    def from_text(text: str) -> TakeOver:
        """The record back; BrokenInvariant when it is not one."""
        parts = text.split(" ")
        if len(parts) == 7:  # as it was written before invoices could be left
            parts += ["-", "-"]
        if len(parts) != 9 or not all(each.isdigit() for each in parts[1:4]):
            raise BrokenInvariant(f"the record of a take-over cannot be read: {text[:120]!r}")
        ordered, total, looked, opened, cursor, next_at, finished, left, listed = parts
        return TakeOver(
            ordered_at=Instant.from_text(ordered),
            total=int(total),
            looked=int(looked),
            opened=int(opened),
            cursor=None if cursor == "-" else InvoiceId(cursor),
            next_at=Instant.from_text(next_at),
            finished_at=None if finished == "-" else Instant.from_text(finished),
            left=() if left == "-" else tuple(InvoiceId(each) for each in left.split(",")),
            listed=listed == "listed",
        )


def per_day(total: int, percent: int) -> int:
    """How many invoices may be taken a day: the share of the book, rounded up, and at least one."""
    return max(1, -(-total * percent // 100))


def batch(total: int, percent: int) -> int:
    """How many are taken at once, so that batches are five minutes apart at most."""
    return max(1, per_day(total, percent) * SHORTEST.ms // DAY.ms)


def after_batch(record: TakeOver, taken: int, percent: int, now: Instant) -> TakeOver:
    """The record after so many were taken: the next come when this many's share of a day has passed.

    Reckoned from now, so that a downtime is not made up for in a rush.
    """
    pause = Span(DAY.ms * max(taken, 1) // per_day(record.total, percent))
    return replace(record, next_at=now.plus(max(pause, SHORTEST)))
