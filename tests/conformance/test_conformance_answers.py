"""The short inspection: every route once with success, through the SDK, under the watch; and that the watch can see."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.protocol import delivery_faults, faults
from tests.conformance import differences, runs, surface
from tests.conformance import inspection as inspection_module
from tests.conformance import watch as watch_module
from tests.conformance.inspection import Inspection
from tests.conformance.spec import document
from tests.conformance.tours.guide import Guide
from tests.conformance.watch import Watch, watching


@pytest.fixture(scope="module")
def toured() -> tuple[Inspection, set[str]]:
    """All tours done, and the surface they showed."""
    return inspection_module.toured()


@pytest.fixture(scope="module")
def inspection(toured: tuple[Inspection, set[str]]) -> Inspection:
    """All tours, the route table, one campaign: seconds, where `make conformance` takes minutes."""
    made, _ = toured
    runs.routes(made)
    runs.campaigns(made, (3,))
    return made


def test_the_surface_is_the_one_written_down(toured: tuple[Inspection, set[str]]) -> None:
    """No parameter, field, event, refusal or header came or went but on purpose: `python -m tests.conformance.surface`."""
    assert surface.differences(toured[1], surface.written()) == []


def test_no_part_of_the_inspection_fails(inspection: Inspection) -> None:
    """Every tour and the campaign run to their end."""
    assert inspection.failures == []


def test_every_route_is_asked_with_success(inspection: Inspection) -> None:
    """No endpoint of the simulator is left out of the tours."""
    assert inspection.uncovered() == []


def test_nothing_differs_that_is_not_declared(inspection: Inspection) -> None:
    """Requests, answers, refusals and events are as Stripe's document says, but for the declared differences."""
    assert differences.undeclared(inspection.watch.found) == []


def test_what_is_declared_still_differs(inspection: Inspection) -> None:
    """A declared difference that no longer occurs must be struck off."""
    assert differences.unmet(inspection.watch.found) == []


def test_the_inspection_judges_much(inspection: Inspection) -> None:
    """The watch judged hundreds of requests and events, of many types, and refusals of every status."""
    watch = inspection.watch
    assert watch.requests == watch.answers >= 900
    assert watch.events >= watch.deliveries >= 300
    assert {400, 401, 402, 403, 404, 409, 429, 500} <= set(watch.statuses)
    assert "undeclared differences" in inspection.report()


def test_the_route_table_holds_no_unread_rule() -> None:
    """Each kind of rule in the route table is one the comparison with the document has a sample for."""
    assert runs.unread_rules() == []


def _tampered(change: Any) -> dict[tuple[str, str], Any]:
    """What the watch finds in a small conversation when `change` spoils answers or events."""
    watch = Watch(document())
    watch.tamper = change
    with watching(watch.document, watch):
        guide = Guide(lambda found, example: None).listen()
        guide.raw("POST", "/v1/customers", "name=Ada")
        guide.wait(0.01)
    return watch.found


def _answer(**fields: Any) -> Any:
    def change(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {**value, **fields} if kind == "answer" and value.get("object") == "customer" else value

    return change


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"livemode": "no"}, ("customer.livemode", "type"), id="type"),
        pytest.param({"created": None}, ("customer.created", "null"), id="null"),
        pytest.param({"tax_exempt": "sometimes"}, ("customer.tax_exempt", "enum"), id="enum"),
        pytest.param({"loyalty": 5}, ("customer.loyalty", "unknown"), id="invented field"),
        pytest.param({"currency": "dollars"}, None, id="text without a rule"),
        pytest.param({"sources": {"object": "list"}}, ("customer.sources", "included"), id="unasked list"),
        pytest.param({"address": {"city": 5}}, ("address.city", "type"), id="nested"),
        pytest.param({"default_source": {"object": "card"}}, ("customer.default_source", "expanded"), id="expanded"),
    ],
)
def test_one_wrong_field_of_one_answer_is_seen(fields: dict[str, Any], expected: tuple[str, str] | None) -> None:
    """A single field broken in the answer to one request turns the inspection red, whatever the way it is broken."""
    found = _tampered(_answer(**fields))
    if expected is None:
        assert found == {}
    else:
        assert expected in found
        assert differences.undeclared(found)


def test_a_field_left_out_is_seen() -> None:
    """Required fields must be there, and nullable ones too."""

    def change(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {name: each for name, each in value.items() if name not in ("livemode", "shipping")}

    found = _tampered(change)
    assert ("customer.livemode", "missing") in found
    assert ("customer.shipping", "absent") in found


def test_one_wrong_event_is_seen() -> None:
    """A broken field of a delivered object, an invented type of event and a wrong previous attribute are found."""

    def change(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        if kind != "event":
            return value
        data = {"object": {**value["data"]["object"], "balance": "0"}, "previous_attributes": {"email": 5}}
        return {**value, "type": "customer.greeted", "data": data}

    found = _tampered(change)
    assert ("customer.balance", "type") in found
    assert ("customer.email", "type") in found
    assert ("event customer.greeted", "enum") in found


def test_one_accepted_request_that_stripe_would_refuse_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the simulator lets an unknown parameter, a wrong type or a wrong word through, the watch says so."""
    from flexpay_reconcile.simulator.protocol import params

    monkeypatch.setattr(params, "check", lambda given, shape: {"name": "Ada"})
    watch = Watch(document())
    with watching(watch.document, watch):
        guide = Guide(lambda found, example: None)
        assert guide.raw("POST", "/v1/customers", "nickname=Ada&balance=much&tax_exempt=maybe")[0] == 200
    places = {(where.rpartition(".")[2], kind) for where, kind in watch.found}
    assert places == {("nickname", "unknown"), ("balance", "type"), ("tax_exempt", "enum")}


def test_a_watch_leaves_nothing_behind() -> None:
    """After the block the world handles requests as before, and nothing is counted any more."""
    from flexpay_reconcile.simulator.world import World

    before = World.handle
    with watching(document()) as watch:
        assert World.handle is not before
    assert World.handle is before
    assert watch.requests == 0


def test_what_a_fault_makes_false_is_counted_and_not_judged() -> None:
    """An answer spoiled by the script is not held against the simulator; one that a fault leaves as Stripe's is."""
    watch = Watch(document())
    with watching(watch.document, watch):
        guide = Guide(lambda found, example: None)
        for kind in ("new_enum", "missing_field", "429"):
            guide.world.sim.faults.add(kind)
            guide.raw("GET", "/v1/customers")
    assert (watch.lies, watch.answers, watch.refusals) == (2, 0, 1)
    assert watch.found == {}


def test_every_kind_of_false_answer_is_a_fault_that_exists() -> None:
    """What the watch leaves unjudged are kinds of the fault scripts, and the others of theirs are judged."""
    known = {*faults.KINDS, *map(str, delivery_faults.Kind)}
    assert known > watch_module.FALSE_ON_PURPOSE
    assert not {"500", "429", "409", "slow", "duplicated", "bad_signature"} & watch_module.FALSE_ON_PURPOSE
