"""The page of scenarios and the tests it names."""

from __future__ import annotations

import ast

import pytest

from tests.simulation.scenarios import listed


def test_there_are_the_eight_of_the_agreement_and_the_forecast():
    """Nine scenarios, each with a name, a test and what turned it red."""
    found = listed.scenarios()
    assert len({each.name for each in found}) == len(found) == 9
    assert all(each.nodes and each.seen_red.strip(" —") for each in found)


@pytest.mark.parametrize("each", listed.scenarios(), ids=lambda each: each.name)
def test_the_tests_that_the_page_names_exist(each: listed.Scenario):
    """Every file exists, and every function it names is a test of that file."""
    for node in each.nodes:
        path, _, name = node.partition("::")
        tree = ast.parse((listed.BELOW / path).read_text("utf-8"))
        tests = {item.name for item in tree.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")}
        assert tests
        assert not name or name in tests, node


def test_every_file_of_scenarios_is_on_the_page():
    """No scenario is left out of the list."""
    there = {f"scenarios/{path.name}" for path in (listed.BELOW / "scenarios").glob("test_*.py")}
    named = {node.partition("::")[0] for each in listed.scenarios() for node in each.nodes}
    assert there - named == {"scenarios/test_scenarios_listed.py"}
