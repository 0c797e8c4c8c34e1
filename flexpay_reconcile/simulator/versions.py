"""API versions by header: which ones can be asked for, and how the older ones differ from the one spoken.

The simulator keeps objects in the shape of `API_VERSION`. Releases of one major (the word after the date) only add
(docs: API versioning), so the earlier release of the same major is answered alike. The major before it differs by what
Stripe's OpenAPI document 2026-05-27.dahlia and the SDK of the version spoken say: no `status_details` of invoices and
subscriptions, no pause of a subscription, the billing cycle anchor of an update as a word, a resumption without
`payment_behavior`. That the document of May stands for all of that major's months is inferred. Still older versions are
refused, because nothing here says what they looked like. May not change a stored object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.simulator.protocol.event_types import API_VERSIONS
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.protocol.route import Route
from flexpay_reconcile.simulator.state import API_VERSION, Obj

OLDER = "dahlia"
"""The major that is answered beside the one spoken."""
_MAJOR = API_VERSION.partition(".")[2]
ANSWERED = frozenset(each for each in API_VERSIONS if each.partition(".")[2] in (_MAJOR, OLDER))
_ADDED: dict[str, str] = {"invoice": "status_details", "subscription": "status_details"}
_ANCHORED = (("subscriptions", "*"), ("subscriptions", "*", "resume"))
_PAUSE = ("subscriptions", "*", "pause")


def checked(version: str | None) -> str:
    """The version to answer in; 400 for words that are none (as Stripe) and for versions not known here."""
    if version is None or version == API_VERSION:
        return API_VERSION
    if version not in API_VERSIONS:
        raise Refusal(400, f"Invalid Stripe API version: {version[:60]}")
    if version not in ANSWERED:
        raise Refusal(
            400,
            f"Invalid Stripe API version: {version}. This simulator speaks {API_VERSION}, and of the older versions "
            f"{', '.join(sorted(ANSWERED - {API_VERSION}))}.",
        )
    return version


def is_older(version: str | None) -> bool:
    """Whether a version is of the older major that is answered."""
    return version in ANSWERED and version is not None and version.endswith("." + OLDER)


def route_of(version: str, route: Route) -> Route | None:
    """The endpoint with the parameters it had in that version; None where it did not exist."""
    if not is_older(version) or route.method != "POST":
        return route
    if route.path == _PAUSE:
        return None
    if route.path not in _ANCHORED:
        return route
    shape: Shape = {**route.shape, "billing_cycle_anchor": ("now", "unchanged")}
    if route.path[-1] == "resume":
        del shape["payment_behavior"]
    return replace(route, shape=shape)


def translated(route: Route, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an older version as the version spoken gives them."""
    if route.path in _ANCHORED and isinstance(given.get("billing_cycle_anchor"), str):
        return {**given, "billing_cycle_anchor": {"type": given["billing_cycle_anchor"]}}
    return given


def shown(version: str, answer: Obj) -> Obj:
    """An answer in that version. Events stay as they are: each is kept in the version it was made in."""
    return _without(answer) if is_older(version) else answer


def event_shown(version: str | None, event: Obj) -> Obj:
    """An event as an endpoint pinned to that version gets it; of versions not answered it gets the name alone."""
    if version is None or version == event["api_version"]:
        return event
    event = {**event, "api_version": version}
    if not is_older(version):
        return event
    data = event["data"]
    changed = {**data, "object": _without(data["object"])}
    added = _ADDED.get(data["object"].get("object", ""))
    if added in data.get("previous_attributes", ()):
        changed["previous_attributes"] = {n: v for n, v in data["previous_attributes"].items() if n != added}
    return {**event, "data": changed}


def _without(node: Any) -> Any:
    """Objects without the fields that were added since; what holds none of them is handed back as it is."""
    if isinstance(node, list):
        return [_without(each) for each in node]
    if not isinstance(node, dict) or node.get("object") == "event":
        return node
    added = _ADDED.get(node.get("object", ""))
    return {name: _without(value) for name, value in node.items() if name != added}
