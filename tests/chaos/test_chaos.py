"""A slice of real-process chaos with every run of the tests; `make chaos` is the whole."""

from __future__ import annotations

import signal
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import judge, points
from tests.chaos.ground import Ground, Process
from tests.chaos.round import play
from tests.chaos.stand import Plan
from tests.chaos.tally import Tally

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SLICE = Plan(seed=1, kills=10, stops=1, disks=1, disk="limit", customers=8)


def test_a_slice_of_chaos_breaks_nothing():
    """Ten kills, at random and at named points, a daemon that stands still, a full disk: the ledger finds nothing."""
    tally = Tally()
    play(SLICE, tally)
    assert tally.breaches == []
    assert tally.rounds == 1
    assert tally.kills >= 10
    assert tally.named.total() >= 3
    assert tally.charges > 0
    assert tally.cases.total() > 0
    assert tally.happened["times no room on the disk"] == 1
    assert sum(tally.happened[each] for each in tally.happened if each.startswith("stops")) == 1


def test_a_random_key_for_every_send_is_found():
    """With a planted bug the same judge reports violations: charges that no attempt on disk has asked for."""
    tally = Tally()
    play(replace(SLICE, kills=2, stops=0, disks=0, bug="random_key"), tally)
    assert any("A3: " in each and "no attempt" in each for each in tally.breaches), tally.breaches


def test_the_points_are_read_from_the_code():
    """Around the payment and around each final action there are points, and none that is left out exists no more."""
    names = points.names()
    for wanted in (
        "submit_attempt._commit_intent: after commit",
        "submit_attempt._send: before pay",
        "submit_attempt._send: after pay",
        "submit_attempt.record: before commit",
        "finish_case._send: after cancel_now",
        "receive_event.receive_event: before commit",
    ):
        assert wanted in names
    assert len(names) == len(set(names))
    assert set(points.OUT_OF_REACH) <= {site.name for site in points.sites()}


@pytest.mark.parametrize(
    ("source", "absences", "excused"),
    [
        ("renewal", [(90_000, 100_000)], True),  # nobody was there when it ended
        ("renewal", [(90_000, 97_000)], True),  # back within the last hour: perhaps too late
        ("renewal", [(90_000, 96_000)], False),  # back before the last look
        ("renewal", [], False),
        ("request", [(90_000, 100_000)], False),  # we asked for it ourselves
    ],
)
def test_an_end_after_payment_is_excused_only_where_nobody_was_there(source, absences, excused):
    """A flag that took effect after payment is no violation while no daemon lived; our own request always is one."""
    ended = {"object": "sub_1", "status": "canceled", "source": source, "at": 100_000}
    found = {"code": "canceled_after_paid", "words": "", "objects": ["sub_1", "in_1"], "informative": False}
    empty: dict[str, Any] = {
        "charges": [],
        "invoices": {},
        "subscriptions": {},
        "cases": {},
        "attempts": {},
        "actions": {},
    }
    books = judge.Books(**empty, states=[ended], findings=[found], broken_journals=[], absences=absences)
    verdict = judge.Verdict()
    judge.simulator_findings(verdict, books)
    assert (verdict.breaches == []) is excused


COMMITTING = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("CREATE TABLE t (x)")
connection.execute("BEGIN IMMEDIATE")
print("inside", flush=True)
time.sleep(0.2)
connection.execute("COMMIT")
time.sleep(60)
"""


def test_a_process_stopped_inside_its_commit_leaves_it_and_stands_still(tmp_path: Path):
    """Stopped while it holds the write lock it would shut out every other daemon: it goes on just until it holds none."""
    ground = Ground(tmp_path)
    process = Process(["-c", COMMITTING, str(ground.state)], tmp_path / "log", ground.environ, tmp_path)
    try:
        assert process.popen.stdout is not None
        assert process.popen.stdout.readline() == "inside\n"
        process.send(signal.SIGSTOP)
        ground.out_of_its_commit(process)
        assert process.stands_still()
        with sqlite3.connect(ground.state, timeout=0, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
    finally:
        process.kill()
