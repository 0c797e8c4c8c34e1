"""Looking at an account's configuration: whose key it is, what it may do, which webhook endpoints there are.

Changes nothing: GETs and exactly the three write probes of the permission table, which name objects that cannot
exist. The transport itself refuses anything else (invariant E1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import AccountId, InvoiceId
from flexpay_reconcile.values.instant import Instant


class Proof(StrEnum):
    """How an account's identity became known."""

    ACCOUNT_READ = "account_read"
    """`GET /v1/account` answered."""
    PERMISSION_REFUSAL = "permission_refusal"
    """Stripe named the account when it refused that read."""
    KNOWN_OBJECT = "known_object"
    """The key opens an object that is on record as the account's."""
    UNPROVEN = "unproven"
    """None of these; somebody has to accept the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose key it is. `account` is None when unproven; `livemode` is what the key's prefix says."""

    account: AccountId | None
    livemode: bool
    how: Proof


class ProbeResult(StrEnum):
    """What a permission probe came to. Only a clear answer counts as granted."""

    GRANTED = "granted"
    """Stripe let the probe through to the object."""
    LACKING = "lacking"
    """Stripe refused for want of the permission."""
    UNSEEN = "unseen"
    """There is no connected account to probe on yet."""
    SKIPPED = "skipped"
    """Reading is granted; writing was not probed, on request."""
    UNKNOWN = "unknown"
    """Any other answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One row of the guide's permission table.

    `permission` is the `rak_…` name the row stands for, or the one Stripe named as missing; `message` is for people.
    """

    row: str
    access: str
    column: str
    permission: str
    result: ProbeResult
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRetry:
    """An open, attempted subscription invoice that Stripe itself is going to charge again."""

    invoice: InvoiceId
    attempts: int
    created: Instant
    next_attempt: Instant


class AccountReader(Protocol):
    """One integration's view of its account, through one named key or, for endpoints, the primary.

    Raises TryLater when Stripe cannot be reached or limits us, OperatorError (KEY_REFUSED) on a refused key.
    """

    def identity(self, alias: KeyAlias, known: str | None = None) -> Identity:
        """Whose key it is; a missing permission is an answer, not an error.

        `known` is the id of a webhook endpoint on record as made in the integration's account: asked for only where
        Stripe names no account.
        """
        ...

    def probe(self, alias: KeyAlias, *, write_probes: bool) -> tuple[Probe, ...]:
        """The six rows, in the guide's order. Without write probes the write rows are at best SKIPPED."""
        ...

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """Every endpoint of the account, ours or not."""
        ...

    def scheduled_retries(self) -> tuple[ScheduledRetry, ...]:
        """Among the hundred newest open invoices, those that Stripe has scheduled another attempt for.

        Empty also where only connected accounts are acted for and none is known yet.
        """
        ...


AccountReaderFor = Callable[[Integration], AccountReader]
"""Gives the reader of an integration; OperatorError when its keys cannot be resolved."""
