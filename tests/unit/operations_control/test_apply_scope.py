"""Whose events an endpoint hears cannot be changed in place: a new one is made, the old one goes, and cases are asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.guards import ask
from tests.unit.operations_control.harness import EMPTY, MANIFEST, NAME, House, change_of

CONNECTED = MANIFEST.replace("listen_to: account", "listen_to: connected_accounts")


def hears_connected(house: House) -> list[str]:
    """The Connect endpoints at Stripe."""
    (account,) = house.world.sim.accounts.values()
    return sorted(account.hooks.connect)


def test_another_scope_replaces_the_endpoint_and_back_again():
    """One endpoint before and after, of the wanted scope, with a known secret; the second plan is empty."""
    house = House()
    house.apply()
    (first,) = house.endpoints
    plan = house.plan(CONNECTED)
    assert (change_of(plan).action, change_of(plan).reason) == (Action.REPLACE, Reason.SCOPE)
    house.apply(CONNECTED)
    (second,) = house.endpoints
    assert second != first
    assert hears_connected(house) == [second]
    assert house.secrets() == (house.secret_at_stripe(second),)
    assert not house.plan(CONNECTED).has_changes
    house.apply(MANIFEST)
    (third,) = house.endpoints
    assert hears_connected(house) == []
    assert third not in (first, second)


def test_open_cases_of_the_former_scope_refuse_it():
    """The guard counts them, and refuses: they would be left alone."""
    house = House()
    house.apply()
    plan = house.plan(CONNECTED)
    settings = plan.guards
    assert [each.id for each in settings if each.id == "open_cases_of_changed_scope"] == ["open_cases_of_changed_scope"]
    configuration = house.parts.state.latest()
    assert configuration is not None
    answers = ask(configuration.configuration.guards, plan.changes, {NAME: 3})
    (guard,) = [each for each in answers if each.id == "open_cases_of_changed_scope"]
    assert (guard.refused, guard.actual) == (True, 3)
    assert "3 open case(s)" in guard.message


@pytest.mark.parametrize(("manifest", "guard"), [(CONNECTED, "changed_scope"), (EMPTY, "removed_integration")])
def test_the_cases_that_would_be_left_alone_are_named(manifest: str, guard: str):
    """The invoices of the open cases, twenty at most and the rest counted, in the guard's own words."""
    house = House()
    house.apply()
    ids = tuple(f"in_{number:02}" for number in range(23))
    plan = house.plan(manifest, live_cases={NAME: 23}, left_alone={NAME: ids})
    (refused,) = [each for each in plan.guards if each.id == f"open_cases_of_{guard}"]
    assert refused.refused
    assert f"({', '.join(ids[:20])} and 3 more)" in refused.message
    (few,) = [
        each
        for each in house.plan(manifest, live_cases={NAME: 1}, left_alone={NAME: ("in_9",)}).guards
        if each.id == f"open_cases_of_{guard}"
    ]
    assert few.message.endswith("(in_9)")


def test_the_second_column_is_not_seen_before_an_account_is_known():
    """Five rows wait for the first connected account and block nothing; the endpoints' row is the platform's own."""
    house = House()
    checks = [each for each in house.plan(CONNECTED).checks if each.id == "permission"]
    seen = {(each.details["row"], each.details["column"], each.status.value) for each in checks}
    assert ("Webhook Endpoints", "PERMISSIONS", "pass") in seen
    waiting = {each for each in seen if each[0] != "Webhook Endpoints"}
    assert {(column, status) for _, column, status in waiting} == {("CONNECT PERMISSIONS", "skipped")}
    assert len(waiting) == 5
    assert [each for each in checks if each.blocks] == []
    assert {path for _, path in house.calls if "account" in path} == {"/v1/account"}


def test_keys_without_the_second_column_are_told_so():
    """Both keys have the rows in the first column only: every row of the second is missing, and blocks the apply."""
    house = House()
    listed = CONNECTED.replace("connected_accounts\n", "connected_accounts\n      connected_accounts: [acct_9Else]\n")
    checks = [each for each in house.plan(listed).checks if each.details.get("column") == "CONNECT PERMISSIONS"]
    assert len(checks) == 10
    assert {each.status.value for each in checks} == {"fail"}
    assert all("in the column CONNECT PERMISSIONS" in each.hint for each in checks)


def test_a_listed_account_that_does_not_let_us_in_is_not_seen():
    """It was never connected: neither granted nor missing, and no reason against the apply."""
    house = House()
    for secret, key in house.world.sim.keys.items():
        house.world.sim.keys[secret] = replace(key, connect_permissions=key.permissions)
    listed = CONNECTED.replace("connected_accounts\n", "connected_accounts\n      connected_accounts: [acct_9Else]\n")
    checks = [each for each in house.plan(listed).checks if each.details.get("column") == "CONNECT PERMISSIONS"]
    assert {(each.status.value, each.blocks) for each in checks} == {("skipped", None)}
