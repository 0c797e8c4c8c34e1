"""The simulator's page, done as it says: every command and every request on it, in its order, against its scenario."""

from __future__ import annotations

import http.client
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from flexpay_reconcile.cli.main import cli
from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.conformance.inspection import Inspection
from tests.unit.simulator.serving import serving

PAGE = Path(__file__).parents[2] / "docs" / "SIMULATOR.md"
SCENARIO = "approved"
BASE = "http://127.0.0.1:4242"


def _lines() -> list[str]:
    """The lines of the page's blocks that a reader types, without what only starts the simulator."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    typed = [line.strip() for block in blocks for line in block.splitlines()]
    return [
        line
        for line in typed
        if line.startswith("curl ") or (line.startswith("flexpay simulator ") and " serve " not in line)
    ]


def _build() -> World:
    return build_world(yaml.safe_load(worlds.scenario_texts()[SCENARIO]))


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[int, dict[str, str]]]:
    """The scenario of the page behind its HTTP door: its port, and the keys of its file."""
    world = _build()
    with serving(world, rebuild=_build) as port:
        yield port, env_of(world)


def _curl(words: list[str], port: int, keys: dict[str, str]) -> tuple[int, bytes]:
    """A request as `curl -s [-X METHOD] URL [-H LINE] [-d BODY]` sends it; (status, body)."""
    method, headers, body, url = "GET", dict[str, str](), None, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-d":
            body = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = re.sub(r"\$(\w+)", lambda found: keys[found.group(1)], value)
        elif not word.startswith("-"):
            url = word
    assert url.startswith(BASE), url
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_what_the_page_says_to_type_works(door: tuple[int, dict[str, str]]) -> None:
    """Each line of the page, from the first to the last, succeeds on the scenario that the page starts."""
    port, keys = door
    lines = _lines()
    assert len(lines) >= 20
    assert f"--scenario {SCENARIO}" in PAGE.read_text(encoding="utf-8")
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "curl":
            status, body = _curl(words, port, keys)
            assert status == 200, (line, body)
            assert json.loads(body), line
            continue
        done = CliRunner().invoke(cli, words[1:], env={"FLEXPAY_STRIPE_API": f"http://127.0.0.1:{port}"})
        assert done.exit_code == 0, (line, done.output)


def test_the_figures_of_the_page_are_those_of_the_simulator() -> None:
    """How many endpoints there are, and how many of the parameters that Stripe names for them are taken."""
    taken, known = Inspection().parameters()
    words = f"Of the {known} parameters Stripe's document names for the simulator's {len(ROUTES)} endpoints {taken} are taken"
    assert words in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    ["flexpay simulator pay-elsewhere --customer ada --how out_of_band", "flexpay simulator do cancel customer=ben"],
)
def test_a_line_that_does_not_work_would_be_seen(door: tuple[int, dict[str, str]], line: str) -> None:
    """Where nothing is open, and for somebody who is not there, a command ends with 1."""
    done = CliRunner().invoke(cli, shlex.split(line)[1:], env={"FLEXPAY_STRIPE_API": f"http://127.0.0.1:{door[0]}"})
    assert done.exit_code == 1
    assert "the simulator refused this" in str(done.exception)
