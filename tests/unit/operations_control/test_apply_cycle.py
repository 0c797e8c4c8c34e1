"""Plan and apply against the simulator through the real SDK: convergence, drift, refusals."""

from __future__ import annotations

import pytest

from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.control_state import Lock
from flexpay_reconcile.reconcile.change import Action, Cause, Reason
from flexpay_reconcile.reconcile.checks import CheckStatus, IdentityStatus
from flexpay_reconcile.simulator.scenario import build_world
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import ADDRESS, EMPTY, MANIFEST, NAME, House, change_of, keys

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
    assert house.parts.state.identity().serial == 0


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
    """A foreign endpoint with our URL is left alone and warned of; ours is made beside it."""
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
            "metadata": {},
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


def test_removal_is_guarded():
    """Above max_webhook_deletes, and with open cases, apply refuses before anything is written."""
    house = House()
    house.apply()
    strict = EMPTY.replace("max_webhook_deletes: 1", "max_webhook_deletes: 0")
    for manifest, plan in ((strict, house.plan(strict)), (EMPTY, house.plan(EMPTY, live_cases={NAME: 3}))):
        house.calls.clear()
        with pytest.raises(OperatorError) as refused:
            house.apply(manifest, plan)
        assert refused.value.kind is ErrorKind.GUARD_REFUSED
        assert house.writes() == []
    assert len(house.endpoints) == 1


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


def test_keys_of_another_account_are_refused_before_any_write():
    """Proven other: nothing is planned for the endpoint and nothing is written (A16)."""
    world = build_world(
        {
            "version": 1,
            "start": "2026-01-01T00:00:00Z",
            "accounts": {"acct_1Somebody": {"livemode": False, "keys": keys()}},
        }
    )
    house = House(world=world)
    plan = house.plan()
    assert plan.accounts[NAME].identity is IdentityStatus.OTHER
    assert [each.address for each in plan.deferred] == [ADDRESS]
    with pytest.raises(OperatorError, match="acct_1Somebody") as refused:
        house.apply(plan=plan)
    assert refused.value.kind is ErrorKind.KEY_REFUSED
    assert house.writes() == []


def test_a_missing_permission_is_named_with_its_consequence():
    """Row, column, rak name, consequence and the pre-filled page are in the check; apply refuses with KEY_REFUSED."""
    granted = ["rak_charge_read", "rak_customer_read", "rak_payment_intent_read", "rak_invoice_read"]
    house = House(permissions=[*granted, "rak_subscription_write", "rak_webhook_write"])
    plan = house.plan()
    failed = [each for each in plan.checks if each.status is CheckStatus.FAIL]
    assert {(each.details["key"], each.details["row"], each.details["permission"]) for each in failed} == {
        ("primary", "Invoices", "rak_invoice_write"),
        ("fallback", "Invoices", "rak_invoice_write"),
    }
    assert "marked uncollectible" in failed[0].message
    assert "permissions[3]=rak_invoice_write" in failed[0].hint
    with pytest.raises(OperatorError) as refused:
        house.apply(plan=plan)
    assert refused.value.kind is ErrorKind.KEY_REFUSED
    assert house.writes() == []


def test_not_seen_is_never_a_creation():
    """A key that may not list endpoints plans nothing for them, says so, and is not applied."""
    granted = ["rak_charge_read", "rak_customer_read", "rak_payment_intent_read", "rak_invoice_write"]
    house = House(permissions=[*granted, "rak_subscription_write"])
    plan = house.plan()
    assert [each.address for each in plan.changes if each.address == ADDRESS] == []
    assert [each.address for each in plan.deferred] == [ADDRESS]
    with pytest.raises(OperatorError):
        house.apply(plan=plan)


def test_without_write_probes_writing_is_skipped_not_granted():
    """The three write rows are reported as skipped and do not stand against applying."""
    house = House()
    plan = house.plan(write_probes=False)
    assert {method for method, _ in house.calls} == {"GET"}
    skipped = [each.details["row"] for each in plan.checks if each.status is CheckStatus.SKIPPED]
    assert sorted(set(skipped)) == ["Invoices", "Subscriptions", "Webhook Endpoints"]
    assert plan.refusals == ()


def test_accepting_an_account_nobody_has_is_refused():
    """A slip in --accept-account is told, not ignored."""
    with pytest.raises(OperatorError, match="acct_1Nobody"):
        House().plan(accepted_accounts=frozenset({"acct_1Nobody"}))


def test_apply_refuses_when_the_endpoint_moved_after_the_plan():
    """Between plan and apply somebody disabled the endpoint: PLAN_STALE, and nothing written (E3)."""
    house = House()
    house.apply()
    plan = house.plan(OTHER_URL)
    house.endpoint()["status"] = "disabled"
    house.calls.clear()
    with pytest.raises(OperatorError, match=ADDRESS) as refused:
        house.apply(OTHER_URL, plan)
    assert refused.value.kind is ErrorKind.PLAN_STALE
    assert house.writes() == []


def test_apply_refuses_when_the_state_was_written_after_the_plan():
    """Two plans of one state: after one is applied the other no longer fits."""
    house = House()
    plan = house.plan()
    house.apply()
    with pytest.raises(OperatorError) as refused:
        house.apply(plan=plan)
    assert refused.value.kind is ErrorKind.PLAN_STALE
    assert len(house.endpoints) == 1


def test_a_held_lock_keeps_apply_out():
    """Somebody else applies: LOCK_HELD, nothing called; an expired lock is no obstacle (E4)."""
    house = House()
    now = house.parts.clock.now()
    lock = Lock(owner="ben", host="ci", pid=2, nonce="x", acquired_at=now, expires_at=now.plus(Span.of(minutes=1)))
    house.parts.state.acquire_lock(lock, now)
    with pytest.raises(TryLater) as refused:
        house.apply()
    assert refused.value.kind is ErrorKind.LOCK_HELD
    assert house.endpoints == {}
    house.world.advance_to(house.world.now + 61)
    house.apply()
    assert house.parts.state.lock() is None
