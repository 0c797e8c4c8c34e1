"""Each cell of the guide's permission table missing in turn, on each key and in both columns."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.cli import exit_codes
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.checks import Check, CheckStatus
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.reconcile.render.text import render
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.unit.operations_control.harness import ACCOUNT, MANIFEST, House

SHOP = "acct_1Shop"
ROWS = {
    "rak_charge_read": ("Charges Read", "nothing may be retried"),
    "rak_customer_read": ("Customers Read", "nothing may be retried"),
    "rak_payment_intent_read": ("PaymentIntents Read", "outcome of an attempt cannot be read"),
    "rak_invoice_write": ("Invoices Write", "cannot be read, retried or marked uncollectible"),
    "rak_subscription_write": ("Subscriptions Write", "cannot be read or cancelled"),
    "rak_webhook_write": ("Webhook Endpoints Write", "cannot be looked at, made or repaired"),
}
CONNECT_ROWS = [name for name in ROWS if name != "rak_webhook_write"]
CONNECTED = MANIFEST.replace("listen_to: account", f"listen_to: connected_accounts\n      connected_accounts: [{SHOP}]")


def house(*, lacks: str = "", on: str = "", column: str = "permissions", **more: Any) -> House:
    """A platform with one shop whose named key lacks one permission in one column."""
    keys = []
    for name in ("PRIMARY", "FALLBACK"):
        full = {"permissions": sorted(ROWS), "connect_permissions": sorted(ROWS)}
        if name.lower() == on:
            full[column] = [each for each in full[column] if each != lacks]
        keys.append({"env": name, "type": "restricted", "secret": f"rk_test_{name.lower()}0123456789", **full, **more})
    accounts = {
        ACCOUNT: {"livemode": False, "keys": keys},
        SHOP: {"livemode": False, "platform": ACCOUNT, "keys": [{"env": "SHOP", "type": "standard"}]},
    }
    return House(world=build_world({"version": 1, "seed": 7, "start": "2026-01-01T00:00:00Z", "accounts": accounts}))


def failed(plan: Plan) -> list[Check]:
    """The permission checks that failed."""
    return [each for each in plan.checks if each.id == "permission" and each.status is CheckStatus.FAIL]


@pytest.mark.parametrize("alias", ["primary", "fallback"])
@pytest.mark.parametrize("lacking", sorted(ROWS))
def test_each_missing_cell_is_named_and_ends_with_4(lacking: str, alias: str) -> None:
    """Key, row, column, `rak_…`, what cannot work without it and where to set it; apply refuses, nothing is written."""
    here = house(lacks=lacking, on=alias)
    plan = here.plan()
    (check,) = failed(plan)
    row, consequence = ROWS[lacking]
    assert f"{alias} key, {row} (PERMISSIONS): missing ({lacking})" in check.message
    assert consequence in check.message
    assert f"edit the {alias} key: set '{row}' in the column PERMISSIONS" in check.hint
    assert all(f"={each}" in check.hint for each in ROWS)
    assert exit_codes.worst([exit_codes.of_kind(each) for each in plan.faults]) == 4
    with pytest.raises(OperatorError) as refused:
        here.apply(plan=plan)
    assert refused.value.kind is ErrorKind.KEY_REFUSED
    assert here.writes() == []


@pytest.mark.parametrize("alias", ["primary", "fallback"])
@pytest.mark.parametrize("lacking", CONNECT_ROWS)
def test_each_missing_cell_of_the_connect_column(lacking: str, alias: str) -> None:
    """For connected accounts it is the second column that counts, asked on the account that the manifest lists."""
    plan = house(lacks=lacking, on=alias, column="connect_permissions").plan(CONNECTED)
    (check,) = failed(plan)
    assert f"{alias} key, {ROWS[lacking][0]} (CONNECT PERMISSIONS): missing ({lacking})" in check.message
    assert "in the column CONNECT PERMISSIONS" in check.hint
    assert exit_codes.worst([exit_codes.of_kind(each) for each in plan.faults]) == 4


@pytest.mark.parametrize("lacking", CONNECT_ROWS)
def test_the_first_column_does_not_count_for_connected_accounts(lacking: str) -> None:
    """A key without a row of its own column is not accused where only connected accounts are acted for."""
    assert failed(house(lacks=lacking, on="primary").plan(CONNECTED)) == []


def test_the_endpoint_row_is_always_the_platforms() -> None:
    """Webhook endpoints are the platform's own, whatever the scope."""
    (check,) = failed(house(lacks="rak_webhook_write", on="fallback").plan(CONNECTED))
    assert "(PERMISSIONS)" in check.message


