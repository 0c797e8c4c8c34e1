"""Faults at random by seed, and faults that a scenario lists."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from flexpay_reconcile.simulator.protocol.faults import FAMILIES, FaultScript
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world, env_of
from tests.unit.simulator.helpers import document, send

PAY = "/v1/invoices/*/pay"


def _met(script: FaultScript, requests: int) -> list[str | None]:
    hits = [script.meet("GET", "/v1/charges", number) for number in range(requests)]
    return [hit.kind if hit is not None else None for hit in hits]


def test_seeded_faults_are_the_same_for_the_same_seed_and_come_at_their_rates() -> None:
    """By hash of seed and request number: reproducible, another seed differs, shares as asked, every kind turns up."""
    rates = {"silence": 0.1, "server": 0.1, "429": 0.05}
    first = _met(FaultScript.seeded(7, rates), 4000)
    assert first == _met(FaultScript.seeded(7, rates), 4000)
    other = _met(FaultScript.seeded(8, rates), 4000)
    assert [kind is None for kind in first] != [kind is None for kind in other]
    counted = Counter(first)
    assert set(counted) == {None, "429", *FAMILIES["silence"], *FAMILIES["server"]}
    assert 0.72 < counted[None] / 4000 < 0.78
    assert 0.04 < counted["429"] / 4000 < 0.06


def test_seeded_faults_keep_to_their_method_and_path() -> None:
    """A script for pay leaves reads alone."""
    script = FaultScript.seeded(7, {"500": 1}, method="post", path=PAY)
    assert script.meet("GET", "/v1/invoices/in_1/pay", 1) is None
    assert script.meet("POST", "/v1/invoices", 1) is None
    assert script.meet("POST", "/v1/invoices/in_1/pay", 1) is not None
    script.clear()
    assert script.meet("POST", "/v1/invoices/in_1/pay", 1) is None


@pytest.mark.parametrize("rates", [{}, {"500": 1.5}, {"500": 0.6, "429": 0.6}, {"500": True}, {"earthquake": 0.1}])
def test_impossible_rates_are_refused(rates: dict[str, float]) -> None:
    """Rates are shares of one, of kinds or families that exist."""
    with pytest.raises(ValueError, match=r"rate|fault"):
        FaultScript.seeded(1, rates)


def test_a_scenario_lists_its_faults() -> None:
    """`faults:` takes scripted and random entries; two worlds of one scenario meet the same ones."""
    faults = [{"kind": "500", "path": PAY, "times": 2}, {"rates": {"429": 0.2, "garbage": 0.1}}]

    def run() -> list[tuple[int, str]]:
        world = build_world({**document(), "faults": faults})
        lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}"}
        answers = [world.handle("GET", "/v1/charges", lines, b"") for _ in range(60)]
        assert send(world, "POST", "/v1/invoices/in_none/pay")[0] in (500, 429)
        return [(answer.status, answer.body.decode()) for answer in answers]

    assert run() == run()
    assert {status for status, _ in run()} == {200, 429}


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "earthquake"},
        {"rates": {"500": 2}},
        {"kind": "500", "rates": {"500": 0.1}},
        {"path": PAY},
        {"kind": "500", "seed": 3},
        {"kind": "500", "nth": "first"},
        {"kind": "500", "colour": "red"},
        {"rates": [1]},
        "500",
    ],
)
def test_scenarios_with_impossible_faults_are_refused(entry: Any) -> None:
    """Each is named with its place in the list."""
    with pytest.raises(ScenarioError, match=r"faults\[0\]"):
        build_world({**document(), "faults": [entry]})
