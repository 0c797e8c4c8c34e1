"""One bounded turn of each loop, in order, with one rule for faults. Knows no clock and starts no thread.

A broken invariant stops the loops that can charge or cancel, and nothing else: the inbox keeps taking events (G4).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from flexpay_reconcile.errors import BrokenInvariant, FlexpayError
from flexpay_reconcile.values.instant import Instant

LOG = logging.getLogger("flexpay")
MAX_TURNS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One loop: its name, one bounded turn that returns how much it did, and whether it may charge or cancel."""

    name: str
    turn: Callable[[], int]
    moves_money: bool = False


@dataclass(slots=True, kw_only=True)
class Loops:
    """All loops of one process, in the order in which they turn."""

    loops: tuple[Loop, ...]
    next_due: Callable[[], Instant | None]
    now: Callable[[], Instant]
    held: Callable[[], str | None] = lambda: None
    """Why nothing may be charged or cancelled for now; None when it may."""
    charging_stopped: str | None = None
    progress: dict[str, Instant] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def turn(self) -> int:
        """One turn of each; returns how much was done altogether."""
        return sum(self._one(loop) for loop in self.loops)

    def until_quiet(self) -> int:
        """Turn while something is due at this moment; for virtual time. What cannot be done now is left for later."""
        done = 0
        for _ in range(MAX_TURNS):
            due = self.next_due()
            if due is None or due > self.now():
                return done
            worked = self.turn()
            done += worked
            if not worked:
                return done
        raise BrokenInvariant("the loops found work at one moment without end")

    def _one(self, loop: Loop) -> int:
        if loop.moves_money and (self.charging_stopped is not None or self.held() is not None):
            return 0
        try:
            done = loop.turn()
        except BrokenInvariant as broken:
            if loop.moves_money:
                self.charging_stopped = broken.message
            self.failures[loop.name] = broken.message
            facts = {"loop": loop.name, "because": broken.message, "charging_stopped": loop.moves_money}
            LOG.critical("invariant broken", extra=facts)
            return 0
        except FlexpayError as problem:
            self.failures[loop.name] = problem.message
            LOG.warning("loop turn failed", extra={"loop": loop.name, "because": problem.message, "code": problem.code})
            return 0
        except Exception as bug:
            # Nobody foresaw it, so nobody knows what it left half done: as bad as a broken invariant (G4).
            words = f"unexpected {type(bug).__name__}"
            if loop.moves_money:
                self.charging_stopped = words
            self.failures[loop.name] = words
            LOG.critical(
                "unexpected fault", extra={"loop": loop.name, "charging_stopped": loop.moves_money}, exc_info=bug
            )
            return 0
        self.progress[loop.name] = self.now()
        self.failures.pop(loop.name, None)
        return done
