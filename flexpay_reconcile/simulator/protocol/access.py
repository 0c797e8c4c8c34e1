"""API keys: who is asking, for which account and mode, and what the key may do.

Refusals are Stripe's: 401 for a key that is not valid, 403 `more_permissions_required` before any look at the object.
A restricted key has two columns of permissions: one for its own account, one (`connect_permissions`) for the connected
accounts it names with `Stripe-Account`. May not look at objects.

Sources: message and code of a missing permission as seen by many users (both wordings); a publishable key gets 403
`secret_key_required`, a key with a list of addresses gets 401 from another one (third-party logs). Which answer comes
first when several apply is inferred: key, address, kind of key, account, permission.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flexpay_reconcile.simulator.protocol.refusals import Refusal

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
NOUNS = {
    "charge": "Charges",
    "customer": "Customers",
    "payment_intent": "PaymentIntents",
    "invoice": "Invoices",
    "credit_note": "Credit Notes",
    "subscription": "Subscriptions",
    "webhook": "Webhook Endpoints",
    "event": "Events",
    "payment_method": "Payment Methods",
    "setup_intent": "SetupIntents",
    "product": "Products",
    "plan": "Prices",
    "dispute": "Disputes",
    "radar": "Radar",
    "review": "Reviews",
    "connected_account": "Accounts",
    "accounts_kyc_basic": "Accounts KYC Basic",
    "billing_clock": "Test clocks",
}
"""The noun of every permission and the Dashboard's row that grants it.

`radar`, `review` and `billing_clock` are inferred (unconfirmed names).
"""
KNOWN = frozenset(f"rak_{noun}_{verb}" for noun in NOUNS for verb in ("read", "write"))
WORDINGS = ("old", "new")
NO_PERMISSIONS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key. `permissions` None means a standard key, which may do everything; so does `connect_permissions`.

    `wording` is the sentence Stripe uses for a missing permission. `foreign_address`: every request comes from an
    address that the key does not allow.
    """

    secret: str
    account: str
    livemode: bool
    name: str
    env: str | None = None
    permissions: frozenset[str] | None = None
    connect_permissions: frozenset[str] | None = NO_PERMISSIONS
    wording: str = "old"
    publishable: bool = False
    foreign_address: bool = False
    revoked: bool = False
    expires_at: int | None = None

    def allows(self, permission: str, account: str | None = None) -> bool:
        """Whether the key carries the permission for this account, its own if None (write implies read)."""
        if self.permissions is None:
            return True
        column = self.permissions if account in (None, self.account) else self.connect_permissions
        return column is None or permission in column


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
    """The key of the request, or a 401 (403 for a publishable key)."""
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
        raise Refusal(401, f"Invalid API Key provided: {masked(secret[:300])}")
    if key.expires_at is not None and key.expires_at <= now:
        raise Refusal(401, f"Expired API Key provided: {masked(secret)}", code="api_key_expired")
    if key.foreign_address:
        raise Refusal(401, "The API key provided does not allow requests from your IP address (127.0.0.1).")
    if key.publishable:
        raise Refusal(
            403,
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list "
            "of your API keys at https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
        )
    return key


def acting_on(key: Key, headers: Mapping[str, str]) -> str:
    """The id of the account a request is about: the key's own, or the one named by `Stripe-Account`.

    `Stripe-Context` counts as the same where it names one account. A restricted key whose Connect column is empty is
    refused here (words: stripe/stripe-mirakl-connector issue 33; the status 403 is inferred).
    """
    other = headers.get("stripe-account") or headers.get("stripe-context")
    if not other or other == key.account:
        return key.account
    if key.permissions is not None and not key.connect_permissions:
        raise Refusal(
            403,
            "You passed a restricted API key with the Stripe-Account header, but the restricted API key does not have "
            "any Connect permissions.",
        )
    return other


def no_such_account(key: Key, account: str) -> Refusal:
    """The 403 for an account that is not there, not connected, no longer connected, or not in this mode."""
    return Refusal(
        403,
        f"The provided key '{masked(key.secret)}' does not have access to account '{account[:60]}' (or that account "
        "does not exist). Application access may have been revoked.",
        code="account_invalid",
    )


def require(key: Key, permission: str | None, account: str | None = None) -> None:
    """403 when the key lacks the permission for the account (its own if None); None is open to every key."""
    if permission is None or key.allows(permission, account):
        return
    raise Refusal(
        403,
        f"The provided key '{masked(key.secret)}' does not have the required permissions for this endpoint on account "
        f"'{account or key.account}'. {_remedy(permission, key.wording)} would allow this request to continue.",
        code="more_permissions_required",
    )


def _remedy(permission: str, wording: str) -> str:
    """What would help, in the older or the newer sentence."""
    if wording == "old":
        return f"Having the '{permission}' permission"
    name = permission.removeprefix("rak_")
    noun, _, verb = name.rpartition("_")
    return f"Enabling {NOUNS.get(noun, noun)} {verb.capitalize()} ('{name}') permissions on this key"
