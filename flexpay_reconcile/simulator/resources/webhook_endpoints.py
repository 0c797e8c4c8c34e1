"""Webhook endpoints: the secret is shown once, `connect` and `api_version` cannot be changed, sixteen of each scope.

No answer shows `connect` [SDK, OpenAPI]; `application` of a Connect endpoint names the platform's application [INFER:
the field's description]. That sixteen account endpoints leave room for sixteen Connect endpoints is inferred, too.
An endpoint may ask for any version Stripe knows; see `delivery_bodies` for what it gets. May not send deliveries.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.event_types import API_VERSIONS, EVENT_TYPES
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.protocol.webhooks import ROLL_OVERLAP
from flexpay_reconcile.simulator.resources.accounts import application_of
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_UPDATE: Shape = {"url": "string", "enabled_events": "strings", "description": "string?", "metadata": "map"}
CREATE: Shape = {**_UPDATE, "url!": "string", "enabled_events!": "strings", "api_version": "string", "connect": "bool"}
del CREATE["url"], CREATE["enabled_events"]
UPDATE: Shape = {**_UPDATE, "disabled": "bool"}
LIST: Shape = PAGING
MOST = 16
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def _checked_url(call: Call, url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url", code="url_invalid"
        )
    # On real Stripe live endpoints need public HTTPS; loopback is let through, being all a simulator can reach.
    if call.account.livemode and parts.scheme != "https" and host not in _LOCAL_NAMES:
        raise invalid(
            "Invalid URL: URL must be publicly accessible over HTTPS in live mode.", param="url", code="url_invalid"
        )


def _checked_events(events: list[str]) -> None:
    if not events:
        raise invalid("Invalid array: enabled_events must not be empty", param="enabled_events")
    for number, event in enumerate(events):
        if event != "*" and event not in EVENT_TYPES:
            raise invalid(
                f"Invalid enabled_events[{number}]: {event[:60]} is not an event type",
                param=f"enabled_events[{number}]",
            )


def create(call: Call) -> Obj:
    """POST /v1/webhook_endpoints: the only answer that shows the secret."""
    params, account, sim = call.params, call.account, call.sim
    _checked_url(call, params["url"])
    _checked_events(params["enabled_events"])
    version = params.get("api_version")
    if version is not None and version not in API_VERSIONS:
        raise invalid(f"Invalid API version: {version[:40]}", param="api_version")
    connect = params.get("connect", False)
    rows, connected = account.table("webhook_endpoint").rows, len(account.hooks.connect)
    if (connected if connect else len(rows) - connected) >= MOST:
        mode = "" if account.livemode else "test "
        raise Refusal(400, f"You have reached the maximum of {MOST} {mode}webhook endpoints.", saved=True)
    endpoint = account.table("webhook_endpoint").add(
        {
            "id": sim.new_id(account, "we"),
            "object": "webhook_endpoint",
            "api_version": version,
            "application": application_of(account)["id"] if connect else None,
            "created": sim.now,
            "description": params.get("description") or None,
            "enabled_events": params["enabled_events"],
            "livemode": account.livemode,
            "metadata": merge_metadata({}, params.get("metadata") or {}),
            "status": "enabled",
            "url": params["url"],
        }
    )
    if connect:
        account.hooks.connect.add(endpoint["id"])
    account.secrets[endpoint["id"]] = secret = _secret(sim, account, endpoint["id"])
    sim.ledger.state(sim.now, account.id, endpoint["id"], "enabled")
    return {**endpoint, "secret": secret}


def _secret(sim: Simulation, account: Account, endpoint: str, *roll: int) -> str:
    return "whsec_" + chance.token(32, sim.seed, account.id, account.livemode, endpoint, "signing", *roll)


def roll_secret(sim: Simulation, account: Account, endpoint: str, *, overlap: int) -> str:
    """The Dashboard's roll: a new secret; the old one signs beside it for `overlap` seconds (0 to a day)."""
    if not 0 <= overlap <= ROLL_OVERLAP:
        raise ValueError(f"an old secret lives on for at most {ROLL_OVERLAP} seconds")
    if overlap:
        old = account.hooks.old_secrets.setdefault(endpoint, [])
        old.append((account.secrets[endpoint], sim.wall + overlap))
    else:
        account.hooks.old_secrets.pop(endpoint, None)
    account.secrets[endpoint] = secret = _secret(sim, account, endpoint, account.count(f"roll {endpoint}"))
    return secret


def found(call: Call, id_: str) -> Obj:
    """The endpoint, or 404."""
    endpoint = call.account.find("webhook_endpoint", id_)
    if endpoint is None:
        raise missing("webhook_endpoint", id_, param="webhook_endpoint")
    return endpoint


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/webhook_endpoints/{id}"""
    return found(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/webhook_endpoints"""
    return page(call, "webhook_endpoint", "/v1/webhook_endpoints")


def update(call: Call, id_: str) -> Obj:
    """POST /v1/webhook_endpoints/{id}"""
    endpoint = found(call, id_)
    params = dict(call.params)
    if "url" in params:
        _checked_url(call, params["url"])
    if "enabled_events" in params:
        _checked_events(params["enabled_events"])
    if "metadata" in params:
        params["metadata"] = merge_metadata(endpoint["metadata"], params["metadata"])
    if "description" in params:
        params["description"] = params["description"] or None
    if "disabled" in params:
        params["status"] = "disabled" if params.pop("disabled") else "enabled"
    if params.get("status", endpoint["status"]) != endpoint["status"]:
        call.sim.ledger.state(call.sim.now, call.account.id, id_, params["status"])
    endpoint.update(params)
    return endpoint


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/webhook_endpoints/{id}"""
    found(call, id_)
    call.account.table("webhook_endpoint").remove(id_)
    call.account.secrets.pop(id_, None)
    call.account.hooks.old_secrets.pop(id_, None)
    call.account.hooks.connect.discard(id_)
    call.sim.ledger.state(call.sim.now, call.account.id, id_, "deleted")
    return {"id": id_, "object": "webhook_endpoint", "deleted": True}


ROUTES: tuple[Route, ...] = (
    route("POST", "webhook_endpoints", create, "rak_webhook_write", CREATE),
    route("GET", "webhook_endpoints", listing, "rak_webhook_read", LIST),
    route("GET", "webhook_endpoints/*", retrieve, "rak_webhook_read"),
    route("POST", "webhook_endpoints/*", update, "rak_webhook_write", UPDATE),
    route("DELETE", "webhook_endpoints/*", delete, "rak_webhook_write"),
)
