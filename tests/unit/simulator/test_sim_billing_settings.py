"""An account's Billing settings, read from a scenario and from the control interface."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator import settings
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError
from flexpay_reconcile.simulator.settings import BillingSettings
from tests.unit.simulator.dunned import ACCOUNT
from tests.unit.simulator.helpers import small_world


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"retries": "often"}, "retries"),
        ({"retries": "smart", "tries": 9}, "tries"),
        ({"tries": True}, "tries"),
        ({"window_days": 10}, "window_days"),
        ({"retries": "custom", "rules": [1, 2, 3, 4]}, "rules"),
        ({"retries": "custom", "rules": [0]}, "rules[0]"),
        ({"retries": "custom", "rules": "3"}, "rules"),
        ({"retries": "smart", "rules": [3]}, "rules"),
        ({"subscription": "deleted"}, "subscription"),
        ({"invoice": "void"}, "invoice"),
        ({"emails": "yes"}, "emails"),
        ({"overdue_days": -1}, "overdue_days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_field(given: dict[str, Any], field: str) -> None:
    """Reading settings names the field that is wrong, and a scenario its path."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse(given)
    assert caught.value.field == field
    with pytest.raises(ScenarioError) as told:
        small_world(billing=given)
    assert told.value.path == f"accounts.{ACCOUNT}.billing.{field}"


def test_settings_that_are_no_table_are_refused() -> None:
    """A list is no settings; a bare `off` of YAML means off."""
    with pytest.raises(ScenarioError, match=r"billing: must be a map"):
        small_world(billing=[1])
    assert settings.parse({"retries": False}).retries == "off"
    assert settings.parse({"retries": "smart", "tries": 4, "window_days": 7, "emails": True}) == BillingSettings(
        retries="smart", tries=4, window_days=7, emails=True
    )


def test_the_control_verb_refuses_what_it_does_not_know() -> None:
    """A wrong word, an unknown account, an unclear account."""
    world = small_world()
    for given, message in (
        ({"retries": "often"}, "retries"),
        ({"account": "acct_nobody"}, "no account"),
        ({"rules": "3,x", "retries": "custom"}, "rules"),
        ({"emails": "perhaps"}, "emails"),
    ):
        with pytest.raises(control.ControlError, match=message):
            control_api.post(world, "billing", given)
    assert control_api.post(world, "billing", {"retries": "custom", "rules": "3, 5,7", "emails": "true"})["billing"][
        "rules"
    ] == [3, 5, 7]
