"""Connect: a platform looks at its accounts, acts for one of them, hears of it, and is left by it."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.control import control_api
from tests.conformance.tours.guide import CONNECTED, HOOK, Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked across accounts."""
    v1 = guide.v1
    guide.read(v1.webhook_endpoints.create({"url": HOOK, "enabled_events": ["*"], "connect": True}))
    guide.read(v1.accounts.list({"limit": 3}))
    guide.read(v1.accounts.retrieve(CONNECTED))
    guide.refused(lambda: v1.accounts.retrieve("acct_1Nobody"), 403)
    options: Any = {"stripe_account": CONNECTED}
    guide.read(v1.accounts.retrieve_current(None, options))
    guide.read(v1.customers.create({"name": "Dora"}, options))
    guide.wait(10)
    page = guide.read(v1.invoices.list({"limit": 2}, options))
    assert page.data
    guide.read(v1.events.list({"limit": 3}, options))
    assert {event["account"] for event in guide.heard if "account" in event} == {CONNECTED}
    control_api.post(guide.world, "restrict-account", {"account": CONNECTED, "reason": "requirements.past_due"})
    control_api.post(guide.world, "deauthorize", {"account": CONNECTED})
    guide.wait(0.1)
    guide.refused(lambda: v1.customers.list(None, options), 403)
