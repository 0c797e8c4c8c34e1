"""What the answer to a `pay` means, as an Outcome. Never raises for a decline; when in doubt, Unresolved."""

from __future__ import annotations

from typing import Any, assert_never

from flexpay_reconcile.adapters.stripe_api.caller import Answer
from flexpay_reconcile.adapters.stripe_api.faults import Fault, FaultKind, missing_permission
from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.billing.charge import RefusalFacts
from flexpay_reconcile.recovery.attempt import KeyAlias, SettledBy
from flexpay_reconcile.recovery.outcome import (
    Approved,
    Declined,
    NothingToPay,
    NotSubmitted,
    NotSubmittedReason,
    Outcome,
    Pending,
    Unresolved,
)
from flexpay_reconcile.values.ids import ChargeId, InvoiceId
from flexpay_reconcile.values.instant import Span

ACTION_CODES = frozenset(
    {"invoice_payment_intent_requires_action", "authentication_required", "payment_intent_action_required"}
)
"""Error codes that ask the customer to act (3D Secure)."""

_SOON = Span.of(seconds=5)
_LATER = Span.of(minutes=1)
_WHEN_REPAIRED = Span.of(hours=1)
_NOTHING_TO_PAY = ("already paid", "voided invoices cannot be paid")
_NO_METHOD = ("no attached payment source", "no default payment method", "does not have a payment method")


def outcome_of(answer: Answer, invoice: InvoiceId, *, livemode: bool) -> Outcome:
    """The outcome of a call of `POST /v1/invoices/{id}/pay`."""
    if answer.fault is not None:
        return _failed(answer.fault, answer.key_alias)
    said = answer.data
    request_id, alias = answer.request_id, answer.key_alias
    if said.get("id") != invoice or said.get("livemode") is not livemode:
        words = f"the answer is not about {invoice} in this mode"
        return _odd(words, request_id, alias)
    match said.get("status"):
        case "paid":
            return Approved(charge=None, request_id=request_id, key_alias=alias)
        case "open" | "uncollectible":
            return Pending(charge=None, request_id=request_id, key_alias=alias)
        case status:
            words = f"the invoice reads {status!r} after pay"
            return _odd(words, request_id, alias)


def _failed(fault: Fault, alias: KeyAlias) -> Outcome:
    """The outcome of a call that failed."""
    match fault.kind:
        case FaultKind.DECLINED:
            charge = fault.error.get("charge")
            return Declined(
                refusal=refusal_of(fault.error),
                charge=ChargeId(charge) if isinstance(charge, str) and charge else None,
                request_id=fault.request_id,
                key_alias=alias,
            )
        case FaultKind.NO_ANSWER | FaultKind.IN_FLIGHT:
            saved = fault.status is not None and fault.status >= 500
            how = SettledBy.READ if saved else SettledBy.REPLAY
            return Unresolved(because=fault.message, settled_by=how, request_id=fault.request_id, key_alias=alias)
        case FaultKind.KEY_REUSED:
            return _odd(fault.message, fault.request_id, alias)
        case FaultKind.REFUSED if any(words in fault.message.lower() for words in _NOTHING_TO_PAY):
            return NothingToPay(because=fault.message, request_id=fault.request_id)
        case FaultKind.REFUSED if fault.param == "payment_method" or _has(fault, _NO_METHOD):
            return _not_submitted(NotSubmittedReason.NO_PAYMENT_METHOD, fault, alias, _WHEN_REPAIRED)
        case FaultKind.REFUSED:
            return _not_submitted(NotSubmittedReason.REFUSED_REQUEST, fault, alias, _WHEN_REPAIRED)
        case FaultKind.MISSING if fault.param == "payment_method":
            return _not_submitted(NotSubmittedReason.NO_PAYMENT_METHOD, fault, alias, _WHEN_REPAIRED)
        case FaultKind.MISSING:
            return _not_submitted(NotSubmittedReason.INVOICE_MISSING, fault, alias, _WHEN_REPAIRED)
        case FaultKind.LIMITED:
            return _not_submitted(NotSubmittedReason.RATE_LIMITED, fault, alias, _SOON)
        case FaultKind.BUSY:
            locked = fault.code != "rate_limit"
            reason = NotSubmittedReason.LOCK_TIMEOUT if locked else NotSubmittedReason.RATE_LIMITED
            return _not_submitted(reason, fault, alias, _SOON)
        case FaultKind.NOT_SENT:
            return _not_submitted(NotSubmittedReason.CONNECTION_REFUSED, fault, alias, _LATER)
        case FaultKind.KEY_REFUSED:
            return _not_submitted(NotSubmittedReason.KEY_REFUSED, fault, alias, _WHEN_REPAIRED)
        case FaultKind.ACCOUNT_LOST:
            return _not_submitted(NotSubmittedReason.ACCOUNT_LOST, fault, alias, _WHEN_REPAIRED)
        case FaultKind.PERMISSION_MISSING:
            return _not_submitted(NotSubmittedReason.PERMISSION_MISSING, fault, alias, _WHEN_REPAIRED)
        case _:
            assert_never(fault.kind)


def _odd(words: str, request_id: str | None, alias: KeyAlias) -> Unresolved:
    """An answer that must not be: a person is told, and nothing follows it by itself."""
    return Unresolved(because=words, alarm=True, settled_by=SettledBy.PERSON, request_id=request_id, key_alias=alias)


def _has(fault: Fault, words: tuple[str, ...]) -> bool:
    return any(each in fault.message.lower() for each in words)


def _not_submitted(reason: NotSubmittedReason, fault: Fault, alias: KeyAlias, retry_after: Span) -> NotSubmitted:
    """Surely nothing was executed; names the missing permission where Stripe does."""
    permission = missing_permission(fault.message) if reason is NotSubmittedReason.PERMISSION_MISSING else None
    because = f"the {alias.value} key lacks {permission}: {fault.message}" if permission else fault.message
    return NotSubmitted(
        reason=reason,
        because=because,
        retry_after=fault.retry_after or retry_after,
        request_id=fault.request_id,
        key_alias=alias,
    )


def refusal_of(error: dict[str, Any]) -> RefusalFacts:
    """The facts of a refusal from an error object of the API (or a PaymentIntent's `last_payment_error`)."""
    intent = error.get("payment_intent")
    waits = isinstance(intent, dict) and intent.get("status") == "requires_action"
    message = _text(error, "message")
    return RefusalFacts(
        error_code=_text(error, "code"),
        decline_code=_text(error, "decline_code"),
        advice_code=_text(error, "advice_code"),
        network_decline_code=_text(error, "network_decline_code"),
        network_advice_code=_text(error, "network_advice_code"),
        message=masked(message) if message else None,
        requires_action=waits or error.get("code") in ACTION_CODES,
    )


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None
