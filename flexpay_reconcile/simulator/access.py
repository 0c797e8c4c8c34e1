"""API keys: who is asking, for which account and mode, and what the key may do.

Refusals are Stripe's: 401 for a key that is not valid, 403 `more_permissions_required` before any look at the object.
May not look at objects.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flexpay_reconcile.simulator.refusals import Refusal

FLEXPAY_PRESET = frozenset(
    {
        "rak_charge_read",
        "rak_customer_read",
        "rak_payment_intent_read",
        "rak_invoice_write",
        "rak_subscription_write",
        "rak_webhook_write",
    }
)
KNOWN = frozenset(
    f"rak_{noun}_{verb}"
    for noun in (
        "charge",
        "customer",
        "payment_intent",
        "invoice",
        "credit_note",
        "subscription",
        "webhook",
        "event",
        "payment_method",
        "product",
        "plan",
        "accounts_kyc_basic",
    )
    for verb in ("read", "write")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key. `permissions` None means a standard key, which may do everything."""

    secret: str
    account: str
    livemode: bool
    name: str
    env: str | None = None
    permissions: frozenset[str] | None = None
    revoked: bool = False
    expires_at: int | None = None

    def allows(self, permission: str) -> bool:
        """Whether the key carries the permission (write implies read)."""
        return self.permissions is None or permission in self.permissions


def permission_set(names: Iterable[str]) -> frozenset[str]:
    """The names with everything they imply; ValueError names an unknown one."""
    result = set()
    for name in names:
        if name not in KNOWN:
            raise ValueError(f"unknown permission {name!r}")
        result.add(name)
        if name.endswith("_write"):
            result.add(name[: -len("write")] + "read")
    if "rak_invoice_write" in result:
        result.add("rak_credit_note_read")
    return frozenset(result)


def masked(secret: str) -> str:
    """As Stripe prints a key: prefix, stars, last four."""
    head = "_".join(secret.split("_")[:2]) + "_" if secret.count("_") >= 2 else ""
    tail = secret[-4:] if len(secret) - len(head) > 8 else ""
    return head + "*" * max(len(secret) - len(head) - len(tail), 4) + tail


def presented(headers: Mapping[str, str]) -> str | None:
    """The key a request carries (Bearer, or Basic with the key as user)."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
    return None


def authenticate(keys: Mapping[str, Key], headers: Mapping[str, str], now: int) -> Key:
    """The key of the request, or a 401."""
    secret = presented(headers)
    if secret is None:
        raise Refusal(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication"
            " for details, or we can help at https://support.stripe.com/.",
        )
    key = keys.get(secret)
    if key is None or key.revoked:
        raise Refusal(401, f"Invalid API Key provided: {masked(secret)}")
    if key.expires_at is not None and key.expires_at <= now:
        raise Refusal(401, f"Expired API Key provided: {masked(secret)}", code="api_key_expired")
    return key


def require(key: Key, permission: str | None) -> None:
    """403 when the key lacks the permission; None is for endpoints open to every key."""
    if permission is None or key.allows(permission):
        return
    raise Refusal(
        403,
        f"The provided key '{masked(key.secret)}' does not have the required permissions for this endpoint on account "
        f"'{key.account}'. Having the '{permission}' permission would allow this request to continue.",
        code="more_permissions_required",
    )
