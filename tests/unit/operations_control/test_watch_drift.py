"""The daemon's watch: within the hour, told once, repaired in place where the policy says so, and nothing else touched."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flexpay_reconcile.bootstrap.watch import drift_watch
from flexpay_reconcile.operations import backfill_events, suspicion
from flexpay_reconcile.operations.watch_drift import Watch, found_of
from flexpay_reconcile.ports.control_state import Lock, Step, StepState
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.operations_control.harness import ADDRESS, MANIFEST, NAME, House
from tests.unit.operations_control.test_check_drift import moved

HEAL = MANIFEST.replace("    take_over: false\n", "    take_over: false\n    drift_policy: heal\n")


def watched(manifest: str = MANIFEST, *, may_write: bool = True) -> tuple[House, Watch]:
    """An applied house and its watch, which has looked once."""
    house = House()
    house.apply(manifest)
    watch = drift_watch(house.parts, lambda: may_write)
    assert watch.turn() == 0
    house.calls.clear()
    return house, watch


def later(house: House, minutes: int) -> None:
    """Time passes."""
    house.world.advance_to(house.world.now + minutes * 60)


def found(house: House) -> dict[str, Any]:
    """What the watch has written down."""
    with house.parts.store.reading() as view:
        record = found_of(view, NAME)
    assert record is not None
    return record


def test_drift_is_found_within_the_hour_and_told_once(caplog: pytest.LogCaptureFixture):
    """The endpoint is disabled at Stripe: an error in the log once, a mark for status, and nothing is written."""
    house, watch = watched()
    moved(house, status="disabled")
    later(house, 30)
    assert watch.turn() == 0
    assert house.calls == [], "it looked too early"
    later(house, 30)
    with caplog.at_level(logging.ERROR):
        watch.turn()
        later(house, 10)
        watch.turn()
    assert [each.message for each in caplog.records] == ["drift found"]
    assert found(house)["drift"][0]["address"] == ADDRESS
    assert found(house)["since"] < found(house)["looked_at"]
    assert house.writes() == []
    moved(house, status="enabled")
    later(house, 10)
    watch.turn()
    assert (found(house)["drift"], found(house)["since"]) == ([], None)


def test_after_the_endpoint_was_disabled_a_sweep_is_due():
    """Events may have been lost: the sweep does not wait for its turn; another description moves nothing."""
    house, watch = watched()
    with house.parts.store.begin() as unit:
        unit.marks.set(f"sweep:{NAME}", house.parts.clock.now().text())
    for change, hurried in (({"description": "x"}, False), ({"status": "disabled"}, True)):
        moved(house, **change)
        later(house, 60)
        watch.turn()
        latest = house.parts.state.latest()
        assert latest is not None
        with house.parts.store.reading() as view:
            swept = view.marks.get(backfill_events.mark_name(latest.configuration.integrations[NAME]))
            suspect = suspicion.is_suspect(view, latest.configuration.integrations[NAME].id, house.parts.clock.now())
        assert (swept == Instant(0).text(), suspect) == (hurried, hurried)


def test_heal_puts_fields_back_in_place():
    """`drift_policy: heal`: status, URL and events are as agreed again, by one update of the same endpoint."""
    house, watch = watched(HEAL)
    (before,) = house.endpoints
    secrets = house.secrets()
    revision = house.parts.state.latest()
    moved(house, status="disabled", url="https://elsewhere.example/", enabled_events=["charge.failed"])
    later(house, 60)
    assert watch.turn() == 1
    (after,) = house.endpoints
    assert (after, house.secrets()) == (before, secrets)
    assert house.endpoint()["status"] == "enabled"
    assert house.endpoint()["url"] == "https://recovery.acme.example/hooks"
    assert found(house)["drift"] == []
    assert found(house)["repaired_at"] is not None
    assert house.parts.state.latest() == revision
    assert house.parts.state.lock() is None
    assert house.writes() == [("POST", f"/v1/webhook_endpoints/{before}")]


@pytest.mark.parametrize("what", ["warn", "disarmed", "deleted", "version", "interrupted", "locked"])
def test_what_is_not_healed(what: str):
    """Not where the policy warns, from a disarmed copy, for what is gone or to be replaced, nor amid another's apply."""
    house, watch = watched(MANIFEST if what == "warn" else HEAL, may_write=what != "disarmed")
    (id_,) = house.endpoints
    if what == "deleted":
        house.delete_in_dashboard(id_)
    elif what == "version":
        moved(house, status="disabled", api_version="2011-01-01")
    else:
        moved(house, status="disabled")
    if what == "interrupted":
        step = Step(
            run_id="r",
            number=1,
            address=ADDRESS,
            action="create",
            state=StepState.INTENDED,
            idempotency_key="k",
            detail={},
            at=house.parts.clock.now(),
        )
        house.parts.state.intend(step)
    if what == "locked":
        now = house.parts.clock.now()
        lock = Lock(owner="ada", host="h", pid=1, nonce="n", acquired_at=now, expires_at=now.plus(Span.of(hours=9)))
        house.parts.state.acquire_lock(lock, now)
    later(house, 60)
    assert watch.turn() == 0
    assert house.writes() == []
    assert found(house)["drift"] != []
    if what == "interrupted":
        assert [each.run_id for each in house.parts.state.unfinished_steps()] == ["r"]


def test_what_cannot_be_seen_has_not_gone_away():
    """Drift was found, then Stripe does not answer: it stays on record, with why nobody could look."""
    house, watch = watched()
    moved(house, status="disabled")
    later(house, 60)
    watch.turn()
    looked = found(house)["looked_at"]
    house.transport.before = _refuse
    later(house, 10)
    watch.turn()
    assert found(house)["drift"] != []
    assert found(house)["unseen"]
    assert found(house)["looked_at"] == looked


def _refuse(method: str, path: str) -> None:
    import stripe

    raise stripe.APIConnectionError("no route")


def test_each_integration_has_its_own_policy():
    """Two endpoints of one account are disabled: the one whose integration heals is repaired, the other is told."""
    begin, end = HEAL.index("  acme-us-sandbox:"), HEAL.index("retry_policies:\n")
    other = (
        HEAL[begin:end]
        .replace("acme-us-sandbox", "acme-us-connect")
        .replace("drift_policy: heal", "drift_policy: warn")
    )
    other = other.replace("listen_to: account", "listen_to: connected_accounts").replace("/hooks", "/connect")
    house, watch = watched(HEAL[:end] + other + HEAL[end:])
    table = house.account.table("webhook_endpoint")
    for id_ in list(table.rows):
        table.rows[id_] = {**table.rows[id_], "status": "disabled"}
    later(house, 60)
    assert watch.turn() == 1
    states = {row["url"].rpartition("/")[2]: row["status"] for row in house.endpoints.values()}
    assert states == {"hooks": "enabled", "connect": "disabled"}


def test_while_webhooks_are_suspect_it_looks_every_ten_minutes():
    """A sweep found what webhooks should have brought: the endpoint is looked at again within ten minutes."""
    house, watch = watched()
    latest = house.parts.state.latest()
    assert latest is not None
    with house.parts.store.begin() as unit:
        now = house.parts.clock.now().plus(Span.of(hours=1))
        suspicion.suspect(unit, latest.configuration.integrations[NAME].id, now)
    later(house, 60)
    watch.turn()
    house.calls.clear()
    later(house, 11)
    watch.turn()
    assert house.calls != []
