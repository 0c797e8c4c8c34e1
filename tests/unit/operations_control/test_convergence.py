"""For random pairs of manifests and random mischief in the Dashboard, one apply is enough (invariant E2)."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from typing import Any

import hypothesis
import yaml
from hypothesis import strategies as st

from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.render import text
from flexpay_reconcile.reconcile.render.words import SYMBOLS
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
    manifest = MANIFEST
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
            manifest = manifest.replace(old, new)
    return manifest


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


def shuffled(text: str, chance: random.Random) -> str:
    """The same manifest with the keys of every map in another order, as JSON, which YAML reads too."""

    def turned(node: Any) -> Any:
        if isinstance(node, dict):
            names = list(node)
            chance.shuffle(names)
            return {name: turned(node[name]) for name in names}
        if isinstance(node, list):
            return [turned(each) for each in node]
        return {"true": True, "false": False}.get(node, int(node) if node.isdigit() else node)

    return json.dumps(turned(yaml.load(text, Loader=yaml.BaseLoader)), indent=1)  # noqa: S506 - text alone


def without_places(node: Any) -> Any:
    """A plan but for where in the file each thing is said, and the two hashes that cover it."""
    if isinstance(node, dict):
        return {name: without_places(each) for name, each in node.items() if name not in PLACES}
    return [without_places(each) for each in node] if isinstance(node, list) else node


PLACES = frozenset({"source", "place", "manifest_digest", "plan_id"})


@hypothesis.given(before=manifests(), mischief=MISCHIEF, after=manifests(), chance=st.randoms(use_true_random=False))
@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
def test_the_order_of_keys_means_nothing(before, mischief, after, chance):
    """The keys of every map in another order: the same configuration, and the same plan but for the places named."""
    house = House()
    house.apply(before)
    mischief(house)
    other = shuffled(after, chance)
    assert house.load(other).configuration == house.load(after).configuration
    assert without_places(codec.to_json(house.plan(other))) == without_places(codec.to_json(house.plan(after)))


LINE = re.compile(r"^ *(\S+) ([a-z_]+\.\S+)")


@hypothesis.given(before=manifests(), mischief=MISCHIEF, after=manifests())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
def test_text_and_json_say_the_same(before, mischief, after):
    """Every change of the JSON is one line of the text with its own symbol and address, and no other line is one."""
    house = House()
    house.apply(before)
    mischief(house)
    document = codec.to_json(house.plan(after))
    told = text.render(document).partition("\n\n")[0].splitlines()[1:]
    found = Counter(match.groups() for line in told if (match := LINE.match(line)) and match[1] in SYMBOLS.values())
    assert found == Counter(
        (SYMBOLS["replace" if len(actions) > 1 else actions[0]], each["address"])
        for each in document["resource_changes"]
        if (actions := each["change"]["actions"]) != ["no-op"]
    )
    assert sum(found.values()) == len(house.plan(after).work)
