"""Drift as it is reported: three-way, never a write, never silent about what could not be seen."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.operations.check_drift import APPLIED, MANIFEST, check_drift
from flexpay_reconcile.reconcile import drift_report
from flexpay_reconcile.reconcile.render import drift as rendering
from tests.unit.operations_control.harness import ADDRESS, NAME, House
from tests.unit.operations_control.harness import MANIFEST as TEXT


def report(house: House, manifest: str | None = None) -> dict[str, Any]:
    """The report, against a manifest or what was applied."""
    loaded = house.load(manifest) if manifest else None
    plan = check_drift(
        readers=house.parts.reader_for,
        state=house.parts.state,
        as_of=house.parts.clock.now(),
        wanted=loaded.configuration if loaded else None,
    )
    return drift_report.report(plan, against=MANIFEST if manifest else APPLIED)


def moved(house: House, **changes: Any) -> None:
    """Somebody changes the endpoint in the Dashboard."""
    table = house.account.table("webhook_endpoint")
    (id_,) = table.rows
    table.rows[id_] = {**table.rows[id_], **changes}


def test_nothing_applied_is_no_drift():
    """Before the first apply there is nothing that could have moved, and the words say so."""
    with pytest.raises(OperatorError, match="nothing was applied") as refused:
        report(House())
    assert refused.value.code == "E-drift-nothing"


def test_after_an_apply_there_is_none():
    """Neither drift nor anything pending, and only GETs were sent."""
    house = House()
    house.apply()
    house.calls.clear()
    serial = house.parts.state.identity()
    for against in (None, TEXT):
        found = report(house, against)
        assert (found["drift_found"], found["complete"], found["pending"]) == (False, True, [])
    assert {method for method, _ in house.calls} == {"GET"}
    assert house.parts.state.identity() == serial


def test_drift_pending_and_conflict_are_told_apart():
    """A field moved at Stripe, one in the manifest, one in both, and one to what the manifest wants by now."""
    house = House()
    house.apply()
    now = TEXT.replace("/hooks", "/other").replace("FlexPay Webhook EndPoint", "Ours")
    moved(house, url="https://elsewhere.example/", status="disabled")
    found = report(house, now)
    (each,) = found["resource_drift"]
    assert each["address"] == ADDRESS
    assert {field["path"]: field["cause"] for field in each["fields"]} == {"url": "conflict", "status": "drift"}
    moved(house, url="https://recovery.acme.example/other", status="enabled")
    (each,) = report(house, now)["resource_drift"]
    assert {field["path"]: field["cause"] for field in each["fields"]} == {"url": "agreed"}
    assert {field["path"]: field["cause"] for field in report(house)["resource_drift"][0]["fields"]} == {"url": "drift"}


def test_what_only_the_manifest_changed_is_no_drift():
    """A pending change is named apart and does not count."""
    house = House()
    house.apply()
    found = report(house, TEXT.replace("/hooks", "/other"))
    assert found["drift_found"] is False
    assert ADDRESS in {each["address"] for each in found["pending"]}


def test_an_event_list_and_a_deletion():
    """A set is compared as one; what was deleted is told as deleted, with what apply would do."""
    house = House()
    house.apply()
    moved(house, enabled_events=["charge.failed", "invoice.created"])
    (each,) = report(house)["resource_drift"]
    assert {"add", "remove"} == {field["op"] for field in each["fields"]}
    house.delete_in_dashboard(next(iter(house.endpoints)))
    (each,) = report(house)["resource_drift"]
    assert (each["event"], each["repair"]) == ("deleted", "create")


def test_an_unreadable_version_is_found():
    """An endpoint that sends events in another version is of no use, whatever its fields say."""
    house = House()
    house.apply()
    moved(house, api_version="2011-01-01")
    (each,) = report(house)["resource_drift"]
    assert (each["event"], each["repair"]) == ("unsupported_api_version", "replace")


def test_not_seen_is_not_none():
    """Keys that may not read endpoints: not complete, and no word of `no drift` alone."""
    house = House()
    house.apply()
    for secret, key in list(house.world.sim.keys.items()):
        house.world.sim.keys[secret] = type(key)(**{**_fields(key), "revoked": True})
    found = report(house)
    assert (found["complete"], found["drift_found"]) == (False, False)
    assert "Not everything could be seen" in rendering.render(found)


def _fields(key: Any) -> dict[str, Any]:
    import dataclasses

    return {each.name: getattr(key, each.name) for each in dataclasses.fields(key)}


def test_words_of_other_people_stay_words():
    """Control characters and markup in a description reach neither terminal nor table."""
    house = House()
    house.apply()
    moved(house, description="\x1b[31m| @all <b>\u202e")
    found = report(house)
    assert "\x1b" not in rendering.render(found)
    assert "conflict" not in rendering.render(found)
    shown = rendering.markdown(found)
    assert "@all" not in shown
    assert "<b>" not in shown
    assert NAME in shown
    assert rendering.render(found, colour=True).count("\x1b") > 0
