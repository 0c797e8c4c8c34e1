"""Evidence that somebody else still retries: from open invoices, with their ids, against what was attested."""

from __future__ import annotations

import html
from typing import Any

import pytest

from flexpay_reconcile.operations.check_drift import check_drift
from flexpay_reconcile.reconcile import codec, drift_report
from flexpay_reconcile.reconcile.guidance import ManualStep, StepStatus
from flexpay_reconcile.reconcile.render import drift as drift_rendering
from flexpay_reconcile.reconcile.render.text import render
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.unit.operations_control.harness import ACCOUNT, MANIFEST, NAME, House, keys

DAY = 86_400


def attested(on: str) -> str:
    """The manifest with all five settings attested on that day."""
    return MANIFEST.replace(
        "    radar_allow_list: no\n",
        f"""    radar_allow_list: no
    smart_retries:
      stop_stripe_retries: per_invoice
      attested: {{by: a@acme.example, on: {on}, expires: 2027-06-01, previous_rules: "3, 5", custom_schedule_empty: true,
                 emails_off: true, subscription: leave_past_due, invoice: leave_past_due, other_dunning_off: true}}
""",
    )


def failed_renewal(billing: dict[str, Any], permissions: Any = "flexpay") -> House:
    """An account with these Billing settings, a day after ada's renewal failed for the first time."""
    world = build_world(
        {
            "version": 1,
            "seed": 7,
            "start": "2026-01-01T00:00:00Z",
            "accounts": {
                ACCOUNT: {
                    "livemode": False,
                    "billing": billing,
                    "keys": keys(permissions),
                    "prices": {"gold": {"amount": 2900, "currency": "usd", "interval": "month"}},
                    "customers": {
                        "ada": {"card": "pm_card_visa", "price": "gold", "started": "2025-12-10T09:00:00Z"},
                        "ben": {"card": "pm_card_mastercard", "price": "gold", "started": "2025-12-30T09:00:00Z"},
                    },
                }
            },
        }
    )
    control.decline(world, "ada", "insufficient_funds")
    world.advance_to(world.now + 10 * DAY)
    return House(world=world)


def step(house: House, manifest: str = MANIFEST) -> ManualStep:
    """The step about Stripe's own retries."""
    (found,) = [each for each in house.plan(manifest).manual_steps if each.id == "stripe_retry_settings"]
    return found


def open_invoice(house: House) -> str:
    """Ada's invoice."""
    (row,) = [row for row in control.open_invoices(house.world) if row["status"] == "open"]
    return str(row["id"])


SMART = {"retries": "smart"}
OFF = {"retries": "off"}


def test_an_invoice_that_stripe_retries_is_named() -> None:
    """Smart Retries are on: the step shows the invoice, its attempts and when Stripe charges it again."""
    house = failed_renewal(SMART)
    (seen,) = step(house).evidence
    assert seen.startswith(f"{open_invoice(house)}: attempted 1 time, and Stripe charges it again at 2026-01-")
    shown = render(codec.to_json(house.plan()))
    assert seen in shown
    assert "e-mails leave no trace" in shown


def test_no_retries_no_evidence() -> None:
    """Retries are off: an open, attempted invoice proves nothing."""
    house = failed_renewal(OFF)
    assert open_invoice(house)
    assert step(house).evidence == ()


def test_the_first_charge_is_no_retry() -> None:
    """Before the first attempt the same field holds the time of the first charge."""
    house = failed_renewal(SMART)
    row = house.account.table("invoice").rows[open_invoice(house)]
    row["attempt_count"], row["attempted"] = 0, False
    assert step(house).evidence == ()


@pytest.mark.parametrize(
    ("billing", "on", "status"),
    [
        (SMART, "2026-01-02", StepStatus.CONTRADICTED),
        (SMART, "2026-01-09", StepStatus.CONTRADICTED),
        (SMART, "2026-01-10", StepStatus.ATTESTED),
        (OFF, "2026-01-02", StepStatus.ATTESTED),
    ],
)
def test_evidence_against_an_attestation(billing: dict[str, Any], on: str, status: StepStatus) -> None:
    """Only an invoice from after the day of the attestation speaks against it: others keep their old schedule."""
    assert step(failed_renewal(billing), attested(on)).status is status


def test_a_contradicted_attestation_is_outstanding_work_and_drift() -> None:
    """It counts as a manual step (10 with --strict), and `drift` finds it with the invoice; apply is not stopped."""
    house = failed_renewal(SMART)
    manifest = attested("2026-01-02")
    before = codec.to_json(house.plan(manifest))
    assert before["summary"]["manual"] == 1
    assert "[attested, but Stripe still retries]" in render(before)
    house.apply(manifest)
    plan = check_drift(readers=house.parts.reader_for, state=house.parts.state, as_of=house.parts.clock.now())
    report = drift_report.report(plan, against="applied")
    (found,) = report["resource_drift"]
    assert report["drift_found"]
    assert (found["address"], found["event"]) == (f"stripe_retry_settings.{NAME}", "contradicted")
    assert open_invoice(house) in drift_rendering.render(report)
    assert open_invoice(house) in html.unescape(drift_rendering.markdown(report))


def test_what_cannot_be_read_is_no_evidence_and_no_acquittal() -> None:
    """Without the permission for invoices nothing is claimed, and the attestation stands as it was."""
    house = failed_renewal(SMART, permissions=["rak_charge_read"])
    found = step(house, attested("2026-01-02"))
    assert (found.status, found.evidence) == (StepStatus.ATTESTED, ())
