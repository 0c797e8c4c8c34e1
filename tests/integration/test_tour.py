"""The tour of the README, step by step, with real processes: from the manifest to the last charge."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections import Counter
from typing import Any

import pytest

from flexpay_reconcile import bootstrap
from tests.integration.ground import wait_until

pytestmark = pytest.mark.timeout(600)


@pytest.mark.slow
def test_the_tour(ground):
    """The tour of the README does what it says: planned, applied, declined, explained, and charged once at most."""
    simulator = ground.start_simulator()
    assert ground.ok("validate").startswith("valid:")
    planned = ground.run("plan", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stderr
    assert "+ webhook_endpoint.acme-us-sandbox" in planned.stdout
    ground.ok("apply", "--auto-approve")
    assert "No changes." in ground.ok("plan", "--detailed-exitcode")

    daemon, log = ground.start_daemon()
    assert "time is taken from it (2026-01-01 00:00 UTC)" in log.read_text(encoding="utf-8")
    ground.ok("simulator", "decline", "--customer", "ada", "--code", "insufficient_funds")
    ground.advance(31)

    cases = ground.json("cases", "list")["cases"]
    assert [(each["customer_name"], each["state"]) for each in cases] == [("Ada Example", "scheduled")]
    invoice, next_attempt_at = cases[0]["invoice"], cases[0]["next_attempt_at"]
    assert "2026-02-01" <= next_attempt_at <= "2026-02-28"
    assert next_attempt_at[:10] in ground.ok("cases", "list")
    _explained(ground, invoice, next_attempt_at)

    ground.advance(28)
    charges = ground.json("simulator", "show", "charges")["charges"]
    successes = Counter(each["invoice"] for each in charges if each["status"] == "succeeded")
    assert max(successes.values()) == 1
    ours = [each for each in charges if each["source"] == "request"]
    assert len(ours) == 8
    assert {each["invoice"] for each in ours} == {invoice}
    assert successes[invoice] == 0  # every charge of hers was declined: the final actions followed
    ended = ground.json("explain", invoice)
    assert ended["state"] == "exhausted"
    assert [each["state"] for each in ended["final_actions"]] == ["done"] * 4

    for process, expected in ((daemon, 143), (simulator, 143)):
        process.terminate()
        assert process.wait(timeout=60) == expected
    assert '"level": "error"' not in log.read_text(encoding="utf-8")
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _explained(ground, invoice, next_attempt_at):
    """Explain tells the decline, the moment, the reason and the end; in both forms."""
    text = ground.ok("explain", invoice)
    assert "Declined on 2026-01-30 10:00 UTC" in text
    assert "insufficient_funds" in text
    assert f"On {next_attempt_at[:10]} {next_attempt_at[11:16]} UTC (" in text
    assert "America/New_York" in text
    assert "attempt 1 of 8, spread evenly over the window" in text
    assert "not before 2026-01-31 10:00 UTC (did not move it)" in text
    assert "the subscription is cancelled at once, with proration, and the invoice is marked uncollectible." in text
    told = ground.json("explain", invoice)
    assert told["next_attempt_at"] == next_attempt_at == told["next"]["at"]
    assert told["next"]["what"] == "attempt"
    assert told["last_decline"]["kind"] == "soft"
    assert ground.ok("cases", "show", told["case"]) == text


def test_a_wrong_option_ends_with_64(ground):
    """An option that does not exist is wrong usage, whatever click would say."""
    done = ground.run("plan", "--nope")
    assert done.returncode == 64
    assert done.stdout == ""
    assert "--nope" in done.stderr


def test_a_second_daemon_is_refused(applied):
    """One state has one daemon: the second names the first and ends with 6."""
    first, log = applied.start_daemon()
    second = applied.run("daemon", "--listen", "127.0.0.1:0")
    assert second.returncode == 6, second.stderr
    assert f"process {first.pid}" in second.stderr
    assert first.poll() is None
    assert '"level": "error"' not in log.read_text(encoding="utf-8")


def test_a_daemon_killed_midway_loses_nothing(applied):
    """Killed with an attempt planned, the next daemon makes it at its moment, and the invoice is paid once."""
    first, _ = applied.start_daemon()
    applied.ok("simulator", "decline", "--customer", "ada", "--code", "insufficient_funds", "--times", "1")
    applied.advance(31)
    planned = applied.json("cases", "list")["cases"]
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(timeout=60) == -signal.SIGKILL
    assert applied.json("cases", "list")["cases"] == planned
    applied.start_daemon()
    applied.advance(5)
    (case,) = applied.json("cases", "list")["cases"]
    assert (case["state"], case["attempts_used"]) == ("recovered", 1)
    charges = applied.json("simulator", "show", "charges")["charges"]
    assert [each["status"] for each in charges if each["invoice"] == case["invoice"]] == ["failed", "succeeded"]


def test_an_interrupted_daemon_ends_with_130_and_gives_its_lease_back(applied):
    """Ctrl-C is a gentle end too; the next daemon starts at once."""
    first, log = applied.start_daemon()
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 130
    last = json.loads([each for each in log.read_text(encoding="utf-8").splitlines() if each.startswith("{")][-1])
    assert last["message"] == "stopped; the lease is given back"
    applied.start_daemon()


def test_a_daemon_in_real_time_turns_and_stops(ground):
    """Without a simulator it lives by this machine's clock: it answers, its loops turn, and SIGTERM ends it gently.

    Its state is empty, so nothing here could ever be sent to Stripe.
    """
    bootstrap.open_control(str(ground.state), None).close()
    process, log = ground.start_daemon()

    def ready() -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    wait_until(lambda: "inbox" in ready()["loops"], process, log)
    assert (ready()["ready"], ready()["failures"]) == (False, {})  # nothing is applied yet
    process.terminate()
    assert process.wait(timeout=60) == 143
    assert "the lease is given back" in log.read_text(encoding="utf-8")
    assert "simulator" not in log.read_text(encoding="utf-8")


def test_the_daemon_refuses_to_run_without_its_checks(applied):
    """Under PYTHONOPTIMIZE (python -O) it moves no money: exit 5, and says why."""
    done = applied.run("daemon", PYTHONOPTIMIZE="1")
    assert done.returncode == 5
    assert "python -O" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_simulator_commands_say_so(ground):
    """Nobody listens: one clear line, exit 9, no traceback."""
    nobody = f"http://127.0.0.1:{ground.port}"
    for arguments in (["simulator", "advance", "--days", "1"], ["daemon", "--listen", "127.0.0.1:0"]):
        ground.state.touch()
        done = ground.run(*arguments, FLEXPAY_STRIPE_API=nobody)
        assert done.returncode == 9, done.stderr
        assert "no simulator answers at" in done.stderr
        assert "Traceback" not in done.stderr
