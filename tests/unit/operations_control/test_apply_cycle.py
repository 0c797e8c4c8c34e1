"""Plan and apply against the simulator through the real SDK: convergence and drift."""

from __future__ import annotations

from flexpay_reconcile.reconcile.change import Action, Cause, Reason
from tests.unit.operations_control.harness import EMPTY, MANIFEST, House, change_of

OTHER_URL = MANIFEST.replace("acme.example/hooks", "acme.example/other")
DISABLED = MANIFEST.replace("status: enabled", "status: disabled")


def test_first_apply_makes_everything_and_the_second_plan_is_empty():
    """One apply makes one endpoint with a known secret and one revision; then nothing is left to do (E2)."""
    house = House()
    report = house.apply()
    assert report.revision == 1
    (endpoint_id,) = house.endpoints
    assert house.secrets() == (house.secret_at_stripe(endpoint_id),)
    assert not house.plan().has_changes


def test_apply_twice_is_once():
    """A second apply calls nothing that writes and publishes no revision."""
    house = House()
    house.apply()
    house.calls.clear()
    serial = house.parts.state.identity().serial
    report = house.apply()
    assert (report.done, report.revision) == ((), None)
    assert house.writes() == []
    assert house.parts.state.identity().serial == serial


def test_a_plan_writes_nothing_anywhere():
    """Stripe sees GETs and the three probes of each key, the state not one write (E1)."""
    house = House()
    house.plan()
    assert house.writes() == []
    assert sorted({path for method, path in house.calls if method != "GET"}) == [
        "/v1/invoices/in_fpprobe000",
        "/v1/subscriptions/sub_fpprobe000",
        "/v1/webhook_endpoints/we_fpprobe000",
    ]
    state = house.parts.state
    assert (state.identity().serial, state.lock(), state.unfinished_steps(), state.latest()) == (0, None, (), None)


def test_an_endpoint_deleted_in_the_dashboard_is_made_again():
    """Gone at Stripe shows as a creation with the reason, and as drift."""
    house = House()
    house.apply()
    house.delete_in_dashboard(next(iter(house.endpoints)))
    plan = house.plan()
    assert (change_of(plan).action, change_of(plan).reason) == (Action.CREATE, Reason.DELETED_AT_STRIPE)
    assert plan.drift[0].after is None
    house.apply()
    (endpoint_id,) = house.endpoints
    assert house.secrets() == (house.secret_at_stripe(endpoint_id),)
    assert not house.plan().has_changes


def test_a_disabled_endpoint_is_drift_and_enabled_again():
    """Disabled at Stripe is repaired in place; the same endpoint and secret stay."""
    house = House()
    house.apply()
    before = dict(house.endpoint())
    house.endpoint()["status"] = "disabled"
    change = change_of(house.plan())
    assert (change.action, change.reason) == (Action.UPDATE, Reason.DRIFT)
    assert [(each.diff.path, each.cause) for each in change.fields] == [("status", Cause.DRIFT)]
    house.apply()
    assert house.endpoint() == before
    assert not house.plan().has_changes


def test_drift_pending_and_conflict_are_told_apart():
    """Each field says whether Stripe's side moved, the manifest moved, or both."""
    house = House()
    house.apply()
    house.endpoint()["description"] = "changed by hand"
    causes = {each.diff.path: each.cause for each in change_of(house.plan(OTHER_URL)).fields}
    assert causes == {"description": Cause.DRIFT, "url": Cause.PENDING}
    house.endpoint()["url"] = "https://elsewhere.example/"
    fields = change_of(house.plan(OTHER_URL)).fields
    assert {each.diff.path: each.cause for each in fields} == {
        "description": Cause.DRIFT,
        "url": Cause.CONFLICT,
    }


