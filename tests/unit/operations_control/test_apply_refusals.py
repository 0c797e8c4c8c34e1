"""What keeps apply from starting: accounts, permissions, guards, moved ground, a held lock. Nothing is written then."""

from __future__ import annotations

import pytest

from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.control_state import Lock
from flexpay_reconcile.reconcile.checks import CheckStatus, IdentityStatus
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import ADDRESS, EMPTY, MANIFEST, NAME, House, keys

OTHER_URL = MANIFEST.replace("acme.example/hooks", "acme.example/other")
DISABLED = MANIFEST.replace("status: enabled", "status: disabled")


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
    skipped = [
        each.details["row"] for each in plan.checks if each.id == "permission" and each.status is CheckStatus.SKIPPED
    ]
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


def test_apply_refuses_a_written_state_though_nothing_else_has_moved():
    """The manifest and the account are as they were, and yet somebody wrote the state: made from other knowledge (E3).

    Drift of a field was planned, mended by an apply, and is there again: every change reads as it did.
    """
    house = House()
    house.apply()
    house.endpoint()["status"] = "disabled"
    plan = house.plan()
    house.apply()
    house.endpoint()["status"] = "disabled"
    assert house.plan().changes == plan.changes
    with pytest.raises(OperatorError) as refused:
        house.apply(plan=plan)
    assert (refused.value.kind, refused.value.message) == (
        ErrorKind.PLAN_STALE,
        "the state was written since this plan was made",
    )
    assert house.endpoint()["status"] == "disabled"


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
