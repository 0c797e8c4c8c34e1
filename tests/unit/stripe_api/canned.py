"""Canned HTTP answers below the real SDK, and gateways on top of it. Sends nothing anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.config.integration import (
    Integration,
    InvoiceAction,
    ListenTo,
    ManagedBy,
    Status,
    SubscriptionAction,
    Webhook,
    WhenRecoveryFails,
)
from flexpay_reconcile.config.keys import ApiKeys, Environment, KeyType
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret, SecretRef, SecretSource

PRIMARY = "rk_test_Canary1Primary0000"
FALLBACK = "rk_test_Canary2Fallback00"
ACCOUNT = AccountId("acct_1Acme")
NOW = Instant.from_seconds(1_800_000_000)


@dataclass(slots=True)
class Sent:
    """One request as the wire would have seen it."""

    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]

    @property
    def key(self) -> str:
        """The API key it carried."""
        return self.headers["Authorization"].removeprefix("Bearer ")


class Headers(dict[str, str]):
    """Answer headers found in any case, as `requests` gives them."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class CannedHttp(stripe.HTTPClient):
    """Gives prepared answers in order, the last one again and again, and remembers what was sent."""

    name = "canned"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []
        self._answers: list[tuple[int, Any, dict[str, str]] | Exception] = []

    def answers(self, status: int, body: Any, **headers: str) -> CannedHttp:
        """Add an answer; header names are written with underscores."""
        self._answers.append((status, body, {name.replace("_", "-").lower(): text for name, text in headers.items()}))
        return self

    def fails(self, error: Exception) -> CannedHttp:
        """Add a request that ends in an exception."""
        self._answers.append(error)
        return self

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        parts = urlsplit(url)
        params = dict(parse_qsl(post_data if isinstance(post_data, str) else parts.query, keep_blank_values=True))
        self.sent.append(Sent(method.upper(), parts.path, params, dict(headers)))
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, extra = answer
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return text, status, Headers({"request-id": "req_1", **extra})

    def close(self) -> None:
        """Nothing to close."""


class FixedClock:
    """A clock that stands still until it is set."""

    def __init__(self, at: Instant = NOW) -> None:
        self.at = at

    def now(self) -> Instant:
        """The set moment."""
        return self.at


class Vault:
    """A secret reader over a dictionary; counts what it was asked."""

    def __init__(self, **values: str) -> None:
        self.values = {"PRIMARY": PRIMARY, "FALLBACK": FALLBACK, **values}
        self.asked: list[str] = []

    def resolve(self, reference: SecretRef) -> Secret:
        """The value behind a name."""
        self.asked.append(reference.name)
        if reference.name not in self.values:
            raise OperatorError(f"{reference.text()} is not set", code="E-secret", kind=ErrorKind.KEY_REFUSED)
        return Secret(self.values[reference.name])


def integration(
    *, environment: Environment = Environment.SANDBOX, listen_to: ListenTo = ListenTo.ACCOUNT
) -> Integration:
    """An enabled integration with restricted keys."""
    return Integration(
        id=IntegrationId("acme"),
        name="Acme",
        company="acme-us",
        environment=environment,
        status=Status.ENABLED,
        description="",
        api_keys=ApiKeys(
            type=KeyType.RESTRICTED,
            primary=SecretRef(source=SecretSource.ENV, name="PRIMARY"),
            fallback=SecretRef(source=SecretSource.ENV, name="FALLBACK"),
        ),
        webhook=Webhook(managed_by=ManagedBy.FLEXPAY, url="https://acme.example/hook", listen_to=listen_to),
        retry_policy="default",
        when_recovery_fails=WhenRecoveryFails(
            subscription=SubscriptionAction.LEAVE_AS_IS, invoice=InvoiceAction.LEAVE_AS_IS
        ),
    )


@dataclass
class Bench:
    """Gateways over canned answers."""

    http: CannedHttp = field(default_factory=CannedHttp)
    vault: Vault = field(default_factory=Vault)
    clock: FixedClock = field(default_factory=FixedClock)
    waits: list[Span] = field(default_factory=list)

    def gateways(self) -> StripeGateways:
        """All gateways; waiting is only noted."""
        return StripeGateways(self.vault, self.clock, lambda _: ACCOUNT, http_client=self.http, wait=self.waits.append)


def error(type_: str = "invalid_request_error", **fields: Any) -> dict[str, Any]:
    """An error body of Stripe's."""
    return {"error": {"type": type_, "message": "It did not work.", **fields}}


def limited(code: str = "rate_limit") -> tuple[int, dict[str, Any]]:
    """Status and body of a 429."""
    return 429, error(code=code, message="Request rate limit exceeded.")


def invoice(**changes: Any) -> dict[str, Any]:
    """An open, failed renewal as Stripe shows it."""
    return {
        "id": "in_1",
        "object": "invoice",
        "livemode": False,
        "status": "open",
        "collection_method": "charge_automatically",
        "auto_advance": True,
        "attempted": True,
        "attempt_count": 1,
        "next_payment_attempt": None,
        "amount_due": 5000,
        "amount_paid": 0,
        "amount_remaining": 5000,
        "currency": "usd",
        "customer": "cus_1",
        "default_payment_method": None,
        "billing_reason": "subscription_cycle",
        "created": 1_799_990_000,
        "number": "A-1",
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        "metadata": {"team": "blue"},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": {}},
        },
        **changes,
    }


def charge(**changes: Any) -> dict[str, Any]:
    """A charge an issuer refused."""
    return {
        "id": "ch_1",
        "object": "charge",
        "livemode": False,
        "status": "failed",
        "amount": 5000,
        "amount_refunded": 0,
        "currency": "usd",
        "created": 1_799_990_000,
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "disputed": False,
        "failure_code": "card_declined",
        "failure_message": "Your card has insufficient funds.",
        "outcome": {
            "type": "issuer_declined",
            "network_status": "declined_by_network",
            "reason": "insufficient_funds",
            "seller_message": "The bank returned the decline code `insufficient_funds`.",
            "advice_code": "try_again_later",
            "network_decline_code": "51",
            "network_advice_code": "02",
        },
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "country": "US",
                "funding": "debit",
                "last4": "0341",
                "network": "visa",
                "fingerprint": "fp_1",
            },
        },
        **changes,
    }


def subscription(**changes: Any) -> dict[str, Any]:
    """A subscription past due."""
    return {
        "id": "sub_1",
        "object": "subscription",
        "livemode": False,
        "status": "past_due",
        "customer": "cus_1",
        "collection_method": "charge_automatically",
        "default_payment_method": "pm_1",
        "default_source": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "metadata": {},
        **changes,
    }


def listing(*rows: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "url": "/v1/…", "has_more": has_more, "data": list(rows)}
