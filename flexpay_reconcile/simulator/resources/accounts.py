"""Accounts: the key's own (`GET /v1/account`) and, for a platform, those connected to it.

An account object is made when it is first asked for and kept from then on. May not show what a key without
`rak_accounts_kyc_basic_read` must not see (the routes ask for it), nor decide who may act for whom (`access` does).
"""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.access import no_such_account
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_PROFILE = (
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
_DUE = ("currently_due", "errors", "eventually_due", "past_due", "pending_verification")


def application_of(platform: Account) -> Obj:
    """The Connect application of a platform."""
    return {"id": "ca_" + chance.token(32, platform.id, "application"), "object": "application", "name": platform.name}


def row(sim: Simulation, account: Account) -> Obj:
    """The account object; connected accounts also show their controller, capabilities and requirements."""
    found = account.find("account", account.id)
    if found is None:
        found = account.table("account").add(_made(account))
        if account.platform is not None:
            found.update(_connected(sim))
    return found


def _made(account: Account) -> Obj:
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {**dict.fromkeys(_PROFILE), "name": account.name},
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


def _connected(sim: Simulation) -> Obj:
    return {
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "controller": {"type": "account"},
        "created": sim.wall,
        "future_requirements": requirements(None),
        "requirements": requirements(None),
    }


def requirements(disabled_reason: str | None) -> Obj:
    """What Stripe still wants to know of a connected account: nothing."""
    return {
        "alternatives": [],
        "current_deadline": None,
        **{name: [] for name in _DUE},
        "disabled_reason": disabled_reason,
    }


def connected_to(sim: Simulation, platform: Account) -> Iterator[Account]:
    """The accounts connected to a platform in its mode, in the order in which the world learnt of them."""
    mode = platform.livemode
    return (each for each in sim.accounts.values() if each.platform == platform.id and each.livemode is mode)


def retrieve_own(call: Call) -> Obj:
    """GET /v1/account: with `Stripe-Account`, that of the connected account."""
    return row(call.sim, call.account)


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/accounts/{id}: the own one or a connected one; 403 `account_invalid` for any other."""
    if id_ == call.account.id:
        return row(call.sim, call.account)
    for account in connected_to(call.sim, call.account):
        if account.id == id_:
            return row(call.sim, account)
    raise no_such_account(call.key, id_)


def listing(call: Call) -> Obj:
    """GET /v1/accounts: the connected accounts; empty for an account that is no platform."""
    sim = call.sim
    platform = Account(call.account.id, livemode=call.account.livemode, name=call.account.name, country="")
    for account in connected_to(sim, call.account):
        platform.table("account").add(row(sim, account))
    return page(Call(sim, platform, call.key, call.params), "account", "/v1/accounts")


_LIST: Shape = {**PAGING, "created": "range"}
ROUTES: tuple[Route, ...] = (
    route("GET", "account", retrieve_own, "rak_accounts_kyc_basic_read"),
    route("GET", "accounts", listing, "rak_accounts_kyc_basic_read", _LIST),
    route("GET", "accounts/*", retrieve, "rak_accounts_kyc_basic_read"),
)
