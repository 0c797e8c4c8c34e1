"""The account itself: `GET /v1/account`.

May not show what a key without `rak_accounts_kyc_basic_read` must not see (the route asks for it).
"""

from __future__ import annotations

from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Call, Obj


def retrieve(call: Call) -> Obj:
    """GET /v1/account"""
    account = call.account
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {"name": account.name},
        "charges_enabled": True,
        "country": account.country,
        "default_currency": "usd" if account.country == "US" else "eur",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": account.name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


ROUTES: tuple[Route, ...] = (route("GET", "account", retrieve, "rak_accounts_kyc_basic_read"),)
