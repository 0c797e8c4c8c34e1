"""What the integration tests stand on: one folder, one simulator, daemons, and the command line, all as real processes.

Every wait has an end. Only processes started here are ended, each by its handle.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "01-one-account"
FLEXPAY = (sys.executable, "-m", "flexpay_reconcile")
PATIENCE = 60.0
ADVANCE_PATIENCE = 240.0


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Ground:
    """A folder with the example in it, whose webhook address has a port of its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    simulator_url: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    daemons: int = 0

    @property
    def example(self) -> Path:
        """The copy of the example; commands run in it."""
        return self.folder / "01-one-account"

    @property
    def state(self) -> Path:
        """The state file."""
        return self.folder / "state.db"

    def lay_out(self) -> None:
        """Copy the example, and give the webhook the port of this test."""
        shutil.copytree(EXAMPLE, self.example)
        manifest = self.example / "flexpay.yaml"
        text = manifest.read_text(encoding="utf-8")
        assert "127.0.0.1:8787" in text
        manifest.write_text(text.replace("127.0.0.1:8787", f"127.0.0.1:{self.port}"), encoding="utf-8")
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        self.environ = {**inherited, "FLEXPAY_STATE": str(self.state)}

    def start(self, *arguments: str, stderr: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """A process of ours; its standard output is a pipe, its standard error a file."""
        log = stderr or self.folder / f"process-{len(self.started)}.err"
        with log.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [*FLEXPAY, *arguments],
                cwd=self.example,
                env=self.environ | more,
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only resets one signal
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str, timeout: float = PATIENCE, **more: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            [*FLEXPAY, *arguments],
            cwd=self.example,
            env=self.environ | more,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def ok(self, *arguments: str, timeout: float = PATIENCE, **more: str) -> str:
        """The standard output of a command that must end with 0."""
        done = self.run(*arguments, timeout=timeout, **more)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON a command prints."""
        return json.loads(self.ok(*arguments, "--format", "json"))

    def advance(self, days: int) -> None:
        """Let virtual days pass."""
        self.ok("simulator", "advance", "--days", str(days), timeout=ADVANCE_PATIENCE)

    def start_simulator(self) -> subprocess.Popen[str]:
        """A simulator on a free port; its keys and its address are in the environment afterwards."""
        keys = self.folder / "sim.env"
        scenario = str(self.example / "scenario.yaml")
        process = self.start("simulator", "serve", "--port", "0", "--scenario", scenario, "--env-file", str(keys))
        line = first_line(process)
        assert line.startswith("ready http://127.0.0.1:"), line
        self.simulator_url = line.removeprefix("ready ")
        pairs = (each.partition("=") for each in keys.read_text(encoding="utf-8").splitlines())
        self.environ |= {name: value for name, _, value in pairs}
        self.environ["FLEXPAY_STRIPE_API"] = self.simulator_url
        return process

    def start_daemon(self, **more: str) -> tuple[subprocess.Popen[str], Path]:
        """A daemon that has said it is ready, and its log."""
        self.daemons += 1
        log = self.folder / f"daemon-{self.daemons}.err"
        process = self.start("daemon", "--listen", f"127.0.0.1:{self.port}", stderr=log, **more)
        wait_until(lambda: '"message": "ready"' in log.read_text(encoding="utf-8"), process, log)
        return process, log

    def end(self) -> None:
        """End what still runs of what was started here."""
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=15)
            if process.stdout is not None:
                process.stdout.close()


def heed_interrupts() -> None:
    """A shell that starts the tests in the background lets its children ignore SIGINT; ours must not inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line on standard output, waited for with an end."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    assert ready, "no line on standard output"
    return process.stdout.readline().rstrip("\n")


def wait_until(condition: Any, process: subprocess.Popen[str], log: Path) -> None:
    """Poll until it holds; fail with the log when the process ends first or patience does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        told = log.read_text(encoding="utf-8")
        assert process.poll() is None, f"ended with {process.returncode}:\n{told}"
        assert time.monotonic() < deadline, f"not in time:\n{told}"
        time.sleep(0.05)


def kill(process: subprocess.Popen[str]) -> None:
    """As `kill -9` does it."""
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=PATIENCE)
