"""The BillingWriter port over Stripe: cancel, mark, tag, auto_advance. Its transport cannot send a `pay`."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.stripe_api.caller import Answer, StripeCaller
from flexpay_reconcile.adapters.stripe_api.faults import Fault, FaultKind, raised
from flexpay_reconcile.ports.billing_writer import WriteResult
from flexpay_reconcile.values.ids import InvoiceId, SubscriptionId

_ALREADY_CODES = frozenset({"invalid_canceled_subscription_fields", "invoice_not_open"})
_ALREADY_WORDS = (
    "a canceled subscription can only update",
    "already canceled",
    "invoice isn't open",
    "already uncollectible",
    "already paid",
)
_RESULTS = {
    FaultKind.MISSING: WriteResult.MISSING,
    FaultKind.LIMITED: WriteResult.NOT_DONE,
    FaultKind.BUSY: WriteResult.NOT_DONE,
    FaultKind.NOT_SENT: WriteResult.NOT_DONE,
    FaultKind.IN_FLIGHT: WriteResult.UNKNOWN,
    FaultKind.KEY_REUSED: WriteResult.UNKNOWN,
    FaultKind.NO_ANSWER: WriteResult.UNKNOWN,
    FaultKind.DECLINED: WriteResult.UNKNOWN,
}


class StripeBillingWriter:
    """One integration's hands on its billing objects."""

    def __init__(self, caller: StripeCaller) -> None:
        """`caller` has the power WRITE_BILLING."""
        self._caller = caller

    def cancel_now(self, subscription: SubscriptionId, *, prorate: bool, comment: str) -> WriteResult:
        """`DELETE /v1/subscriptions/{id}`; MISSING for one canceled long ago, too, so the caller reads it."""
        params = {"prorate": prorate, "invoice_now": False, "cancellation_details": {"comment": comment}}
        return _result(self._caller.call("DELETE", "/v1/subscriptions/{id}", subscription, params=params), "cancel")

    def schedule_cancel(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """`POST /v1/subscriptions/{id}` with `cancel_at_period_end=true` and metadata."""
        params = {"cancel_at_period_end": True, "metadata": metadata}
        return self._post("/v1/subscriptions/{id}", subscription, params, idempotency_key, "schedule cancellation")

    def unschedule_cancel(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """`POST /v1/subscriptions/{id}` with `cancel_at_period_end=false` and metadata."""
        params = {"cancel_at_period_end": False, "metadata": metadata}
        return self._post("/v1/subscriptions/{id}", subscription, params, idempotency_key, "take back cancellation")

    def mark_uncollectible(self, invoice: InvoiceId, *, idempotency_key: str) -> WriteResult:
        """`POST /v1/invoices/{id}/mark_uncollectible`; ALREADY for any invoice that is not open any more."""
        template = "/v1/invoices/{id}/mark_uncollectible"
        return self._post(template, invoice, None, idempotency_key, "mark uncollectible")

    def tag_invoice(self, invoice: InvoiceId, metadata: dict[str, str], *, idempotency_key: str) -> WriteResult:
        """`POST /v1/invoices/{id}` with metadata."""
        return self._post("/v1/invoices/{id}", invoice, {"metadata": metadata}, idempotency_key, "tag invoice")

    def tag_subscription(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """`POST /v1/subscriptions/{id}` with metadata; canceled subscriptions take it, too."""
        params = {"metadata": metadata}
        return self._post("/v1/subscriptions/{id}", subscription, params, idempotency_key, "tag subscription")

    def stop_auto_advance(self, invoice: InvoiceId, *, idempotency_key: str) -> WriteResult:
        """`POST /v1/invoices/{id}` with `auto_advance=false`."""
        return self._post("/v1/invoices/{id}", invoice, {"auto_advance": False}, idempotency_key, "stop retries")

    def _post(
        self, template: str, object_id: str, params: dict[str, Any] | None, idempotency_key: str, what: str
    ) -> WriteResult:
        answer = self._caller.call("POST", template, object_id, params=params, idempotency_key=idempotency_key)
        return _result(answer, what)


def _result(answer: Answer, what: str) -> WriteResult:
    """What a write came to; OperatorError on 401, 403 and on a 400 that says something else than `already`."""
    if answer.fault is None:
        return WriteResult.DONE
    found = _RESULTS.get(answer.fault.kind)
    if found is not None:
        return found
    if answer.fault.kind is FaultKind.REFUSED and _already(answer.fault):
        return WriteResult.ALREADY
    raise raised(answer.fault, answer.key_alias, what)


def _already(fault: Fault) -> bool:
    message = fault.message.lower()
    return fault.code in _ALREADY_CODES or any(words in message for words in _ALREADY_WORDS)
