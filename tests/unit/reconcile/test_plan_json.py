"""The public JSON: valid, deterministic, bound to what it was made from, without secrets; text from it alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import codec, stale
from flexpay_reconcile.reconcile.data import plan_schema
from flexpay_reconcile.reconcile.render import markdown
from flexpay_reconcile.reconcile.render.text import render
from flexpay_reconcile.values.instant import Instant
from tests.unit.operations_control.harness import EMPTY, MANIFEST, House

MOVED = MANIFEST.replace("acme.example/hooks", "acme.example/other")
ROOT = Path(__file__).resolve().parents[3]
FRESH_PLAN = """
from tests.unit.operations_control.harness import House
from flexpay_reconcile.reconcile import codec
import sys
sys.stdout.write(codec.to_text(codec.to_json(House().plan(state=False))))
"""


def documents() -> dict[str, dict]:
    """Plans of every kind of change, as public JSON."""
    house = House()
    found = {"first": codec.to_json(house.plan(state=False))}
    house.apply()
    found["empty"] = codec.to_json(house.plan())
    house.endpoint()["status"] = "disabled"
    found["drift"] = codec.to_json(house.plan(MOVED))
    found["removed"] = codec.to_json(house.plan(EMPTY))
    house.endpoint()["api_version"] = None
    found["replace"] = codec.to_json(house.plan())
    house.delete_in_dashboard(next(iter(house.endpoints)))
    found["gone"] = codec.to_json(house.plan())
    blind = House(permissions=["rak_charge_read"])
    found["blind"] = codec.to_json(blind.plan())
    return found


@pytest.fixture(scope="module")
def plans():
    """All of them, made once."""
    return documents()


def test_every_plan_is_valid_under_its_schema(plans):
    """What is printed is what the published schema says."""
    validator = jsonschema.Draft7Validator(plan_schema())
    jsonschema.Draft7Validator.check_schema(plan_schema())
    for name, document in plans.items():
        assert [each.message for each in validator.iter_errors(document)] == [], name


def test_the_schema_refuses_what_is_no_plan(plans):
    """A plan without its binds, or with an action nobody knows, is refused."""
    validator = jsonschema.Draft7Validator(plan_schema())
    assert not validator.is_valid({key: value for key, value in plans["first"].items() if key != "binds"})
    changed = json.loads(json.dumps(plans["first"]))
    changed["resource_changes"][0]["change"]["actions"] = ["explode"]
    assert not validator.is_valid(changed)


def test_same_inputs_same_bytes_over_hash_seeds():
    """Four processes with other hash seeds make the same plan, to the byte."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", FRESH_PLAN],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77", "4242")
    }
    assert len(outputs) == 1
    assert b'"plan_id": "sha256:' in outputs.pop()


def test_as_of_is_the_one_instant():
    """The same facts at the same instant give the same plan id; another instant another."""
    house = House()
    when = Instant.from_text("2026-01-01T00:00:00Z")
    one, two = (codec.to_json(house.plan(state=False, as_of=when)) for _ in range(2))
    later = codec.to_json(house.plan(state=False, as_of=Instant.from_text("2026-01-02T00:00:00Z")))
    assert one == two
    assert one["plan_id"] != later["plan_id"]


def test_a_saved_plan_reads_back_and_a_changed_one_does_not(plans):
    """One character changed by hand, another major version or other JSON is refused with PLAN_STALE."""
    text = codec.to_text(plans["first"])
    assert codec.read_saved(text) == plans["first"]
    for bad in (
        text.replace("recovery.acme.example", "attacker.example"),
        text.replace('"format_version": "1.0"', '"format_version": "2.0"'),
        "{}",
        "[1, 2]",
        "not json",
        "[" * 100_000,
    ):
        with pytest.raises(OperatorError) as refused:
            codec.read_saved(bad)
        assert refused.value.kind is ErrorKind.PLAN_STALE


def test_an_unmoved_world_leaves_a_saved_plan_as_it_is():
    """Made again, a plan differs in nothing that counts; accepting the account at apply is no difference."""
    house = House()
    saved = codec.to_json(house.plan(accepted_accounts=frozenset()))
    assert stale.differences(saved, codec.to_json(house.plan())) == ()


def test_what_moved_is_named():
    """Another manifest, another state, a moved endpoint: each is said."""
    house = House()
    saved = codec.to_json(house.plan())
    house.apply()
    fresh = codec.to_json(house.plan(MOVED))
    words = "; ".join(stale.differences(saved, fresh))
    assert "the manifest is not the one" in words
    assert "the state was written since" in words
    assert "webhook_endpoint.acme-us-sandbox moved" in words
    assert "another state" in "; ".join(stale.differences(saved, codec.to_json(House(world=house.world).plan())))


def test_no_secret_is_in_any_plan_or_its_text(plans):
    """Neither keys nor signing secrets, whole or in part, appear anywhere (E6)."""
    house = House()
    house.apply()
    secrets = [*house.secrets(), "rk_test_primary0123456789", "rk_test_fallback0123456789"]
    everything = "".join(codec.to_text(each) + render(each) for each in plans.values())
    everything += codec.to_text(codec.to_json(house.plan()))
    assert "whsec_" not in everything
    for secret in secrets:
        assert secret not in everything
        assert secret[-8:] not in everything


