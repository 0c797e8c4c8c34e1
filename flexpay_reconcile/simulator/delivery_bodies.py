"""The bytes and the signature of a delivery: as Stripe makes them, or spoiled by a fault of the script.

An endpoint with an `api_version` gets that version's name in the body, and its shape where `versions` knows it: an
endpoint pinned to a still older version gets the shape of the version spoken. May not decide what goes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flexpay_reconcile.simulator import versions
from flexpay_reconcile.simulator.protocol.delivery_faults import Kind
from flexpay_reconcile.simulator.protocol.encoding import encoded
from flexpay_reconcile.simulator.protocol.webhooks import signatures

Obj = dict[str, Any]
OLD_VERSION = "2024-06-20"
NEW_WORD = "simulated_new_value"
_SKEW = 600
_ENUMS = ("status", "billing_reason", "collection_method", "reason", "type", "capture_method")


def made(
    event: Obj, secrets: Sequence[str], now: int, *, version: str | None, account: str | None, fault: str | None
) -> tuple[bytes, str]:
    """Body and `Stripe-Signature` of one try. `account` is the connected account a Connect endpoint is told."""
    shown: Obj = event
    if account is not None:
        shown = {**shown, "account": account}
    shown = versions.event_shown(version, shown)
    if fault == Kind.WRONG_VERSION:
        shown = _before_basil(shown)
    elif fault == Kind.NEW_ENUM:
        shown = _with_new_words(shown)
    elif fault == Kind.UNKNOWN_TYPE:
        shown = {**shown, "type": f"{shown['type'].partition('.')[0]}.{NEW_WORD}"}
    body = encoded(shown)
    if fault == Kind.BAD_SIGNATURE:
        secrets = [secret[::-1] for secret in secrets]
    elif fault == Kind.STALE:
        now -= _SKEW
    elif fault == Kind.FUTURE:
        now += _SKEW
    header = signatures(secrets, body, now, test=not event["livemode"])
    return (body[: len(body) // 2] if fault == Kind.TRUNCATED else body), header


def _before_basil(event: Obj) -> Obj:
    """The event under an old version: invoices name their subscription themselves (docs: changelog basil)."""
    obj = dict(event["data"]["object"])
    if obj.get("object") == "invoice":
        details = (obj.pop("parent", None) or {}).get("subscription_details") or {}
        obj.update(subscription=details.get("subscription"), paid=obj["status"] == "paid", charge=None)
    return {**event, "api_version": OLD_VERSION, "data": {**event["data"], "object": obj}}


def _with_new_words(event: Obj) -> Obj:
    """The event with values from a future version in every enumeration at the top of the object."""
    obj = event["data"]["object"]
    words = {name: NEW_WORD for name in _ENUMS if isinstance(obj.get(name), str)}
    return {**event, "data": {**event["data"], "object": {**obj, **words}}}
