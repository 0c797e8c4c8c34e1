"""The AccountWriter port over Stripe: webhook endpoints, which its transport enforces. Keeps no signing secret."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import Answer, StripeCaller
from flexpay_reconcile.adapters.stripe_api.endpoints import endpoint_of
from flexpay_reconcile.adapters.stripe_api.faults import FaultKind, raised
from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.ports.account_writer import EndpointChanges, EndpointDeletion
from flexpay_reconcile.values.secret import Secret

_PATH = "/v1/webhook_endpoints"
_ONE = "/v1/webhook_endpoints/{id}"
_MAYBE = frozenset({FaultKind.NO_ANSWER, FaultKind.IN_FLIGHT, FaultKind.KEY_REUSED, FaultKind.DECLINED})


class StripeAccountWriter:
    """One integration's hands on its webhook endpoints."""

    def __init__(self, caller: StripeCaller) -> None:
        """`caller` has the power WRITE_ACCOUNT."""
        self._caller = caller

    def create_endpoint(
        self,
        *,
        url: str,
        enabled_events: tuple[str, ...],
        description: str,
        metadata: dict[str, str],
        connect: bool,
        api_version: str,
        idempotency_key: str,
    ) -> tuple[WebhookEndpoint, Secret]:
        """`POST /v1/webhook_endpoints`; an answer without a signing secret is as good as none: TryLater."""
        params = {
            "url": url,
            "enabled_events": list(enabled_events),
            "description": description,
            "metadata": metadata,
            "connect": connect,
            "api_version": api_version,
        }
        answer = self._caller.call("POST", _PATH, params=params, idempotency_key=idempotency_key)
        data = _data(answer, "create endpoint")
        return _understood(data), Secret(_secret(data))

    def update_endpoint(
        self, endpoint: str, changes: EndpointChanges, *, idempotency_key: str
    ) -> WebhookEndpoint | None:
        """`POST /v1/webhook_endpoints/{id}` with the fields that change."""
        params: dict[str, Any] = {}
        if changes.url is not None:
            params["url"] = changes.url
        if changes.enabled_events is not None:
            params["enabled_events"] = list(changes.enabled_events)
        if changes.description is not None:
            params["description"] = changes.description
        if changes.metadata is not None:
            params["metadata"] = changes.metadata
        if changes.disabled is not None:
            params["disabled"] = changes.disabled
        answer = self._caller.call("POST", _ONE, endpoint, params=params, idempotency_key=idempotency_key)
        if answer.fault is not None and answer.fault.kind is FaultKind.MISSING:
            return None
        return _understood(_data(answer, "update endpoint"))

    def delete_endpoint(self, endpoint: str) -> EndpointDeletion:
        """`DELETE /v1/webhook_endpoints/{id}`."""
        answer = self._caller.call("DELETE", _ONE, endpoint)
        if answer.fault is not None and answer.fault.kind is FaultKind.MISSING:
            return EndpointDeletion.MISSING
        _data(answer, "delete endpoint")
        return EndpointDeletion.DELETED


def _data(answer: Answer, what: str) -> dict[str, Any]:
    """The answer's object; where the change may have been made, TryLater says so."""
    if answer.fault is not None:
        if answer.fault.kind in _MAYBE:
            raise _unknown(f"{answer.fault.message} ({what})")
        raise raised(answer.fault, answer.key_alias, what)
    return answer.data


def _understood(data: dict[str, Any]) -> WebhookEndpoint:
    try:
        return endpoint_of(data)
    except fields.BadAnswer as bad:
        raise _unknown(str(bad)) from None


def _secret(data: dict[str, Any]) -> str:
    value = data.get("secret")
    if not isinstance(value, str) or not value:
        raise _unknown("Stripe gave no signing secret with the new endpoint")
    return value


def _unknown(message: str) -> TryLater:
    return TryLater(
        message, code="E-stripe-unknown", hint="the change was maybe made; the same step goes again with the same key"
    )
