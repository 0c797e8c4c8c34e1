"""The first hundred seeds of the campaign, in chunks that the workers share, and the seeds kept for ever."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation import campaign, command
from tests.simulation.marks import MARKS
from tests.simulation.recipe import FAMILIES, draw

SEEDS = 100
CHUNK = 5
KEPT = sorted(command.KEPT.glob("*.json"))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong here goes wrong on purpose."""
    caplog.set_level(100, logger="flexpay")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_no_seed_breaks_an_invariant(first: int):
    """Sixty days of faults, crashes and people who act: every invariant holds at every step, and all cases end."""
    for seed in range(first, first + CHUNK):
        report = campaign.run(seed)
        assert report.violation == "", (seed, report.violation, report.families, report.log[-10:])


@pytest.mark.parametrize("path", KEPT, ids=lambda each: each.stem)
def test_a_kept_seed_stays_green(path: Path):
    """A seed that once broke an invariant does so no more."""
    kept = json.loads(path.read_text())
    report = campaign.run(kept["seed"], tuple(kept["without"]))
    assert report.violation == "", (kept["note"], report.violation)


def test_the_same_seed_gives_the_same_trace():
    """A seed repeats its run to the last call and commit, whatever ran before it in the process."""
    first = campaign.run(3)
    other = campaign.run(4)
    again = campaign.run(3)
    assert (again.digest, again.states, again.log, again.met) == (first.digest, first.states, first.log, first.met)
    assert other.digest != first.digest


def test_seeds_differ_in_kind():
    """Over a hundred seeds every family is met by some and missed by others, and one to three daemons work."""
    recipes = [draw(seed) for seed in range(1, 101)]
    for family in FAMILIES:
        assert 0 < sum(each.has(family) for each in recipes) < 100, family
    assert {each.daemons for each in recipes} == {1, 2, 3}
    assert len({each.families for each in recipes}) > 80


def test_the_size_of_a_seed_is_the_one_promised():
    """A seed lives sixty days, makes more than a hundred calls through the SDK, and has some eight failed invoices."""
    report = campaign.run(9)
    assert campaign.TROUBLED_DAYS + campaign.QUIET_DAYS == 60
    assert report.calls >= 100
    assert 1 <= report.cases <= 12


def test_a_family_can_be_left_out():
    """The same draw without a family: for making a failing seed small."""
    whole, less = draw(6), draw(6, ("calls",))
    assert whole.has("calls")
    assert not less.has("calls")
    assert less.calls == {}
    assert less.customers == whole.customers


def test_the_command_tells_what_it_met(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """It counts seeds, calls, attempts, crashes, faults by family and marks, and fails when an invariant was broken."""
    assert command.main(["--seeds", "2", "--from", "3"]) == 0
    said = capsys.readouterr().out
    for word in ("seeds/s", "Stripe calls", "attempts", "crashes", "faults:", "marks:", "a daemon dies"):
        assert word in said
    broken = campaign.run(8)
    monkeypatch.setattr(campaign, "run", lambda *_: campaign.replace(broken, violation="A1: twice"))
    assert command.main(["--seeds", "1", "--from", "8"]) == 1
    assert "seed 8: A1: twice" in capsys.readouterr().out


def test_a_mark_that_is_never_hit_fails_a_hundred_seeds(monkeypatch: pytest.MonkeyPatch):
    """A hundred green seeds that never met one of the named situations are a failure of the generator."""
    one = campaign.run(8)
    monkeypatch.setattr(campaign, "run", lambda *_: campaign.replace(one, marks=Counter(dict.fromkeys(MARKS, 1))))
    assert command.main(["--seeds", "100"]) == 0
    some = Counter(dict.fromkeys(list(MARKS)[1:], 1))
    monkeypatch.setattr(campaign, "run", lambda *_: campaign.replace(one, marks=some))
    assert command.main(["--seeds", "100"]) == 1


def test_a_failing_seed_is_kept_with_one_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """`--keep` writes seed, what was left out, and a note."""
    monkeypatch.setattr(command, "KEPT", tmp_path / "seeds")
    assert command.main(["--keep", "8", "--without", "keys", "--note", "why"]) == 0
    kept = json.loads((tmp_path / "seeds" / "0008.json").read_text())
    assert kept == {"seed": 8, "without": ["keys"], "note": "why"}
