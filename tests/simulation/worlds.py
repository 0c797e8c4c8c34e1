"""Small merchants as plain dicts, and the manifest they are run with. Starts nothing."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.manifest import load
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.simulator.state import Account
from flexpay_reconcile.simulator.world import World

ACCOUNT = "acct_1SimCo"
SHOP = "acct_3Shop"
"""The account whose book it is where `ACCOUNT` is a platform."""
CONNECTED = f"connected_accounts\n      connected_accounts: [{SHOP}]"
"""What a manifest listens to there."""
INTEGRATION = "sim-co"
START = "2026-01-01T00:00:00Z"

_MANIFEST = """\
version: 1
currencies: [USD]
companies:
  sim-co:
    name: Sim Co
    stripe_account: acct_1SimCo
    time_zone: America/New_York
integrations:
  sim-co:
    name: Sim Co (sandbox)
    company: sim-co
    environment: sandbox
    status: {status}
    description: FlexPay Webhook EndPoint
    api_keys:
      type: restricted
      primary: {{env: SIM_PRIMARY}}
      fallback: {{env: SIM_FALLBACK}}
    webhook:
      managed_by: flexpay
      url: http://127.0.0.1:8787/webhooks/stripe/sim-co
      listen_to: {listen_to}
    smart_retries:
      attested:
        by: billing@sim.example
        on: 2025-11-20
        expires: 2026-05-20
        previous_rules: none
        custom_schedule_empty: true
        emails_off: true
        subscription: leave_past_due
        invoice: leave_past_due
        other_dunning_off: true
      stop_stripe_retries: {stop}
    radar_allow_list: no
    take_over: {take_over}
    include_first_invoice: {first_invoice}
    retry_policy: default
    when_recovery_fails:
      subscription: {{action: {action}{delay}}}
      invoice: {invoice}
retry_policies:
  default:
    timing: {timing}
    max_attempts: {attempts}
    window: {{days: {window_days}}}
    minimum_spacing: {{hours: {spacing_hours}}}
{more}"""


def text(
    *,
    status: str = "enabled",
    stop: str = "per_invoice",
    delay_days: int = 0,
    timing: str = "even",
    attempts: int = 4,
    window_days: int = 8,
    spacing_hours: int = 24,
    more: str = "",
    take_over: bool = False,
    first_invoice: bool = False,
    delay_from: str = "hard_decline",
    action: str = "cancel_with_delay",
    invoice: str = "mark_uncollectible_when_subscription_cancels",
    listen_to: str = "account",
) -> str:
    """The text of a manifest."""
    return _MANIFEST.format(
        status=status,
        stop=stop,
        delay=f", delay: {{days: {delay_days}, hours: 0}}, delay_from: {delay_from}" if "_with_delay" in action else "",
        timing=timing,
        attempts=attempts,
        window_days=window_days,
        spacing_hours=spacing_hours,
        more=more,
        take_over=str(take_over).lower(),
        first_invoice=str(first_invoice).lower(),
        action=action,
        invoice=invoice,
        listen_to=listen_to,
    )


def manifest(**choices: Any) -> Loaded:
    """A loaded manifest, with the choices of `text`."""
    return load_text(text(**choices))


def load_text(written: str) -> Loaded:
    """AssertionError with its diagnostics when it is not valid."""
    loaded = load.load([("flexpay.yaml", written.encode())])
    assert loaded.configuration is not None, [each.text() for each in loaded.diagnostics]
    return loaded


def customer(card: str = "pm_card_visa", *, renews_in_days: float = 1.0, price: str = "gold") -> dict[str, Any]:
    """A customer whose next renewal comes so many days after the start: `gold` a month after the last, `weekly`, `daily`."""
    seconds = int(renews_in_days * 86_400)
    period = {"gold": 31, "weekly": 7, "daily": 1}[price]
    return {"card": card, "price": price, "started": _START_SECONDS + seconds - period * 86_400}


_START_SECONDS = 1_767_225_600
"""START as epoch seconds."""


def book(world: World) -> Account:
    """The one account whose payments are recovered: connected to a platform, or on its own."""
    accounts = {each.id: each for each in world.sim.accounts.values()}
    return accounts[SHOP] if SHOP in accounts else accounts[ACCOUNT]


def scenario(customers: dict[str, dict[str, Any]], *, seed: int = 1) -> dict[str, Any]:
    """One test-mode account with both restricted keys and these customers."""
    daily = {"daily": {"amount": 100, "currency": "usd", "interval": "day"}}
    keys = [
        {"env": env, "name": name, "type": "restricted", "permissions": "flexpay"}
        for env, name in (("SIM_PRIMARY", "primary"), ("SIM_FALLBACK", "fallback"))
    ]
    return {
        "version": 1,
        "seed": seed,
        "start": START,
        "accounts": {
            ACCOUNT: {
                "name": "Sim Co",
                "country": "US",
                "livemode": False,
                "keys": keys,
                "prices": {
                    "gold": {"amount": 2900, "currency": "usd", "interval": "month"},
                    "weekly": {"amount": 900, "currency": "usd", "interval": "week"},
                }
                | (daily if any(each.get("price") == "daily" for each in customers.values()) else {}),
                "customers": customers,
            }
        },
    }


def connected(customers: dict[str, dict[str, Any]], *, seed: int = 1) -> dict[str, Any]:
    """The same book at an account connected to a platform that has no customers of its own."""
    made = scenario(customers, seed=seed)
    own = made["accounts"].pop(ACCOUNT)
    keys = [{**key, "connect_permissions": "flexpay"} for key in own.pop("keys")]
    platform = {"name": "Platform", "livemode": False, "keys": keys}
    made["accounts"] = {ACCOUNT: platform, SHOP: {**own, "platform": ACCOUNT}}
    return made
