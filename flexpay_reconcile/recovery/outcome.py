"""What an attempt came to. A decline is an answer, not an error; unknown is not failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.charge import RefusalFacts
from flexpay_reconcile.recovery.attempt import KeyAlias, SettledBy
from flexpay_reconcile.values.ids import ChargeId
from flexpay_reconcile.values.instant import Span


class NotSubmittedReason(StrEnum):
    """Why a call surely executed nothing."""

    RATE_LIMITED = "rate_limited"
    """A 429 of the limiter (`Stripe-Rate-Limited-Reason`)."""
    LOCK_TIMEOUT = "lock_timeout"
    """A 429 because the object was busy; the same key goes again through the same API key."""
    CONNECTION_REFUSED = "connection_refused"
    """No connection was made, so nothing was sent."""
    KEY_REFUSED = "key_refused"
    """401: the API key is revoked, expired or wrong."""
    PERMISSION_MISSING = "permission_missing"
    """403: the API key lacks a permission."""
    ACCOUNT_LOST = "account_lost"
    """The connected account is not, or no longer, open to the platform's key."""
    INVOICE_MISSING = "invoice_missing"
    """404: no such invoice for this key."""
    NO_PAYMENT_METHOD = "no_payment_method"
    """400: the payment method is gone or cannot be used."""
    REFUSED_REQUEST = "refused_request"
    """Any other 400: Stripe did not like the request itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The invoice reads paid in the answer."""

    charge: ChargeId | None
    request_id: str | None = None
    key_alias: KeyAlias = KeyAlias.PRIMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """Refused; `refusal` holds all that was said."""

    refusal: RefusalFacts
    charge: ChargeId | None
    request_id: str | None = None
    key_alias: KeyAlias = KeyAlias.PRIMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Accepted, not yet paid: a slow payment method."""

    charge: ChargeId | None
    request_id: str | None = None
    key_alias: KeyAlias = KeyAlias.PRIMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToPay:
    """Stripe says there is nothing to pay: already paid, or void."""

    because: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSubmitted:
    """Surely not executed: the same attempt may go again with the same key."""

    reason: NotSubmittedReason
    because: str
    retry_after: Span
    request_id: str | None = None
    key_alias: KeyAlias = KeyAlias.PRIMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """Maybe executed: timeout, broken answer, 5xx, key in flight. Must be asked (invariants B1, B5, B6)."""

    because: str
    alarm: bool = False
    settled_by: SettledBy = SettledBy.REPLAY
    request_id: str | None = None
    key_alias: KeyAlias = KeyAlias.PRIMARY
    charge: ChargeId | None = None
    """The charge that the answer named, where it did."""


Outcome = Approved | Declined | Pending | NothingToPay | NotSubmitted | Unresolved