def test_an_empty_connect_column_lacks_every_row() -> None:
    """Stripe then names no permission: all five rows of that key are missing, none is merely unseen."""
    keys = [
        {"env": "PRIMARY", "type": "restricted", "secret": "rk_test_primary0123456789", "permissions": sorted(ROWS)},
        {
            "env": "FALLBACK",
            "type": "restricted",
            "secret": "rk_test_fallback0123456789",
            "permissions": sorted(ROWS),
            "connect_permissions": sorted(ROWS),
        },
    ]
    accounts = {
        ACCOUNT: {"livemode": False, "keys": keys},
        SHOP: {"livemode": False, "platform": ACCOUNT, "keys": [{"env": "SHOP", "type": "standard"}]},
    }
    world = build_world({"version": 1, "seed": 7, "start": "2026-01-01T00:00:00Z", "accounts": accounts})
    checks = failed(House(world=world).plan(CONNECTED))
    assert [each.details["permission"] for each in checks] == CONNECT_ROWS
    assert {each.details["key"] for each in checks} == {"primary"}


def test_without_a_connected_account_the_second_column_is_unseen() -> None:
    """Nobody is connected yet: the five rows are not seen, and not taken for granted; the endpoint's row is."""
    plan = house().plan(CONNECTED.replace(f"\n      connected_accounts: [{SHOP}]", ""))
    found = [each for each in plan.checks if each.id == "permission"]
    assert [each.status for each in found] == [*[CheckStatus.SKIPPED] * 5, CheckStatus.PASS] * 2
    assert "no connected account is known yet" in found[0].message


@pytest.mark.parametrize("wording", ["old", "new"])
def test_both_wordings_name_the_permission_with_its_prefix(wording: str) -> None:
    """Stripe's newer sentence leaves `rak_` out; the plan does not."""
    (check,) = failed(house(lacks="rak_invoice_write", on="primary", wording=wording).plan())
    assert check.details["permission"] == "rak_invoice_write"


def test_a_limited_read_is_no_skipped_write() -> None:
    """Without write probes a write row whose read had no clear answer is unknown, not passed over."""
    here = house()
    here.transport.faults.add("500", method="GET", path="/v1/invoices")
    checks = [each for each in here.plan(write_probes=False).checks if each.id == "permission"]
    found = {each.details["row"]: each.status for each in checks if each.details["key"] == "primary"}
    assert (found["Invoices"], found["Subscriptions"]) == (CheckStatus.UNKNOWN, CheckStatus.SKIPPED)


def test_surplus_is_told_where_it_is_known_and_not_guessed() -> None:
    """Of keys as the guide wants them nothing is claimed; one that reads its account is told, and nothing fails."""
    (plain,) = [each for each in house().plan().checks if each.id == "surplus_permissions"]
    assert plain.status is CheckStatus.SKIPPED
    assert "cannot be seen" in plain.message
    more = House(permissions=[*ROWS, "rak_accounts_kyc_basic_read"])
    plan = more.plan()
    (told,) = [each for each in plan.checks if each.id == "surplus_permissions"]
    assert "the primary and the fallback key may read the account itself (rak_accounts_kyc_basic_read)" in told.message
    assert plan.faults == ()
    assert "NOTE key_pair.acme-us-sandbox: the primary and the fallback key may read" in render(codec.to_json(plan))
    assert "NOTE" not in render(codec.to_json(house().plan()))
