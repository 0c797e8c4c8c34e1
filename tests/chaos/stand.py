"""One round's ground, daemons and time: started, ended and let pass with every end looked at. Plans nothing."""

from __future__ import annotations

import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import worlds
from tests.chaos.deeds import Deeds
from tests.chaos.disk import Disk, open_disk
from tests.chaos.ground import LOCK_HELD, Advance, Ground, Process, Stuck
from tests.chaos.tally import Tally


class Breach(Exception):
    """Something is wrong before the ledger is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of each a round does."""

    seed: int
    kills: int
    named_share: float = 0.65
    stops: int = 2
    disks: int = 1
    disk: str = "any"
    bug: str | None = None
    customers: int = 24
    trace: Path | None = None
    verbose: bool = False


class Stand:
    """What a round stands on."""

    def __init__(self, plan: Plan, tally: Tally, folder: Path) -> None:
        """Nothing is started."""
        self.plan, self.tally = plan, tally
        self.rng = random.Random(f"round {plan.seed}")
        self.recipe = worlds.draw(plan.seed, customers=plan.customers)
        self.folder = folder
        self.disk: Disk = open_disk(folder / "state", plan.disk)
        self.ground = Ground(folder, self.disk.folder)
        self.deeds = Deeds(self.ground, list(self.recipe.customers), self.rng)
        self._passing: Advance | None = None
        self._flowed_from = 0
        self._took = 0.5

    def _say(self, words: str) -> None:
        if self.plan.verbose:
            print(
                f"seed {self.plan.seed}, {time.monotonic():.1f} s, {self.ground.now}: {words}",
                file=sys.stderr,
                flush=True,
            )

    # -- processes -----------------------------------------------------------------------------------------------

    def _daemon(self, host: str = "", *, follows: bool = True, **hooks: str) -> Process:
        """A daemon; where the other one's lease is still good, time passes until it is not."""
        if self.plan.bug:
            hooks["BUG"] = self.plan.bug
        if self.plan.trace:
            hooks["TRACE"] = str(self.plan.trace)
        for _ in range(30):
            process = self.ground.start_daemon(host, follows=follows, **hooks)
            if process.code != LOCK_HELD:
                break
            self._settle()
            self._pass(360)
        else:
            raise Stuck(f"no daemon gets the lease\n{process.told()}")
        if process.code is not None and process.code != -signal.SIGKILL:
            raise Breach(f"a daemon ended by itself with {process.code}\n{process.told()[-3000:]}")
        self._no_traceback(process)
        self.ground.back()
        return process

    def _dead(self, process: Process, point: str | None) -> None:
        """Killed; by itself only where it was told to."""
        if process.code not in (None, -signal.SIGKILL):
            raise Breach(f"a daemon ended by itself with {process.code}\n{process.told()[-3000:]}")
        process.kill()
        self.ground.away(self._flowed_from)
        self._no_traceback(process)
        self.tally.killed(point)

    @staticmethod
    def _no_traceback(process: Process) -> None:
        told = process.told()
        for word in ("Traceback", "invariant broken", "unexpected fault"):
            if word in told:
                raise Breach(f"a daemon says {word!r}:\n{told[told.index(word) - 1000 : told.index(word) + 3000]}")

    # -- time ----------------------------------------------------------------------------------------------------

    def _flow(self, seconds: int) -> Advance:
        """Time begins to pass."""
        self._settle()
        self._flowed_from = self.ground.now
        self._passing = Advance(self.ground, seconds)
        self._passing.start()
        return self._passing

    def _settle(self) -> None:
        """What was passing has passed."""
        if self._passing is not None:
            began = time.monotonic()
            self._passing.finish()
            self._took = 0.7 * self._took + 0.3 * min(time.monotonic() - began + 0.1, 3.0)
            self._passing = None

    def _pass(self, seconds: int) -> None:
        """So much time passes."""
        self._flow(seconds)
        self._settle()