def test_text_has_the_symbols_and_the_summary(plans):
    """Every kind of change shows its symbol, and the last line counts them."""
    shown = {name: render(document) for name, document in plans.items()}
    assert "  + webhook_endpoint.acme-us-sandbox" in shown["first"]
    assert "Plan: 8 to create, 0 to change, 0 to replace, 0 to delete." in shown["first"]
    assert "No changes." in shown["empty"]
    assert "  ~ webhook_endpoint.acme-us-sandbox" in shown["drift"]
    assert 'status  "disabled" → "enabled"  (changed at Stripe)' in shown["drift"]
    assert "  - webhook_endpoint.acme-us-sandbox" in shown["removed"]
    assert "-/+ webhook_endpoint.acme-us-sandbox" in shown["replace"]
    assert "deleted at Stripe since the last apply" in shown["gone"]
    assert "not planned, because it could not be seen" in shown["blind"]
    assert "  ! acme-us-sandbox: switch off Stripe's own retries" in shown["empty"]


def test_colour_is_only_paint():
    """With colour the words are the same."""
    document = codec.to_json(House().plan())
    plain, painted = render(document), render(document, colour=True)
    assert "\x1b[" not in plain
    for code in ("0", "1", "2", "31", "32", "33"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


def test_control_characters_do_not_reach_the_terminal(plans):
    """A description from Stripe that holds an escape sequence is shown without it."""
    house = House()
    house.apply()
    house.endpoint()["description"] = "\x1b[2Jgone"
    assert "\x1b" not in render(codec.to_json(house.plan()))


def test_markdown_fits_a_comment_and_is_inert(plans):
    """It begins with its marker, is never too long, and carries no markup or mention of other people's words."""
    for document in plans.values():
        shown = markdown.render(document)
        assert shown.startswith(markdown.MARKER)
    evil = json.loads(json.dumps(plans["drift"]))
    evil["resource_changes"][-1]["address"] = "x|<script>@team`"
    evil["checks"] = [{"id": "x", "status": "fail", "address": "a", "message": "```\n# big " * 20_000, "hint": ""}]
    evil["checks"][0]["message"] = evil["checks"][0]["message"][:200_000]
    shown = markdown.render(evil)
    assert len(shown) <= markdown.MOST
    head = shown.partition("<details>")[0]
    assert "<script>" not in head
    assert "@team" not in head


def test_impact_is_not_invented(plans):
    """Where nobody was asked what the plan means for money in flight, it says exactly that."""
    nothing = {"forecast": "not_asked", "certain_cancellations": 0, "integrations": []}
    assert all(document["impact"] == nothing for document in plans.values())


def test_what_does_not_fit_is_counted(plans):
    """A plan with thousands of changes and failed checks is cut at whole lines, and each part says how many it lacks."""
    big = json.loads(json.dumps(plans["first"]))
    change, check = (
        big["resource_changes"][-1],
        {"id": "x", "status": "fail", "address": "a", "hint": "", "details": {}},
    )
    big["resource_changes"] = [{**change, "address": f"webhook_endpoint.n{at}"} for at in range(3000)]
    big["checks"] = [{**check, "message": f"check {at}", "blocks": None} for at in range(3000)]
    shown = markdown.render(big)
    assert len(shown) <= markdown.MOST
    head, _, body = shown.partition("<details>")
    rows = [each for each in head.splitlines() if "webhook&#95;endpoint.n" in each]
    failed = [each for each in head.splitlines() if each.startswith("- **fail**")]
    assert f"| | {3000 - len(rows)} more changes, which the plan's JSON has | | |" in head
    assert f"- {3000 - len(failed)} more checks, which the plan's JSON has" in head
    text = render(big).rstrip("\n").split("\n")
    kept = body.partition("diff\n")[2].partition("\n```")[0].splitlines()
    assert kept[-1] == f"{len(text) - len(kept) + 1} more lines, which the plan's JSON has"
    assert kept[:-1] == text[: len(kept) - 1]
    assert shown.endswith("</details>\n")


def test_what_fits_is_not_cut(plans):
    """A plan of usual size is there to the last line."""
    for document in plans.values():
        assert "which the plan's JSON has" not in markdown.render(document)
        assert render(document).rstrip("\n").splitlines()[-1] in markdown.render(document)


def shut(schema: Any) -> Any:
    """The schema with every object closed to keys that it does not describe."""
    if isinstance(schema, list):
        return [shut(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: shut(each) for name, each in schema.items()}
    if isinstance(closed.get("properties"), dict) and "type" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def test_the_schema_describes_every_key_of_a_plan(plans):
    """Nothing is in a plan that the published schema has no word for."""
    validator = jsonschema.Draft7Validator(shut(plan_schema()))
    for name, document in plans.items():
        assert [each.message for each in validator.iter_errors(document)] == [], name
    assert not validator.is_valid({**plans["first"], "surprise": 1})
