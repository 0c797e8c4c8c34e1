"""Single faults, every one of them by `make sweep`: here each crash point once, and every so manyth of all the rest."""

from __future__ import annotations

import pytest

from tests.simulation.sweep import points, runs
from tests.simulation.sweep.answers import ALL
from tests.simulation.sweep.orders import Order
from tests.simulation.sweep.runs import Fault, Setting

ORDERS = tuple(Order)
EVERY = 16
"""Of the settings, one in so many is swept here, and of its faults one in so many."""
SHARES = 2


REACHING = ("success", "timeout, not executed", "404", "401", "500, saved", "429 on one key")
"""The answers under which most crash points are reached, best first."""


def reaching_first() -> list[Setting]:
    """Every setting; those that reach most crash points in few runs come first."""
    ranks = {answer: rank for rank, answer in enumerate(REACHING)}
    return sorted(runs.settings(), key=lambda each: ranks.get(each.answer, len(ranks)))


@pytest.mark.timeout(900)
def test_every_crash_point_of_the_code_is_died_at_once():
    """All units of work and all writing calls that the code lists: each is passed, died at, and the end is the same."""
    assert len(points.listed()) >= 50
    left = set(points.listed())
    for setting in reaching_first():
        if not left:
            return
        fleet = runs.run(setting)
        new = {point: number for number, point in reversed(list(enumerate(fleet.passed, 1))) if point in left}
        left -= set(new)
        wanted = runs.ending(fleet)
        for point, number in new.items():
            fault = Fault(setting=setting, number=number, point=point, order=ORDERS[number % len(ORDERS)])
            assert runs.differs(fault, wanted) is None, str(fault)
    assert not left, [str(each) for each in left]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_slice_of_all_single_faults_changes_nothing(share: int):
    """Of every crash point under every answer with every order of restarts a slice, spread over all lives."""
    tried = 0
    for at, setting in enumerate(runs.settings()):
        if at % (EVERY * SHARES) != share * EVERY:
            continue
        fleet = runs.run(setting)
        assert setting.answer == "success" or fleet.met_at is not None, f"{setting} never came to that call"
        wanted = runs.ending(fleet)
        for number, fault in enumerate(runs.faults(setting, fleet)):
            if number % EVERY == at % EVERY:
                assert runs.differs(fault, wanted) is None, str(fault)
                tried += 1
    assert tried >= 25


def test_what_is_left_out_is_there_and_is_little():
    """Connected accounts, a changed policy, an integration enabled again, a note: each of them has crash points."""
    left_out = {each.file for each in points.every()} - {each.file for each in points.listed()}
    assert (
        left_out
        == set(points.NOT_SWEPT)
        == {
            "connected",
            "follow_accounts",
            "move_cases",
            "signing_secret",
            "take_in_again",
        }
    )
    assert len(points.every()) - len(points.listed()) <= 10


def test_the_sweep_knows_every_answer_and_order():
    """More than three hundred settings, with every answer of the table in one of them, and four orders."""
    settings = list(runs.settings())
    assert len(settings) > 300
    assert {each.answer for each in settings} == set(ALL)
    assert len(ORDERS) == 4


def test_a_daemon_that_forgets_its_intent_is_found(monkeypatch: pytest.MonkeyPatch):
    """The sweep sees a wrong end: an attempt whose end is not known is taken for one that never was."""
    setting = next(each for each in runs.settings() if each.answer == "success")
    fleet = runs.run(setting)
    wanted = runs.ending(fleet)
    (number,) = [at for at, each in enumerate(fleet.passed, 1) if each.what == "after pay"]
    fault = Fault(setting=setting, number=number, point=fleet.passed[number - 1], order=Order.EVENTS_FIRST)
    assert runs.differs(fault, wanted) is None
    monkeypatch.setattr("flexpay_reconcile.operations.attribution.own_charge", lambda *_: None)
    assert runs.differs(fault, wanted) is not None
