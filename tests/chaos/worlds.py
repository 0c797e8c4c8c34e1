"""What one round is played on: a seeded merchant and the manifest it is run with, as files. Starts nothing."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import worlds as small

HOUR = 3_600
DAY = 24 * HOUR
WINDOW_DAYS = 8
SPACING_HOURS = 24
MAX_ATTEMPTS = 4
CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_discover")
_MANIFEST = """\
version: 1
currencies: [USD]
companies:
  sim-co: {{name: Sim Co, stripe_account: acct_1SimCo, time_zone: America/New_York}}
integrations:
  sim-co:
    name: Sim Co (sandbox)
    company: sim-co
    environment: sandbox
    status: enabled
    description: FlexPay Webhook EndPoint
    api_keys: {{type: restricted, primary: {{env: SIM_PRIMARY}}, fallback: {{env: SIM_FALLBACK}}}}
    webhook: {{managed_by: flexpay, url: "http://127.0.0.1:{port}/webhooks/stripe/sim-co", listen_to: account}}
    smart_retries:
      attested:
        {{by: billing@sim.example, on: 2025-12-31, expires: 2026-06-30, previous_rules: none,
         custom_schedule_empty: true, emails_off: true, subscription: leave_past_due, invoice: leave_past_due,
         other_dunning_off: true}}
      stop_stripe_retries: per_invoice
    radar_allow_list: no
    take_over: {take_over}
    retry_policy: default
    when_recovery_fails:
      subscription: {{action: {action}}}
      invoice: mark_uncollectible_when_subscription_cancels
retry_policies:
  default: {{timing: even, max_attempts: {attempts}, window: {{days: {window}}}, minimum_spacing: {{hours: {spacing}}}}}
brakes:
  attempts: {{per_minute: {per_minute}}}
  final_actions: {{per_hour: {final_per_hour}}}
  take_over: {{percent_of_book_per_day: 40}}
"""
_ACTIONS = (
    "cancel_with_delay, delay: {days: 0, hours: 0}, delay_from: hard_decline",
    "cancel_with_delay, delay: {days: 1, hours: 2}, delay_from: hard_decline",
    "cancel_at_period_end",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One round's draw."""

    seed: int
    customers: dict[str, dict[str, object]]
    action: str
    take_over: bool
    per_minute: int
    final_per_hour: int


def draw(seed: int, *, customers: int = 24) -> Recipe:
    """The same for the same seed; every second round cancels at the period's end, the others take over."""
    rng = random.Random(f"world {seed}")
    people = {
        f"c{number:02d}": small.customer(
            rng.choice(CARDS), renews_in_days=rng.uniform(0.1, 7.0), price="gold" if number % 8 == 7 else "weekly"
        )
        for number in range(customers)
    }
    return Recipe(
        seed=seed,
        customers=people,
        action=_ACTIONS[2 if seed % 2 == 0 else seed % 4 // 2],
        take_over=seed % 2 == 1,
        per_minute=rng.choice((2, 3, 60)),
        final_per_hour=rng.choice((1, 2, 50)),
    )


def write(recipe: Recipe, folder: Path, port: int) -> Path:
    """The manifest, and the scenario's path."""
    text = _MANIFEST.format(
        port=port,
        take_over=str(recipe.take_over).lower(),
        action=recipe.action,
        attempts=MAX_ATTEMPTS,
        window=WINDOW_DAYS,
        spacing=SPACING_HOURS,
        per_minute=recipe.per_minute,
        final_per_hour=recipe.final_per_hour,
    )
    (folder / "flexpay.yaml").write_text(text, encoding="utf-8")
    scenario = folder / "scenario.yaml"
    document = small.scenario(recipe.customers, seed=recipe.seed)
    scenario.write_text(json.dumps(document, indent=1), encoding="utf-8")  # JSON is YAML
    return scenario
