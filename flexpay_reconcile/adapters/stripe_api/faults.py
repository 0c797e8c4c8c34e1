"""What went wrong with a call, as a value: SDK exceptions classified on HTTP status and the error object.

Never on `e.code`, which the SDK leaves empty for 401, 403, 409 and 429, and never on the exception's class alone.
Decides nothing; when it cannot be sure that nothing was sent, the answer is NO_ANSWER. Holds no key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import stripe

from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.ports.account_access import ACCOUNT_LOST
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.instant import Span


class FaultKind(StrEnum):
    """What a failed call tells about what Stripe did."""

    LIMITED = "limited"
    """429 of the rate limiter, which names its reason in a header; not executed."""
    BUSY = "busy"
    """429 without that header (an object is locked, a test clock moves); not executed."""
    KEY_REFUSED = "key_refused"
    """401; not executed."""
    PERMISSION_MISSING = "permission_missing"
    """403, or a 401 that names a permission; not executed."""
    ACCOUNT_LOST = "account_lost"
    """401 or 403 `account_invalid`: the connected account is not, or no longer, open to this key; not executed."""
    MISSING = "missing"
    """404; not executed."""
    DECLINED = "declined"
    """402: executed, and the card said no."""
    KEY_REUSED = "key_reused"
    """400 idempotency_error: the same key went before with other parameters; that one may have been executed."""
    IN_FLIGHT = "in_flight"
    """409: the same key, or the object, is being worked on now."""
    REFUSED = "refused"
    """Another 400: Stripe does not accept the request."""
    NOT_SENT = "not_sent"
    """No connection was made, so nothing was sent."""
    NO_ANSWER = "no_answer"
    """No answer, a broken one, or a 5xx: maybe executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One failed call. `message` is masked; `error` is Stripe's error object, for what it says of a refusal."""

    kind: FaultKind
    message: str
    status: int | None = None
    code: str | None = None
    param: str | None = None
    request_id: str | None = None
    retry_after: Span | None = None
    error: dict[str, Any] = field(default_factory=dict, repr=False)


_RAK = re.compile(r"'(rak_[a-z0-9_]+)'|\('([a-z0-9_]+)'\)")
_ACCOUNT = re.compile(r"'(acct_[A-Za-z0-9]+)'")


def missing_permission(message: str) -> str | None:
    """The permission a refusal names (both wordings Stripe was seen to use), or None."""
    found = _RAK.search(message)
    return (found.group(1) or found.group(2)) if found else None


def named_account(message: str) -> str | None:
    """The account a permission refusal names, or None."""
    found = _ACCOUNT.search(message)
    return found.group(1) if found else None


def broken(reason: str, status: int | None = None, request_id: str | None = None) -> Fault:
    """An answer that cannot be understood."""
    return Fault(kind=FaultKind.NO_ANSWER, message=reason, status=status, request_id=request_id)


def fault_of(error: Exception) -> Fault:
    """The fault behind an exception of the SDK; anything unknown is NO_ANSWER."""
    if isinstance(error, stripe.APIConnectionError):
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else "no detail"
        if _never_connected(error.__cause__):
            return Fault(kind=FaultKind.NOT_SENT, message=f"no connection to Stripe ({cause})")
        return broken(f"no answer from Stripe ({cause})")
    if not isinstance(error, stripe.StripeError):
        return broken(f"Stripe's answer could not be read ({type(error).__name__})")
    headers = error.headers if error.headers is not None else {}
    status = error.http_status
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    if not isinstance(details, dict) or not isinstance(details.get("type"), str):
        return broken(f"an answer that is not Stripe's (HTTP {status})", status)
    message = masked(_text(details.get("message")) or f"HTTP {status}")
    return Fault(
        kind=_kind(status, details, message, "Stripe-Rate-Limited-Reason" in headers),
        message=message,
        status=status,
        code=_text(details.get("code")),
        param=_text(details.get("param")),
        request_id=_text(error.request_id),
        retry_after=_retry_after(headers.get("Retry-After")),
        error=details,
    )


