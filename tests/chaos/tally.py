"""What a chaos run has done so far, shared by its rounds, and how it is told. Starts nothing."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos import points
from tests.chaos.judge import Verdict


@dataclass(slots=True)
class Tally:
    """Counts; every method may be called from any round's thread."""

    names: tuple[str, ...] = field(default_factory=points.names)
    random_kills: int = 0
    named: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    charges: int = 0
    ours: int = 0
    rounds: int = 0
    breaches: list[str] = field(default_factory=list)
    interrupted: threading.Event = field(default_factory=threading.Event)
    """Rounds end what they have started and go no further."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def killed(self, point: str | None) -> None:
        """One kill, at random or at a named point."""
        with self._lock:
            if point is None:
                self.random_kills += 1
            else:
                self.named[point] += 1

    def note(self, what: str, count: int = 1) -> None:
        """Something else that was done."""
        with self._lock:
            self.happened[what] += count

    def judged(self, seed: int, verdict: Verdict) -> None:
        """One round is over."""
        with self._lock:
            self.rounds += 1
            self.cases += verdict.cases
            self.charges += verdict.charges
            self.ours += verdict.ours
            self.breaches += [f"seed {seed}: {each}" for each in verdict.breaches]

    def failed(self, seed: int, words: str) -> None:
        """One round did not come to its end."""
        with self._lock:
            self.breaches.append(f"seed {seed}: {words}")

    def wanted(self, rng: random.Random) -> tuple[tuple[str, ...], int]:
        """The points the next daemon may die at, and how many of them it passes first: those never died at, mostly."""
        with self._lock:
            missing = tuple(each for each in self.names if not self.named[each])
        if missing and rng.random() < 0.9:
            return missing, 0
        return tuple(rng.sample(self.names, 12)), rng.randrange(4)

    def missing(self) -> list[str]:
        """Points no daemon died at."""
        return [each for each in self.names if not self.named[each]]

    @property
    def kills(self) -> int:
        """All of them."""
        return self.random_kills + self.named.total()

    def text(self, seconds: float, *, each: bool = True) -> str:
        """For a person."""
        covered = len(self.names) - len(self.missing())
        how = (
            f"{self.kills} kills in {self.rounds} rounds, {seconds:.0f} s: {self.random_kills} at random instants, "
            f"{self.named.total()} at named points; points covered {covered} of {len(self.names)}"
        )
        lines = [
            how,
            *(f"  {self.named[name]:4d}  {name}" for name in self.names if each and self.named[name]),
            *(["never died at: " + "; ".join(self.missing())] if each and self.missing() else []),
            *(f"{count} {what}" for what, count in sorted(self.happened.items())),
            f"{self.charges} charges, {self.ours} of them ours; {self.cases.total()} cases: "
            + ", ".join(f"{state} {count}" for state, count in sorted(self.cases.items())),
            f"{len(self.breaches)} violations",
            *self.breaches,
        ]
        return "\n".join(lines)