def test_events_are_a_set_and_foreign_metadata_stays():
    """Another order of events is no drift; a missing event is; other people's metadata is neither seen nor touched."""
    house = House()
    house.apply()
    house.endpoint()["enabled_events"].reverse()
    house.endpoint()["metadata"]["team"] = "billing"
    assert not house.plan().has_changes
    house.endpoint()["enabled_events"].remove("invoice.paid")
    (field,) = change_of(house.plan()).fields
    assert (field.diff.op, field.diff.path, field.diff.after) == ("add", "enabled_events", "invoice.paid")
    house.apply()
    assert "invoice.paid" in house.endpoint()["enabled_events"]
    assert house.endpoint()["metadata"]["team"] == "billing"


def test_an_endpoint_is_known_by_its_marks_not_by_its_url():
    """An endpoint with our URL and another integration's marks is left alone and warned of; ours is made beside it."""
    house = House()
    house.account.table("webhook_endpoint").add(
        {
            "id": "we_foreign",
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": house.world.now,
            "description": None,
            "enabled_events": ["*"],
            "livemode": False,
            "metadata": {"fp_integration": "another", "fp_scope": "account"},
            "status": "enabled",
            "url": "https://recovery.acme.example/hooks",
        }
    )
    plan = house.plan()
    assert change_of(plan).action is Action.CREATE
    assert "W-endpoint-same-url" in {each.code for each in plan.diagnostics}
    house.apply()
    assert len(house.endpoints) == 2
    assert "we_foreign" in house.endpoints
    assert not house.plan().has_changes


def test_a_lost_secret_means_replace():
    """A state that does not know the secret replaces the endpoint: one is left, its secret known, nothing to do."""
    first = House()
    first.apply()
    (old,) = first.endpoints
    second = House(world=first.world)
    plan = second.plan()
    assert (change_of(plan).action, change_of(plan).reason) == (Action.REPLACE, Reason.LOST_SECRET)
    assert "W-endpoint-lost-secret" in {each.code for each in plan.diagnostics}
    second.apply()
    (new,) = second.endpoints
    assert new != old
    assert second.secrets() == (second.secret_at_stripe(new),)
    assert not second.plan().has_changes


def test_an_unreadable_api_version_means_replace():
    """A version cannot be changed in place; the old secret is accepted no longer than the old endpoint lives."""
    house = House()
    house.apply()
    (old,) = house.endpoints
    house.endpoint()["api_version"] = "2020-08-27"
    assert change_of(house.plan()).reason is Reason.API_VERSION
    house.apply()
    (new,) = house.endpoints
    assert new != old
    assert house.secrets() == (house.secret_at_stripe(new),)
    assert not house.plan().has_changes


def test_a_disabled_integration_gets_a_disabled_endpoint():
    """Disabled from the first day, and disabled later, both end in a disabled endpoint and an empty plan (E7)."""
    fresh, later = House(), House()
    fresh.apply(DISABLED)
    later.apply()
    later.apply(DISABLED)
    for house in (fresh, later):
        assert house.endpoint()["status"] == "disabled"
        assert not house.plan(DISABLED).has_changes


def test_a_removed_integration_takes_its_endpoint_and_secret_along():
    """Deleted at Stripe, forgotten here; the second plan is empty."""
    house = House()
    house.apply()
    house.apply(EMPTY)
    assert house.endpoints == {}
    assert house.secrets() == ()
    assert not house.plan(EMPTY).has_changes


def test_managed_by_hand_leaves_the_endpoint_alone():
    """`managed_by: manual` forgets our record and touches nothing at Stripe."""
    house = House()
    house.apply()
    manual = MANIFEST.replace("managed_by: flexpay", "managed_by: manual\n      signing_secret: {env: HOOK_SECRET}")
    house.calls.clear()
    assert change_of(house.plan(manual)).action is Action.FORGET
    house.apply(manual)
    assert house.writes() == []
    assert len(house.endpoints) == 1
    plan = house.plan(manual)
    assert not plan.has_changes
    assert "manual_webhook_endpoint" in {each.id for each in plan.manual_steps}
