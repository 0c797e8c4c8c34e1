"""5,000 hard declines within an hour: fifty final actions, an alert, and the rest wait; none is dropped (A13).

`make test` runs a hundred and twenty under the same budget; `make scenarios` runs the five thousand.
"""

from __future__ import annotations

import logging
import os

import pytest

from flexpay_reconcile.recovery.case import CaseState
from tests.simulation import truth
from tests.simulation.scenarios.storm import HERE, Storm

SIZE = int(os.environ.get("STORM_SIZE", "120"))
HOUR, DAY = 3_600, 86_400
ALERT = "final actions wait for their budget"


def alerts(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was told to the person on call."""
    return [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.timeout(3_600)
def test_a_storm_of_hard_declines_is_braked_told_and_carried_out_later(caplog: pytest.LogCaptureFixture):
    """Fifty in the first hour, two hundred in the first day, one alert an hour; with more budget the rest follow."""
    rig = Storm(SIZE)
    rig.until_all_declined()
    cases = rig.cases()
    assert len(cases) == SIZE
    assert {each.state for each in cases} == {CaseState.FINISHING, CaseState.HARD_DECLINED}
    assert len(rig.final_actions()) == 50
    told = alerts(caplog)
    assert [(each.message, each.integration) for each in told] == [(ALERT, HERE)]  # type: ignore[attr-defined]
    assert rig.engine.health()["final_actions_wait"] == {HERE: "50 final actions in an hour; the budget is 50"}
    assert rig.engine.health()["ready"] is True

    before = len(rig.requests)
    rig.live(22 / 24)
    assert len(rig.final_actions()) == 200
    assert (rig.most_within(HOUR), rig.most_within(DAY)) == (50, 200)
    assert len(alerts(caplog)) <= 23
    assert len(rig.requests) - before < 150 * 15 + SIZE * 12, "those who wait are not read again and again"
    assert rig.pays() == []
    assert sum(each.state is CaseState.FINISHING for each in rig.cases()) >= SIZE - 51

    rig.allow(per_hour=1_000, per_day=50_000)
    since = rig.world.now
    rig.live(1 + SIZE * 4 / 1_000 * 1.5 / 24)
    assert {each.state for each in rig.cases()} == {CaseState.HARD_DECLINED}
    assert rig.cancelled() == {each.subscription: 1 for each in cases}
    assert len(rig.final_actions()) == SIZE * 4
    assert rig.most_within(HOUR, since=since + HOUR) <= 1_000
    assert rig.engine.health()["final_actions_wait"] == {}
    truth.agree(rig)


def test_what_waits_is_carried_out_at_the_pace_of_the_default_budget():
    """Sixty hard declines make 240 final actions: 200 on the first day and the rest on the second, by themselves."""
    rig = Storm(60)
    rig.until_all_declined()
    assert len(rig.final_actions()) == 50
    rig.live(1)
    assert len(rig.final_actions()) >= 200
    assert rig.most_within(DAY) == 200
    rig.live(1)
    assert {each.state for each in rig.cases()} == {CaseState.HARD_DECLINED}
    assert len(rig.final_actions()) == 240
    assert rig.most_within(HOUR) == 50
    assert max(rig.cancelled().values()) == 1
    truth.agree(rig)
