"""Manual steps: what only a person can do, and how long their word holds."""

from __future__ import annotations

import pytest

from flexpay_reconcile.reconcile.guidance import StepStatus, steps_for
from flexpay_reconcile.values.instant import Instant
from tests.unit.operations_control.harness import MANIFEST, NAME, House

ATTESTED = MANIFEST.replace(
    "    radar_allow_list: no\n",
    """    radar_allow_list: {ip: 203.0.113.7}
    smart_retries:
      stop_stripe_retries: per_invoice
      attested: {by: a@acme.example, on: 2025-12-01, expires: 2026-06-01, previous_rules: "3, 5", custom_schedule_empty: true,
                 emails_off: true, subscription: leave_past_due, invoice: leave_past_due, other_dunning_off: true}
""",
)


def steps(manifest: str, when: str = "2026-01-01T00:00:00Z") -> dict:
    """The steps of the harness's integration, by id."""
    configuration = House.load(manifest).configuration
    assert configuration is not None
    return {each.id: each for each in steps_for(configuration.integrations[NAME], Instant.from_text(when))}


def test_without_attestation_the_settings_are_outstanding():
    """Nobody said it was done: the exact steps, and the page to go to."""
    step = steps(MANIFEST)["stripe_retry_settings"]
    assert step.status is StepStatus.OUTSTANDING
    assert step.url == "https://dashboard.stripe.com/test/revenue_recovery/retries"
    assert len(step.steps) >= 6


@pytest.mark.parametrize(
    ("when", "status"),
    [
        ("2026-05-31T23:59:59Z", StepStatus.ATTESTED),
        ("2026-06-01T00:00:00Z", StepStatus.EXPIRED),
        ("2027-01-01T00:00:00Z", StepStatus.EXPIRED),
    ],
)
def test_an_attestation_holds_until_its_date(when, status):
    """On its last day it has run out."""
    assert steps(ATTESTED, when)["stripe_retry_settings"].status is status


def test_an_attestation_of_another_setting_is_none():
    """E-mails still on: the step stays outstanding."""
    half = ATTESTED.replace("emails_off: true", "emails_off: false")
    assert steps(half)["stripe_retry_settings"].status is StepStatus.OUTSTANDING


def test_the_allow_list_is_a_step_and_never_claimed():
    """The daemon's own address is named; we cannot read the list, and say so."""
    step = steps(ATTESTED)["radar_allow_list"]
    assert step.status is StepStatus.UNVERIFIABLE
    assert "203.0.113.7" in " ".join(step.steps)
    assert "radar_allow_list" not in steps(MANIFEST)
