"""One short conversation with Stripe through every gateway, and how it is kept on a cassette. Starts no server.

What is kept is an allow list: a header that is not named here, so every secret and every word about the machine that
recorded, does not reach the file; secrets in a body are masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import vcr

from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment, Subscription, payment_method_for
from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.config.events import API_VERSION, ENABLED_EVENTS
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.ports.account_reader import Identity
from flexpay_reconcile.ports.account_writer import EndpointDeletion
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import Outcome
from flexpay_reconcile.values.ids import AccountId, InvoiceId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.secret import Secret
from tests.contract.gateways.worlds import ACCOUNT, EPOCH, there
from tests.unit.stripe_api.canned import integration

CASSETTE: Final = Path(__file__).parent / "cassettes" / "conversation.yaml"
ADDRESS: Final = "http://127.0.0.1:4242"
"""The address every recording is written with, whatever port the simulator had."""
MASKED: Final = "whsec_masked"
HOOK: Final = "http://127.0.0.1:8787/webhooks/stripe/acme"

_REQUEST_HEADERS: Final = frozenset({"content-type", "idempotency-key", "stripe-version", "stripe-account"})
_ANSWER_HEADERS: Final = frozenset(
    {"content-type", "idempotent-replayed", "request-id", "simulator-clock", "stripe-version"}
)
_SECRETS: Final = re.compile(rb"(whsec_|_secret_)[A-Za-z0-9_]+")
"""Signing secrets, and the client secrets of payments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What our gateways made of the answers, in the order of the questions."""

    identity: Identity
    open_invoices: tuple[Invoice, ...]
    invoice: Invoice
    payments: tuple[InvoicePayment, ...]
    subscription: Subscription
    customer: Customer
    declined: Outcome
    approved: Outcome
    paid: Invoice
    nowhere: Invoice | None
    created: WebhookEndpoint
    secret: Secret
    endpoints: tuple[WebhookEndpoint, ...]
    deleted: EndpointDeletion
    deleted_again: EndpointDeletion


def converse(
    gateways: StripeGateways,
    between: Callable[[], PaymentMethodId | None] = lambda: None,
    *,
    account: AccountId = ACCOUNT,
    ours: Integration | None = None,
    since: Instant = EPOCH,
    hook: str = HOOK,
    turn: str = "1",
) -> Heard:
    """Speak with an account that has one open, failed invoice created after `since`.

    `between` is called between the two attempts to pay, and may name another card for the second. `turn` makes the
    endpoint's idempotency key new where an account keeps its memory.
    """
    ours = ours or integration()
    reader, charger = gateways.billing_reader(ours), gateways.charger(ours)
    accounts, writer = gateways.account_reader(ours), gateways.account_writer(ours)
    identity = accounts.identity(KeyAlias.PRIMARY)
    found = reader.open_invoices(since)
    invoice = there(reader.invoice(found[0].id))
    payments = reader.payments_of(invoice.id)
    subscription = there(reader.subscription(there(invoice.subscription)))
    customer = there(reader.customer(there(invoice.customer)))
    card = there(payment_method_for(invoice, subscription, customer))
    key = f"fp1:{account}:{invoice.id}"
    declined = charger.pay(invoice.id, payment_method=card, idempotency_key=f"{key}:1")
    card = between() or card
    approved = charger.pay(invoice.id, payment_method=card, idempotency_key=f"{key}:2")
    paid = there(reader.invoice(invoice.id))
    nowhere = reader.invoice(InvoiceId("in_1Nowhere"))
    created, secret = writer.create_endpoint(
        url=hook,
        enabled_events=ENABLED_EVENTS,
        description="FlexPay Webhook EndPoint",
        metadata={"fp_integration": "acme"},
        connect=False,
        api_version=API_VERSION,
        idempotency_key=f"endpoint:{turn}",
    )
    return Heard(
        identity=identity,
        open_invoices=found,
        invoice=invoice,
        payments=payments,
        subscription=subscription,
        customer=customer,
        declined=declined,
        approved=approved,
        paid=paid,
        nowhere=nowhere,
        created=created,
        secret=secret,
        endpoints=accounts.webhook_endpoints(),
        deleted=writer.delete_endpoint(created.id),
        deleted_again=writer.delete_endpoint(created.id),
    )


def recorder(record_mode: str, *, keep: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer) -> Any:
    """Vcrpy as this project uses it. The idempotency key is kept for the reader and not matched.

    `keep` may mask more of an answer than every recording masks.
    """
    return vcr.VCR(
        serializer="yaml",
        record_mode=record_mode,
        match_on=("method", "path", "query", "body"),
        decode_compressed_response=True,
        before_record_request=_request_to_keep,
        before_record_response=lambda answer: keep(_answer_to_keep(answer)),
    )


def _request_to_keep(request: Any) -> Any:
    """The request without keys, telemetry, or words about the machine; every port becomes one."""
    request.headers = {name: text for name, text in request.headers.items() if name.lower() in _REQUEST_HEADERS}
    home, parts = urlsplit(ADDRESS), urlsplit(request.uri)
    request.uri = urlunsplit((home.scheme, home.netloc, parts.path, parts.query, ""))
    return request


def _answer_to_keep(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what changes from machine to machine, and without secrets."""
    headers = {name: text for name, text in answer["headers"].items() if name.lower() in _ANSWER_HEADERS}
    body = _SECRETS.sub(rb"\1masked", answer["body"]["string"])
    return {**answer, "headers": headers, "body": {**answer["body"], "string": body}}