def _kind(status: int | None, details: dict[str, Any], message: str, limiter: bool) -> FaultKind:
    """The kind of a well-formed error answer."""
    code, error_type = details.get("code"), details["type"]
    if status == 429 or (status == 400 and code == "rate_limit"):
        return FaultKind.LIMITED if limiter else FaultKind.BUSY
    if error_type == "idempotency_error":
        return FaultKind.KEY_REUSED if status == 400 else FaultKind.IN_FLIGHT if status == 409 else FaultKind.NO_ANSWER
    if status == 402 or (status == 400 and error_type == "card_error"):
        return FaultKind.DECLINED
    if status in (401, 403) and code == "account_invalid":
        return FaultKind.ACCOUNT_LOST
    if status == 401:
        named = code == "more_permissions_required" or missing_permission(message) is not None
        return FaultKind.PERMISSION_MISSING if named else FaultKind.KEY_REFUSED
    return {
        400: FaultKind.REFUSED,
        403: FaultKind.PERMISSION_MISSING,
        404: FaultKind.MISSING,
        409: FaultKind.IN_FLIGHT,
    }.get(status or 0, FaultKind.NO_ANSWER)


def _never_connected(cause: BaseException | None) -> bool:
    """Whether the connection itself failed, so that no byte of the request can have left.

    `requests` wraps urllib3's reason; both libraries are asked by name, because neither may be imported here.
    Proxies and TLS are in doubt, and doubt means no.
    """
    if isinstance(cause, ConnectionRefusedError):
        return True
    if cause is None or type(cause).__module__ != "requests.exceptions" or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", None)
    names = {kind.__name__ for kind in type(reason).__mro__ if kind.__module__ == "urllib3.exceptions"}
    return bool(names & {"NewConnectionError", "ConnectTimeoutError"})


def raised(fault: Fault, alias: KeyAlias, what: str) -> FlexpayError:
    """The error a read ends with; a decline is none of a read's answers, so it counts as broken."""
    match fault.kind:
        case FaultKind.KEY_REFUSED:
            return OperatorError(
                f"Stripe refused the {alias.value} key ({what}): {fault.message}",
                code="E-stripe-401",
                hint="make a new restricted key in the Dashboard and put it where the manifest's reference leads",
                kind=ErrorKind.KEY_REFUSED,
            )
        case FaultKind.PERMISSION_MISSING:
            name = missing_permission(fault.message)
            lacks = f"lacks the permission {name}" if name else "lacks a permission"
            return OperatorError(
                f"the {alias.value} key {lacks} ({what}): {fault.message}",
                code="E-stripe-403",
                hint="edit the restricted key in the Dashboard; the guide's table lists its six permissions",
                kind=ErrorKind.KEY_REFUSED,
            )
        case FaultKind.ACCOUNT_LOST:
            return OperatorError(
                f"the account does not let this platform act for it any more ({what}): {fault.message}",
                code=ACCOUNT_LOST,
                hint="its owner has to connect it again; until then its cases are parked",
            )
        case FaultKind.LIMITED:
            return TryLater(f"Stripe's rate limit ({what})", code="E-stripe-limit")
        case FaultKind.BUSY | FaultKind.IN_FLIGHT:
            return TryLater(f"Stripe is busy with this object ({what}): {fault.message}", code="E-stripe-busy")
        case FaultKind.NOT_SENT:
            return TryLater(f"{fault.message} ({what})", code="E-stripe-unreachable")
        case FaultKind.REFUSED | FaultKind.KEY_REUSED | FaultKind.MISSING:
            return OperatorError(f"Stripe did not accept a request ({what}): {fault.message}", code="E-stripe-request")
        case FaultKind.NO_ANSWER | FaultKind.DECLINED:
            return TryLater(f"{fault.message} ({what})", code="E-stripe-answer")


def _retry_after(value: object) -> Span | None:
    """Seconds of a `Retry-After` header, at most an hour; Stripe documents none."""
    text = _text(value)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return Span.of(seconds=min(int(text), 3600))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
