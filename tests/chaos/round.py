"""One round: a merchant, its daemons, and everything that ends, stops or starves them; then quiet, then the judge.

The order of what is done comes from the seed. What a process is doing in the instant it is killed does not: that is why
it is done.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.chaos import worlds
from tests.chaos.ground import LOCK_HELD, PATIENCE, Process, Refused, Stuck
from tests.chaos.judge import Verdict, judge
from tests.chaos.stand import Breach, Plan, Stand
from tests.chaos.tally import Tally

HOUR = worlds.HOUR
STEP = 240
TAKEN_OVER = 480
"""Seconds that pass while a daemon stands still: with a step before, longer than the lease of five minutes, and
shorter than the fifteen after which a process stopped between its last look and its first byte cannot be fenced."""
OTHER = "another-machine"


class Round(Stand):
    """One of them. `play` says what it came to."""

    def play(self) -> Verdict:
        """Begin, do everything in the seed's order, come to rest, judge; everything started is ended."""
        try:
            self._begin()
            tasks: list[Callable[[], None]] = [self._kill_at_a_point] * round(self.plan.kills * self.plan.named_share)
            tasks += [self._kill_at_random] * (self.plan.kills - len(tasks))
            tasks += [self._stand_still] * self.plan.stops
            tasks += [self._no_room, self._read_only] * self.plan.disks
            self.rng.shuffle(tasks)
            for task in tasks:
                if self.tally.interrupted.is_set():
                    raise Breach("interrupted")
                self._say(task.__name__)
                task()
            self._say(f"rest, after {dict(self.deeds.done)}")
            self._rest()
            verdict = judge(self.ground)
            self.tally.note(f"rounds with the state on {self.disk.name}")
            self._say(f"judged: {verdict}")
            return verdict
        finally:
            self.ground.end()
            self.disk.close()

    # -- before and after ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.ground.start_simulator(worlds.write(self.recipe, self.folder, self.ground.port))
        for name in self.recipe.customers:
            self.deeds.own_card(name)
        if self.recipe.take_over:  # some have failed before we come
            for name in list(self.recipe.customers)[:6]:
                self.deeds.decline(name)
            self.ground.control("advance", days=8)
        done = self.ground.command("apply", "--auto-approve")
        if done.returncode:
            raise Breach(f"apply ended with {done.returncode}: {done.stdout}{done.stderr}")

    def _rest(self) -> None:
        """Faults off: banks are content, customers settle what waits for them, and time passes until all has ended."""
        self.deeds.give_back()
        self._daemon()
        for name in self.recipe.customers:
            self.ground.control("approve", customer=name)
        for _ in range(7):
            self._pass(2 * worlds.DAY)
        for row in self.ground.rows("invoices", status="open"):
            with contextlib.suppress(Refused):  # paying one may have settled another
                self.ground.control("pay-elsewhere", customer=row["customer"], how="out_of_band")
        for _ in range(9):
            self._pass(4 * worlds.DAY)
        daemon = self.ground.daemons[""]
        daemon.send(signal.SIGTERM)
        try:
            code = daemon.popen.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Stuck(f"SIGTERM does not end the daemon\n{daemon.told()[-2000:]}") from None
        if code != -signal.SIGTERM and code != 128 + signal.SIGTERM:
            raise Breach(f"SIGTERM ended the daemon with {code}")

    # -- what is done to them ------------------------------------------------------------------------------------

    def _kill_at_random(self) -> None:
        """`kill -9` in an instant that nobody chose; now and then in its first work."""
        process = self._daemon(follows=self.rng.random() < 0.8)
        self._settle()
        self.deeds.some(self.rng.randrange(1, 4))
        self._flow(self.rng.randrange(6, 37) * HOUR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(timeout=self.rng.uniform(0.0, 2.0 * self._took))
        self._dead(process, None)

    def _kill_at_a_point(self) -> None:
        """Dies at a named point, the first it reaches of those that are wanted; else it is killed at random."""
        wanted, skip = self.tally.wanted(self.rng)
        listed, told = self.folder / "die-at", self.folder / "died-at"
        listed.write_text("\n".join(wanted), encoding="utf-8")
        told.unlink(missing_ok=True)
        process = self._daemon(DIE_AT=str(listed), SKIP=str(skip), TOLD=str(told))
        for _ in range(4):
            self.ground.wait(lambda: process.code is not None or self._passed(), "neither dead nor at rest", process)
            if process.code is not None:
                break
            self._settle()
            self.deeds.some(self.rng.randrange(1, 4))
            self._flow(self.rng.randrange(6, 37) * HOUR)
        self._dead(process, told.read_text(encoding="utf-8").strip() if told.exists() else None)

    def _passed(self) -> bool:
        return self._passing is None or self._passing.over.is_set()

    def _stand_still(self) -> None:
        """Two daemons on one database; one stands still beyond its lease, the other takes over, and it wakes again."""
        told = self.folder / "stopped-at"
        told.unlink(missing_ok=True)
        listed = self.folder / "stop-at"
        choice = [each for each in self.tally.names if "after" in each or "before pay" in each]
        listed.write_text("\n".join(self.rng.sample(choice, len(choice) // 2)), encoding="utf-8")
        first = (
            self._daemon(DIE_AT=str(listed), SKIP=str(self.rng.randrange(8)), TOLD=str(told), DO="stop")
            if self.rng.random() < 0.7
            else self._daemon()
        )
        if self.rng.random() < 0.5:
            self._refused_beside()
        second = None
        if not first.stands_still():
            self._settle()
            self.deeds.some(4)
            self._pass(self.rng.randrange(HOUR))
            if not first.stands_still():
                second = self._daemon(OTHER)
        if second is not None:
            for _ in range(self.rng.randrange(1, 40)):
                if first.stands_still():
                    break
                self._pass(STEP)
            if not first.stands_still():
                self._flow(STEP)
                first.send(signal.SIGSTOP)
        self.ground.out_of_its_commit(first)
        self.ground.away(self._flowed_from)
        self._settle()
        if second is None:
            second = self._other_after_the_lease()
        self._pass(TAKEN_OVER)
        first.send(signal.SIGCONT)
        self.ground.back()
        self.tally.note("stops beyond the lease" + (" at a named point" if told.exists() else ""))
        self._pass(self.rng.randrange(6, 30) * HOUR)
        self._one_of_two_goes(first, second)

    def _other_after_the_lease(self) -> Process:
        """The first stopped before the second was there: nobody works until its lease is over."""
        self._pass(STEP)
        return self._daemon(OTHER)

    def _one_of_two_goes(self, first: Process, second: Process) -> None:
        """One is killed while both work, time goes on with the other, which is killed then."""
        both = [first, second]
        self.rng.shuffle(both)
        for process in both:
            self._flow(self.rng.randrange(6, 24) * HOUR)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(timeout=self.rng.uniform(0.0, self._took))
            self._dead(process, None)
        self.tally.note("pairs of daemons on one database")

    def _refused_beside(self) -> None:
        """A second daemon of the same machine is refused while the first lives, stopped or not."""
        live = self.ground.daemons[""]
        process = self.ground.start_daemon()
        self.ground.daemons[""] = live
        if process.code != LOCK_HELD:
            raise Breach(f"a second daemon beside a living one ended with {process.code}\n{process.told()[-2000:]}")
        self._no_traceback(process)
        self.tally.note("second daemons refused")

    def _no_room(self) -> None:
        """The disk is full for a day or two; the daemon lives on, and so does one that is started then or later."""
        process = self._daemon()
        self._settle()
        self.deeds.some(4)
        full_from = self.ground.now
        with self.disk.full(process):
            self._pass(self.rng.randrange(12, 49) * HOUR)
            self.ground.absences.append((full_from, self.ground.now))  # nothing can be written: nothing is begun
            if process.code is not None:
                raise Breach(f"a full disk ended the daemon with {process.code}\n{process.told()[-2000:]}")
            if self.rng.random() < 0.5:
                self._dead(process, None)
        self.tally.note("times no room on the disk")
        if process.code is None:
            self._pass(self.rng.randrange(2, 12) * HOUR)
            self._dead(process, None)

    def _read_only(self) -> None:
        """Where nothing may be written no daemon starts, and says so in one line."""
        self._settle()
        with self.disk.read_only() as real:
            if not real:
                self.tally.note("times read-only left out: this user may write anyway")
                return
            process = self.ground.start_daemon()
            told = process.told()
            if process.code in (None, 0) or "E-state" not in told:
                raise Breach(f"on a read-only state the daemon ended with {process.code}\n{told}")
            self._no_traceback(process)
        self.tally.note("times read-only")


def play(plan: Plan, tally: Tally) -> None:
    """One round in a folder of its own; what is wrong is told to the tally."""
    with tempfile.TemporaryDirectory(prefix="flexpay-chaos-") as folder:
        try:
            tally.judged(plan.seed, Round(plan, tally, Path(folder)).play())
        except (Breach, Stuck, Refused, OSError, subprocess.SubprocessError) as problem:
            tally.failed(plan.seed, f"{type(problem).__name__}: {problem}")
