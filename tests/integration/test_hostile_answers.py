"""Other programs behind `--stripe-api`: none is taken for a simulator, whatever it answers."""

from __future__ import annotations

import http.server
import threading

import pytest

from flexpay_reconcile.adapters.simulator_clock import SimulatorClock
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.values.instant import Instant

ANSWERS = (
    b"",
    b"<html>",
    b"\xff",
    b"[]",
    b"null",
    b'"x"',
    b"{}",
    b'{"now": null}',
    b'{"now": true}',
    b'{"now": "1767225600"}',
    b'{"now": 1e400}',
    b'{"now": NaN}',
    b'{"now": -5}',
    b'{"now": 99999999999999999999}',
    b"[" * 100_000,
)


class _Program(http.server.BaseHTTPRequestHandler):
    """Answers everything with the same bytes."""

    content = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    do_POST = do_GET  # noqa: N815 - the name the library asks for

    def log_message(self, *words: object) -> None:
        """Silence."""


@pytest.fixture
def program():
    """The address of another program, whose answer a test sets."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Program)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("content", ANSWERS, ids=range(len(ANSWERS)))
def test_another_program_is_no_clock(program, monkeypatch, content):
    """Neither reading nor following takes a time from what is not one."""
    monkeypatch.setattr(_Program, "content", content)
    clock = SimulatorClock(program)
    with pytest.raises(TryLater, match="no simulator of ours"):
        clock.now()
    with pytest.raises(TryLater, match="no simulator of ours"):
        clock.follow("a daemon", Instant.from_seconds(0), None)


@pytest.mark.parametrize("command", [["show", "charges"], ["advance", "--days", "1"], ["approve", "--customer", "a"]])
@pytest.mark.parametrize("content", ANSWERS, ids=range(len(ANSWERS)))
def test_another_program_is_no_simulator(program, monkeypatch, capsys, content, command):
    """The simulator's commands say so in one line and report nothing as done."""
    monkeypatch.setattr(_Program, "content", content)
    assert entry(["simulator", *command, "--stripe-api", program]) == 1
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith("error[E-simulator]: what answers at ")
