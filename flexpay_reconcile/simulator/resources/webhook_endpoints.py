"""Webhook endpoints: the secret is shown once, `connect` and `api_version` cannot be changed, sixteen at most.

May not send deliveries.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape, merge_metadata
from flexpay_reconcile.simulator.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import API_VERSION, Call, Obj

_UPDATE: Shape = {"url": "string", "enabled_events": "strings", "description": "string?", "metadata": "map"}
CREATE: Shape = {**_UPDATE, "url!": "string", "enabled_events!": "strings", "api_version": "string", "connect": "bool"}
del CREATE["url"], CREATE["enabled_events"]
UPDATE: Shape = {**_UPDATE, "disabled": "bool"}
LIST: Shape = PAGING
MOST = 16
_EVENT = re.compile(r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)+)$")
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
        if not _EVENT.match(event):
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
    if version is not None and version != API_VERSION:
        raise invalid(f"Invalid API version: {version[:40]}", param="api_version")
    if len(account.table("webhook_endpoint").rows) >= MOST:
        raise Refusal(
            400,
            f"You have reached the maximum of {MOST} test webhook endpoints."
            if not account.livemode
            else f"You have reached the maximum of {MOST} webhook endpoints.",
            saved=True,
        )
    endpoint = account.table("webhook_endpoint").add(
        {
            "id": sim.new_id(account, "we"),
            "object": "webhook_endpoint",
            "api_version": version,
            "application": None,
            "created": sim.now,
            "description": params.get("description") or None,
            "enabled_events": params["enabled_events"],
            "livemode": account.livemode,
            "metadata": merge_metadata({}, params.get("metadata") or {}),
            "status": "enabled",
            "url": params["url"],
        }
    )
    secret = "whsec_" + chance.token(32, sim.seed, account.id, account.livemode, endpoint["id"], "signing")
    account.secrets[endpoint["id"]] = secret
    return {**endpoint, "secret": secret}


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
    endpoint.update(params)
    return endpoint


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/webhook_endpoints/{id}"""
    found(call, id_)
    call.account.table("webhook_endpoint").remove(id_)
    call.account.secrets.pop(id_, None)
    return {"id": id_, "object": "webhook_endpoint", "deleted": True}


ROUTES: tuple[Route, ...] = (
    route("POST", "webhook_endpoints", create, "rak_webhook_write", CREATE),
    route("GET", "webhook_endpoints", listing, "rak_webhook_read", LIST),
    route("GET", "webhook_endpoints/*", retrieve, "rak_webhook_read"),
    route("POST", "webhook_endpoints/*", update, "rak_webhook_write", UPDATE),
    route("DELETE", "webhook_endpoints/*", delete, "rak_webhook_write"),
)
