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
        "business_profile": {
            **dict.fromkeys(
                (
                    "annual_revenue",
                    "estimated_worker_count",
                    "mcc",
                    "minority_owned_business_designation",
                    "product_description",
                    "support_address",
                    "support_email",
                    "support_phone",
                    "support_url",
                    "url",
                )
            ),
            "name": account.name,
        },
        "business_type": None,
        "charges_enabled": True,
        "country": account.country,
        "default_currency": "usd" if account.country == "US" else "eur",
        "details_submitted": True,
        "email": None,
        "groups": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": account.name, "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": None,
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
        },
        "type": "standard",
    }


ROUTES: tuple[Route, ...] = (route("GET", "account", retrieve, "rak_accounts_kyc_basic_read"),)
