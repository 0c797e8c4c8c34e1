"""For random pairs of manifests and random mischief in the Dashboard, one apply is enough (invariant E2)."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
from hypothesis import strategies as st

from tests.unit.operations_control.harness import EMPTY, MANIFEST, House
from tests.unit.operations_control.test_apply_crashes import lose

EXAMPLES = int(os.environ.get("FLEXPAY_TEST_EXAMPLES", "60"))
"""`make converge` draws many more."""

HOOK = "managed_by: manual\n      signing_secret: {env: HOOK_SECRET}"


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A manifest of the harness with some of its values changed, or without its integration."""
    if draw(st.integers(0, 5)) == 0:
        return EMPTY
    text = MANIFEST
    for old, new in (
        ("status: enabled", "status: disabled"),
        ("acme.example/hooks", "acme.example/other"),
        ("FlexPay Webhook EndPoint", "another description"),
        ("managed_by: flexpay", HOOK),
        ("max_attempts: 8", "max_attempts: 5"),
        ("listen_to: account", "listen_to: connected_accounts"),
        ("currencies: [USD]", "currencies: [EUR, USD]"),
        ("{max_webhook_deletes: 1}", "{max_webhook_deletes: 9}"),
    ):
        if draw(st.booleans()):
            text = text.replace(old, new)
    return text


def disable(house: House) -> None:
    """Switch every endpoint off."""
    for endpoint in house.endpoints.values():
        endpoint["status"] = "disabled"


def rewrite(house: House) -> None:
    """Change what every endpoint hears and says."""
    for endpoint in house.endpoints.values():
        endpoint["enabled_events"] = ["invoice.paid", "invoice.created"]
        endpoint["description"] = None


def age(house: House) -> None:
    """Make every endpoint one of an unreadable version."""
    for endpoint in house.endpoints.values():
        endpoint["api_version"] = None


def delete(house: House) -> None:
    """Delete every endpoint."""
    for endpoint_id in house.endpoints:
        house.delete_in_dashboard(endpoint_id)


def forget_secret(house: House) -> None:
    """Lose the signing secret of the one endpoint, if there is one."""
    if len(house.endpoints) == 1:
        lose(house)


def unmark(house: House) -> None:
    """Take a mark of ours off every endpoint, and put somebody else's on."""
    for endpoint in house.endpoints.values():
        endpoint["metadata"] = {**endpoint["metadata"], "fp_managed_by": "somebody", "theirs": "1"}


def leave(house: House) -> None:
    """Do nothing."""


MISCHIEF: Any = st.sampled_from([leave, disable, rewrite, age, delete, forget_secret, unmark])


@hypothesis.given(before=manifests(), mischief=MISCHIEF, after=manifests())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
def test_one_apply_is_enough(before, mischief, after):
    """After it the plan is empty, every listened-to secret is right, and a second apply calls and writes nothing."""
    house = House()
    house.apply(before)
    mischief(house)
    house.apply(after)
    assert not house.plan(after).has_changes
    if after != EMPTY and HOOK not in after:
        assert house.secrets() == tuple(house.secret_at_stripe(each) for each in house.endpoints if house.owns(each))
    house.calls.clear()
    serial = house.parts.state.identity().serial
    house.apply(after)
    assert house.writes() == []
    assert house.parts.state.identity().serial == serial
