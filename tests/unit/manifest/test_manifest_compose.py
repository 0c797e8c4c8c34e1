"""A configuration as a manifest: what is composed loads to the same configuration, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.manifest.compose import compose
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.manifest.starter import starter_manifest
from flexpay_reconcile.values.instant import Span

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/flexpay*.yaml"))
RICH = """\
version: 1
currencies: [USD, EUR, JPY]
companies:
  "no": {name: "NO: a company # of 'ours'", stripe_account: acct_1Acme, time_zone: Europe/Berlin}
  b: {name: "1.5", stripe_account: acct_2Acme}
integrations:
  one:
    name: "null"
    company: "no"
    environment: live
    status: disabled
    description: "A: b, {c} [d] \\"e\\" – ä"
    api_keys: {type: restricted, primary: {env: ONE_PRIMARY}, fallback: {command: [vault, read, "-field=x y"]}}
    webhook:
      managed_by: manual
      url: https://recovery.acme.example/webhooks/stripe/one
      listen_to: connected_accounts
      signing_secret: {credential: acme-whsec}
      connected_accounts: [acct_9A, acct_9B]
    smart_retries:
      stop_stripe_retries: "no"
      attested: {by: billing@acme.example, on: 2026-11-20, expires: 2027-05-20, previous_rules: "3, 5, 7 days",
                 custom_schedule_empty: true, emails_off: true, subscription: leave_past_due, invoice: leave_past_due,
                 other_dunning_off: true}
    radar_allow_list: {ip: 203.0.113.7}
    take_over: false
    include_first_invoice: true
    drift_policy: heal
    retry_policy: fixed
    when_recovery_fails:
      subscription: {action: cancel_with_delay, delay: {days: 3, hours: 5}, delay_from: invoice_creation}
      invoice: mark_uncollectible_when_subscription_cancels
retry_policies:
  fixed:
    timing: fixed
    max_attempts: 3
    window: {days: 20, hours: 12}
    minimum_spacing: {hours: 36}
    quiet_hours: {from: "22:00", to: "07:30", time_zone: Europe/Berlin}
    fixed_schedule: [{days: 3}, {days: 5}, {days: 7}]
    migrate: true
    network_ceilings: {visa: {per_30_days: 12}}
guards: {max_certain_cancellations: 3, max_webhook_deletes: 2, impact_growth_percent: 5}
brakes:
  attempts: {per_minute: 5, per_day: 100}
  final_actions: {per_hour: 5, per_day: 7}
  take_over: {percent_of_book_per_day: 3}
  breaker: {window: {minutes: 10}, min_attempts: 3, open_when_errors_above_percent: 20, half_open_after: {hours: 1}}
"""


def read(text: str) -> Configuration:
    """The configuration of a manifest without faults."""
    loaded = load([("flexpay.yaml", text.encode())], allow_secret_commands=True)
    assert loaded.configuration is not None, [each.text() for each in loaded.diagnostics]
    return loaded.configuration


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_examples_come_back(path: Path):
    """Every example's configuration, composed and loaded, is the same."""
    wanted = read(path.read_text(encoding="utf-8"))
    assert read(compose(wanted)) == wanted


@pytest.mark.parametrize("text", [RICH, starter_manifest()], ids=["rich", "starter"])
def test_everything_that_can_be_said_comes_back(text: str):
    """Words that YAML would read otherwise, every field away from its default, and a command with arguments."""
    wanted = read(text)
    assert read(compose(wanted)) == wanted


def test_comments_stand_above_what_they_are_for():
    """They change nothing of what the manifest says, and a map with a comment inside is not folded into one line."""
    wanted = read(starter_manifest())
    told = {"integrations.acme-us-sandbox.webhook.url": "Two\nlines", "currencies": "Seen in charges"}
    text = compose(wanted, head="From an account", comments=told)
    assert text.startswith("# From an account\nversion: 1\n# Seen in charges\ncurrencies: [USD]\n")
    assert "      # Two\n      # lines\n      url: https://" in text
    assert read(text) == wanted


def test_no_duration_is_rounded():
    """Milliseconds have no word in a manifest: refused, never cut off."""
    wanted = read(starter_manifest())
    (policy,) = wanted.retry_policies.values()
    object.__setattr__(policy, "window", Span(86_400_001))
    with pytest.raises(Exception, match="no word for a duration"):
        compose(wanted)
