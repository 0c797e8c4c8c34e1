"""`--target` and `--exclude`: part of a manifest, with what it depends on; the rest stays as it was applied."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.ports.control_state import Step, StepState
from flexpay_reconcile.reconcile.data import plan_schema
from tests.unit.operations_control.harness import MANIFEST, NAME

OTHER = "acme-connect"
_BLOCK = MANIFEST[MANIFEST.index(f"  {NAME}:") : MANIFEST.index("retry_policies:")]
_SECOND = (
    _BLOCK.replace(NAME, OTHER).replace("listen_to: account", "listen_to: connected_accounts").replace("/hooks", "/c")
)
TWO = MANIFEST.replace("retry_policies:", _SECOND + "retry_policies:", 1)
MOVED = TWO.replace("/hooks", "/moved").replace("acme.example/c", "acme.example/moved-too")


@pytest.fixture
def two(shop):
    """A manifest with two integrations of one account."""
    write(TWO)
    return shop


def write(manifest: str) -> None:
    """The manifest in the working folder."""
    Path("flexpay.yaml").write_text(manifest, encoding="utf-8")


def urls(shop) -> dict[str, str]:
    """The path of each endpoint, by integration."""
    return {each["metadata"]["fp_integration"]: each["url"].rpartition("/")[2] for each in shop.endpoints.values()}


def addresses(capsys, *more: str) -> set[str]:
    """The addresses a plan would change."""
    capsys.readouterr()
    assert entry(["plan", "--format", "json", *more]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(plan_schema()).validate(document)
    return {each["address"] for each in document["resource_changes"] if each["change"]["actions"] != ["no-op"]}


def in_force():
    """The newest revision."""
    parts = bootstrap.open_control("flexpay-state.db", None)
    try:
        return parts.state.latest()
    finally:
        parts.close()


def test_a_target_brings_along_what_it_depends_on(two, capsys):
    """One endpoint is asked for: its integration, keys, company, policy and currencies come with it, the other does not."""
    assert entry(["apply", "--auto-approve", "--target", f"webhook_endpoint.{NAME}"]) == 0
    assert urls(two) == {NAME: "hooks"}
    revision = in_force()
    assert set(revision.configuration.integrations) == {NAME}
    assert revision.applied_by.endswith(f"--target webhook_endpoint.{NAME}")
    left = addresses(capsys)
    assert {f"integration.{OTHER}", f"key_pair.{OTHER}", f"webhook_endpoint.{OTHER}"} <= left
    assert not {each for each in left if NAME in each or each.startswith(("company", "retry_policy", "currency"))}
    assert entry(["apply", "--auto-approve"]) == 0
    assert addresses(capsys) == set()
    entry(["history"])
    assert f"--target webhook_endpoint.{NAME}" in capsys.readouterr().out


def test_what_is_excluded_takes_along_what_depends_on_it(two, capsys):
    """Without one integration the other is made; without the company neither can be."""
    assert {each for each in addresses(capsys, "--exclude", "company.*") if "acme" in each} == set()
    assert entry(["apply", "--auto-approve", "--exclude", f"integration.{OTHER}"]) == 0
    assert urls(two) == {NAME: "hooks"}


def test_the_rest_stays_as_it_was_applied(two, capsys):
    """Both moved in the manifest and one was touched at Stripe: a glob for the other leaves both of its changes."""
    entry(["apply", "--auto-approve"])
    write(MOVED)
    for endpoint in two.endpoints.values():
        endpoint["description"] = "mine"
    assert addresses(capsys, "--target", f"*.{NAME}") == {f"integration.{NAME}", f"webhook_endpoint.{NAME}"}
    assert entry(["apply", "--auto-approve", "--target", f"*.{NAME}"]) == 0
    assert urls(two) == {NAME: "moved", OTHER: "c"}
    assert [each["description"] for each in two.endpoints.values()].count("mine") == 1
    applied = in_force().configuration.integrations
    assert applied[OTHER].webhook.url.endswith("/c")
    assert applied[NAME].webhook.url.endswith("/moved")
    assert addresses(capsys) == {f"integration.{OTHER}", f"webhook_endpoint.{OTHER}"}


def test_a_removed_integration_may_be_aimed_at(two, capsys):
    """Both are gone from the manifest and one is targeted: that one is removed, the other stays."""
    entry(["apply", "--auto-approve"])
    start, end = TWO.index(f"  {NAME}:"), TWO.index("retry_policies:")
    write(TWO[: start - len("integrations:\n")] + "integrations: {}\n" + TWO[end:])
    assert entry(["apply", "--auto-approve", "--target", f"integration.{OTHER}"]) == 0
    assert urls(two) == {NAME: "hooks"}
    assert set(in_force().configuration.integrations) == {NAME}


def test_a_saved_plan_remembers_its_target(two, capsys):
    """Saved for one integration it applies that one only; flags beside a saved plan are refused."""
    assert entry(["plan", "--target", f"integration.{NAME}", "--out", "plan.json"]) == 0
    assert entry(["apply", "plan.json", "--target", f"integration.{OTHER}"]) == 64
    assert two.endpoints == {}
    assert entry(["apply", "plan.json"]) == 0
    assert urls(two) == {NAME: "hooks"}


def test_a_pattern_that_matches_nothing_is_64(two, capsys):
    """A slip of the pen would apply nothing, or everything: both flags tell it."""
    for flag in ("--target", "--exclude"):
        assert entry(["plan", flag, "webhook_endpoint.acme-uk"]) == 64
        assert "matches no address" in capsys.readouterr().err


def test_an_interrupted_apply_of_another_integration_comes_first(two, capsys):
    """Its unfinished step would be settled by a look that did not look at it: refused (7), and the step stays."""
    entry(["apply", "--auto-approve"])
    parts = bootstrap.open_control("flexpay-state.db", None)
    step = Step(
        run_id="killed",
        number=1,
        address=f"webhook_endpoint.{OTHER}",
        action="update",
        state=StepState.INTENDED,
        idempotency_key="fp-apply:killed:1",
        detail={},
        at=parts.clock.now(),
    )
    parts.state.intend(step)
    write(MOVED)
    assert entry(["apply", "--auto-approve", "--target", f"integration.{NAME}"]) == 7
    assert [each.run_id for each in parts.state.unfinished_steps()] == ["killed"]
    parts.close()
    assert urls(two) == {NAME: "hooks", OTHER: "c"}
