"""The guide's permission table: what each row is for, and the Dashboard's pre-filled page for a new key.

Source: FlexPay's Stripe integration guide, step 1. Holds words; probes nothing.
"""

from __future__ import annotations

from typing import Final

from flexpay_reconcile.reconcile.observed import Permission

_CONSEQUENCES: Final = {
    "charge": "declines, refunds and the history of a card cannot be read, so nothing may be retried",
    "customer": "the default payment method cannot be read, so nothing may be retried",
    "payment_intent": "the outcome of an attempt cannot be read, so nothing may be retried",
    "invoice": "failed invoices cannot be read, retried or marked uncollectible",
    "subscription": "subscriptions cannot be read or cancelled when recovery fails",
    "webhook": "the webhook endpoint cannot be looked at, made or repaired",
}
ACCOUNT_ROW: Final = "rak_accounts_kyc_basic_read"
"""Lets a key read its account. Outside the guide's table; it proves whose key it is, and does no harm."""
_PERMISSIONS: Final = (
    "rak_charge_read",
    "rak_customer_read",
    "rak_payment_intent_read",
    "rak_invoice_write",
    "rak_subscription_write",
    "rak_webhook_write",
)
_KEY_PAGE: Final = "https://dashboard.stripe.com/{mode}apikeys/create?name=FlexPay%20{alias}%20Key"


def consequence(permission: Permission) -> str:
    """What does not work without it."""
    name = permission.permission.removeprefix("rak_")
    for start in sorted(_CONSEQUENCES, key=len, reverse=True):
        if name.startswith(start):
            return _CONSEQUENCES[start]
    return "part of recovery cannot work"


def key_page(alias: str, *, livemode: bool) -> str:
    """The Dashboard's page for a restricted key with exactly the guide's permissions ticked (an undocumented URL)."""
    page = _KEY_PAGE.format(mode="" if livemode else "test/", alias=alias.capitalize())
    return page + "".join(f"&permissions[{at}]={name}" for at, name in enumerate(_PERMISSIONS))
