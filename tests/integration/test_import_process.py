"""`flexpay import` as a real process against a simulator over HTTP: an account that exists, its manifest and state lost."""

from __future__ import annotations

import json

from tests.integration.ground import Ground

ACCOUNT = "acct_1AcmeUS"
KEYS = ("--primary", "env:ACME_US_STRIPE_PRIMARY", "--fallback", "env:ACME_US_STRIPE_FALLBACK")


def test_a_manifest_lost_is_had_back_and_plans_nothing(applied: Ground):
    """With its state the plan after it is empty; without, it replaces nothing, and names the secret it needs."""
    manifest = applied.example / "flexpay.yaml"
    manifest.unlink()
    assert "wrote flexpay.yaml" in applied.ok("import", *KEYS, "--account", ACCOUNT)
    assert "No changes." in applied.ok("plan", "--detailed-exitcode")
    again = applied.run("import", *KEYS, "--account", ACCOUNT)
    assert (again.returncode, again.stdout) == (1, "")
    assert "was left as it is" in again.stderr
    elsewhere = str(applied.folder / "elsewhere.db")
    applied.ok("import", *KEYS, "--account", ACCOUNT, "--overwrite", FLEXPAY_STATE=elsewhere)
    assert "signing_secret: {env: ACME_US_SANDBOX_SIGNING_SECRET}" in manifest.read_text(encoding="utf-8")
    planned = applied.run("plan", "--format", "json", FLEXPAY_STATE=elsewhere)
    rows = json.loads(planned.stdout)["resource_changes"]
    assert [each["action_reason"] for each in rows if each["kind"] == "webhook_endpoint"] == ["adopt"]
    assert not [each["address"] for each in rows if "delete" in each["change"]["actions"]]
