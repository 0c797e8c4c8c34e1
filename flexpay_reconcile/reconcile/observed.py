"""What was seen of an account, in this room's own words; `operations/observe_account` fills it in. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.reconcile.resource import Unseen
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIdentity:
    """Whose key one of the two is. `account` is None where Stripe would not say; `how` is for people.

    `reads_account`: it may read the account itself, which is not among the guide's six permissions.
    """

    alias: str
    account: str | None
    livemode: bool
    how: str
    reads_account: bool = False


class Grant(StrEnum):
    """What a permission probe came to."""

    GRANTED = "granted"
    """The key has it."""
    LACKING = "lacking"
    """The key lacks it."""
    UNKNOWN = "unknown"
    """No clear answer; never taken for granted."""
    UNSEEN = "unseen"
    """There is no connected account to ask about yet."""
    SKIPPED = "skipped"
    """Not asked, because write probes were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One row of the guide's permission table, for one key."""

    alias: str
    row: str
    access: str
    column: str
    permission: str
    grant: Grant
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeRetry:
    """An open invoice that Stripe itself has scheduled another attempt for."""

    invoice: str
    attempts: int
    created: Instant
    next_attempt: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """What was seen through the two keys of one integration; each part may be unseen by itself."""

    identities: tuple[KeyIdentity, ...] | Unseen
    permissions: tuple[Permission, ...] | Unseen
    endpoints: tuple[WebhookEndpoint, ...] | Unseen
    retries: tuple[StripeRetry, ...] | Unseen = ()
