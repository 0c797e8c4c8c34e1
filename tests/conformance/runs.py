"""The parts of the inspection beside the tours: the route table, campaigns, the demo's story, scenario files, HTTP.

Each runs something the project runs anyway, under the inspection's watch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import stripe
import yaml

import flexpay_reconcile.simulator
from flexpay_reconcile.rehearsal import arm, merchant
from flexpay_reconcile.simulator.protocol.route import Route
from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.conformance.inspection import Inspection
from tests.conformance.shapes import Finding
from tests.conformance.tours import book
from tests.conformance.tours.guide import Guide
from tests.contract.gateways.record import served
from tests.simulation import campaign

BOOK: Final = Path(__file__).parents[2] / "examples" / "02-failing-book"
SCENARIOS: Final = Path(flexpay_reconcile.simulator.__file__).parent / "scenarios"
_SAMPLES: Final[dict[str, Any]] = {
    "string": "x",
    "string?": "",
    "currency": "usd",
    "int": "1",
    "bool": "true",
    "map": {"key": "value"},
    "strings": {"[]": ["x"]},
    "range": {"gte": "1"},
}


def routes(inspection: Inspection) -> None:
    """Hold the route table against the document: every endpoint, every parameter, every word, what is required."""
    watch = inspection.watch
    for route in ROUTES:
        path = "/v1/" + "/".join(route.path)
        operation = watch.document.operation(route.method, path.replace("*", "x"))
        if operation is None:
            watch.note([Finding(f"{route.method} {path}", "operation", "no such operation")], "the route table")
            continue
        check = watch.document.check_form_part(operation)
        for form in _forms(route.shape):
            found: list[Finding] = []
            check(form, found)
            if "'x'" in str(form):  # that "x" is no word of a list is the handler's to refuse
                found = [each for each in found if each.kind != "enum"]
            watch.note(found, f"the route table {operation.name}")
        for name in operation.form["required"]:
            if f"{name}!" not in route.shape:
                where = f"{operation.name} ?.{name}"
                watch.note([Finding(where, "optional", "required by the schema")], "the route table")


def _forms(shape: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One small form for each parameter of a shape."""
    for name, rule in shape.items():
        for value in _values(rule):
            yield {name.removesuffix("!"): value}


def _values(rule: Any) -> Iterator[Any]:
    if isinstance(rule, tuple):
        yield from rule
    elif isinstance(rule, dict):
        yield from _forms(rule)
    elif isinstance(rule, list):
        for form in _forms(rule[0]):
            yield {"0": form}
    elif rule.startswith("int|"):
        yield from ("1", *rule.split("|")[1:])
    elif rule in _SAMPLES:
        yield _SAMPLES[rule]


def unread_rules(table: Iterable[Route] = ROUTES) -> list[str]:
    """Rules of the route table that `routes` has no sample for."""

    def walk(rule: Any) -> Iterator[str]:
        if isinstance(rule, dict):
            for each in rule.values():
                yield from walk(each)
        elif isinstance(rule, list):
            yield from walk(rule[0])
        elif isinstance(rule, str) and rule not in _SAMPLES and not rule.startswith("int|"):
            yield rule

    return sorted({rule for route in table for rule in walk(route.shape)})


def campaigns(inspection: Inspection, seeds: Iterable[int]) -> None:
    """The project's own campaigns of seeded trouble."""
    for seed in seeds:
        with inspection.part(f"campaign {seed}"):
            report = campaign.run(seed)
            assert report.violation == "", report.violation


def story(inspection: Inspection, *, days: int) -> None:
    """The demo's failing book, for some days of both its schedules."""
    cast = merchant.read(BOOK, {"even": "flexpay.yaml", "fixed": "flexpay-fixed.yaml"})
    for name, loaded in cast.manifests.items():
        with inspection.part(f"story {name}"), tempfile.TemporaryDirectory() as states:
            stage = arm.build(cast.scenario, str(Path(states) / "state.db"), durable=False)
            arm.apply(stage, loaded)
            arm.live(stage, days, lambda _: None)
            stage.engine.release()


def scenarios(inspection: Inspection) -> list[str]:
    """Every scenario file that ships with the simulator, played to its end; their names."""
    files = sorted(SCENARIOS.glob("*.yaml"))
    for file in files:
        with inspection.part(f"scenario {file.name}"):
            world = build_world(yaml.safe_load(file.read_text(encoding="utf-8")))
            world.deliver = lambda url, headers, body: 200
            played = playthrough.run(world)
            told = [f"{each.request.method} {each.path}: {each.status}" for each in played.surprises]
            assert not told, f"answers the scenario did not expect: {told}"
    return [file.stem for file in files]


def over_http(inspection: Inspection) -> None:
    """One tour through the other door, over loopback sockets and the SDK's own HTTP client."""
    with inspection.part("over HTTP"):
        guide = Guide(inspection.watch.note).listen()
        with served(guide.world) as address:
            client = stripe.StripeClient(guide.keys["STANDARD"], base_addresses={"api": address})
            guide.client, guide.v1 = client, client.v1
            book.tour(guide)
