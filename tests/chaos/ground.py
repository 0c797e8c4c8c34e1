"""One world's processes: a simulator, daemons by machine, the command line, and the control interface. Judges nothing.

Every wait has an end. Only processes started here are ended, each by its handle.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.integration.ground import first_line, free_port, heed_interrupts

PATIENCE = 60.0
ADVANCE_PATIENCE = 240.0
ROOT = Path(__file__).resolve().parents[2]
LOCK_HELD = 6
FOLLOWS = "chaos: time may pass"
"""What a daemon of ours says when it has done its first work and follows the clock."""


class Stuck(Exception):
    """Something did not come about in time; as bad as a violation, for it is one of liveness."""


class Refused(Exception):
    """The simulator does not do that now."""


class Process:
    """One process, its log, and what it is for."""

    def __init__(self, words: list[str], log: Path, environ: dict[str, str], folder: Path, *, port: int = 0) -> None:
        """Start it."""
        self.log = log
        self.port = port
        with log.open("w", encoding="utf-8") as errors:
            self.popen = subprocess.Popen(
                [sys.executable, *words],
                cwd=folder,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only resets one signal
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    @property
    def code(self) -> int | None:
        """How it ended, None while it runs."""
        return self.popen.poll()

    def told(self) -> str:
        """What it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ready(self, *, follows: bool = True) -> bool:
        """Whether a daemon has said that it listens, and that it follows the clock."""
        told = self.told()
        return '"message": "ready"' in told and (FOLLOWS in told or not follows)

    def stands_still(self) -> bool:
        """Whether it is stopped by a signal."""
        return Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        """A signal to it alone."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """As `kill -9` does it."""
        if self.code is None:
            self.popen.kill()
        self.popen.wait(timeout=PATIENCE)
        if self.popen.stdout is not None:
            self.popen.stdout.close()


class Advance(threading.Thread):
    """Time that passes while others do things: one call of the control interface."""

    def __init__(self, ground: Ground, seconds: int) -> None:
        """Not yet begun."""
        super().__init__(daemon=True)
        self._ground, self._seconds = ground, seconds
        self.failed: Exception | None = None
        self.over = threading.Event()

    def run(self) -> None:
        """Let it pass."""
        try:
            self._ground.control("advance", seconds=self._seconds)
        except (
            OSError,
            ValueError,
            Refused,
            http.client.HTTPException,
        ) as problem:  # told by `finish`, in the thread that waits
            self.failed = problem
        finally:
            self.over.set()

    def finish(self) -> None:
        """Wait for the end of it; Stuck when there is none."""
        if not self.over.wait(ADVANCE_PATIENCE):
            raise Stuck("the advance does not end: a daemon never came to rest")
        if self.failed is not None:
            raise Stuck(f"the advance failed: {self.failed}")


class Ground:
    """A folder, a state, and what runs on it."""

    def __init__(self, folder: Path, state_folder: Path | None = None) -> None:
        """Nothing runs yet."""
        self.folder = folder
        self.state = (state_folder or folder) / "state.db"
        self.port = free_port()
        self.url = ""
        self.now = 0
        self.daemons: dict[str, Process] = {}
        self.starts = 0
        self.absences: list[tuple[int, int]] = []
        """Spans of the simulator's seconds in which no daemon was at work, at their widest."""
        self._away: int | None = None
        self._started: list[Process] = []
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = {**inherited, "FLEXPAY_STATE": str(self.state), "PYTHONPATH": str(ROOT)}

    # -- processes -----------------------------------------------------------------------------------------------

    def start_simulator(self, scenario: Path) -> None:
        """A simulator; its keys and its address are in the environment afterwards."""
        keys = self.folder / "sim.env"
        words = ["-m", "tests.chaos.simulator", "serve", "--port", "0", "--scenario", str(scenario)]
        process = self._start([*words, "--env-file", str(keys)], self.folder / "simulator.err")
        line = first_line(process.popen)
        if not line.startswith("ready http://127.0.0.1:"):
            raise Stuck(f"no simulator: {line}\n{process.told()}")
        self.url = line.removeprefix("ready ")
        pairs = (each.partition("=") for each in keys.read_text(encoding="utf-8").splitlines())
        self.environ |= {name: value for name, _, value in pairs}
        self.environ["FLEXPAY_STRIPE_API"] = self.url

    def start_daemon(self, host: str = "", *, follows: bool = True, **hooks: str) -> Process:
        """A daemon that is ready, has ended, or has stopped itself at a point. Without a host it is this machine's own.

        Without `follows` it may still be at its first work.
        """
        self.starts += 1
        port = free_port() if host else self.port
        environ = self.environ | {f"CHAOS_{name}": value for name, value in hooks.items()}
        if host:
            environ["CHAOS_HOST"] = host
        words = ["-m", "tests.chaos.daemon", "--listen", f"127.0.0.1:{port}"]
        process = self._start(words, self.folder / f"daemon-{self.starts}.err", environ=environ, port=port)

        def there() -> bool:
            return process.code is not None or process.ready(follows=follows) or process.stands_still()

        self.wait(there, "no daemon", process)
        self.daemons[host] = process
        return process

    def at_work(self) -> bool:
        """Whether a daemon lives that nobody has stopped."""
        return any(each.code is None and not each.stands_still() for each in self.daemons.values())

    def away(self, since: int) -> None:
        """Nobody works any more, since this second at the earliest; nothing where somebody still does."""
        if self._away is None and not self.at_work():
            self._away = since

    def back(self) -> None:
        """Somebody works again."""
        if self._away is not None and self.at_work():
            self.absences.append((self._away, self.now))
            self._away = None

    def out_of_its_commit(self, process: Process) -> None:
        """A stopped process goes on for instants until it holds no lock on the database, and is stopped again.

        One that stands in a transaction shuts every other out, as it should: then nobody works, and nothing is shown.
        """
        for _ in range(1_000):
            self.wait(lambda: process.code is not None or process.stands_still(), "not stopped", process)
            if process.code is not None or not _locked(self.state):
                return
            process.send(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(timeout=0.01)
            process.send(signal.SIGSTOP)
        raise Stuck(f"a stopped daemon never leaves its transaction\n{process.told()}")

    def command(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command of the product to its end."""
        return subprocess.run(
            [sys.executable, "-m", "flexpay_reconcile", *words],
            cwd=self.folder,
            env=self.environ | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def end(self) -> None:
        """End what still runs of what was started here."""
        for process in reversed(self._started):
            process.kill()

    def _start(self, words: list[str], log: Path, *, environ: dict[str, str] | None = None, port: int = 0) -> Process:
        process = Process(words, log, environ or self.environ, self.folder, port=port)
        self._started.append(process)
        return process

    @staticmethod
    def wait(condition: Callable[[], bool], words: str, process: Process | None = None) -> None:
        """Poll until it holds; Stuck when patience ends first."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise Stuck(f"{words}\n{process.told() if process else ''}")
            time.sleep(0.01)

    # -- the simulator -------------------------------------------------------------------------------------------

    def control(self, verb: str, **given: Any) -> dict[str, Any]:
        """A verb of the control interface; Refused with its words."""
        return self._ask("POST", f"/_simulator/{verb}", json.dumps(given))

    def shown(self, document: str, **query: Any) -> dict[str, Any]:
        """A document of the control interface."""
        return self._ask("GET", f"/_simulator/{document}?{urlencode(query)}", None)

    def rows(self, document: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a paged document."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self.shown(document, limit=10_000, after=after, **query)
            found += page[document if document != "ledger" else "rows"]
            after = page["next"]
        return found

    def _ask(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ADVANCE_PATIENCE)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            content: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise Refused(str(content))
        self.now = content["now"]
        return content


def _locked(state: Path) -> bool:
    """Whether somebody is inside a transaction that may write."""
    with contextlib.closing(sqlite3.connect(state, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False
