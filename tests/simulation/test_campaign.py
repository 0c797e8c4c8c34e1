"""A few seeds of the campaign, the same ones every time; `python -m tests.simulation.campaign` runs many more."""

from __future__ import annotations

import pytest

from tests.simulation import campaign

SEEDS = 12
SHARES = 4


@pytest.mark.parametrize("share", range(SHARES))
def test_no_seed_breaks_an_invariant(share: int):
    """Forty days of faults, crashes and customers who act: every invariant holds at every step, and all cases end."""
    for seed in range(1 + share, SEEDS + 1, SHARES):
        report = campaign.run(seed)
        assert report.violation == "", (seed, report.violation, report.log[-10:])
        assert report.cases >= 5


def test_the_same_seed_gives_the_same_ledger():
    """A seed repeats its run to the last charge, whatever ran before it in the process."""
    first = campaign.run(3)
    campaign.run(4)
    again = campaign.run(3)
    assert (again.digest, again.states, again.log) == (first.digest, first.states, first.log)
    assert campaign.run(4).digest != first.digest


def test_the_seeds_meet_trouble():
    """Together the first seeds crash, lose calls, and reach most of the states a case can end in."""
    reports = [campaign.run(seed) for seed in (1, 3, 8, 9)]
    assert sum(each.crashes for each in reports) >= 20
    words = " ".join(line for each in reports for line in each.log)
    assert all(word in words for word in ("crash", "_refuse", "_pay", "_replace"))
    states = {state for each in reports for state in each.states}
    assert {"recovered", "recovered_elsewhere", "hard_declined", "closed"} <= states


def test_the_command_tells_what_it_met(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The module runs as a command, counts what it met, and fails when an invariant was broken."""
    monkeypatch.setattr("sys.argv", ["campaign", "--seeds", "1", "--from", "8"])
    assert campaign.main() == 0
    assert "1 seeds" in capsys.readouterr().out
    broken = campaign.run(8)
    monkeypatch.setattr(campaign, "run", lambda seed: campaign.replace(broken, violation="A1: twice"))
    assert campaign.main() == 1
    assert "seed 8: A1: twice" in capsys.readouterr().out
