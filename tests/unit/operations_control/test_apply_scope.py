"""Whose events an endpoint hears cannot be changed in place: a new one is made, the old one goes, and cases are asked."""

from __future__ import annotations

from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.guards import ask
from tests.unit.operations_control.harness import MANIFEST, NAME, House, change_of

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
