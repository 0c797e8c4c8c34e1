"""The EventReader port: webhook bodies and listed events into envelopes and Signals. Touches no network, no SDK.

A signal names the object to read again. Only a charge's and a refund's own copy is taken from an event: their
status there is final. BadAnswer, a ValueError, says what is wrong with a body that is no event of ours.
"""

from __future__ import annotations

import json
from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields, kept
from flexpay_reconcile.adapters.stripe_api.charges import charge_of
from flexpay_reconcile.adapters.stripe_api.fields import BadAnswer
from flexpay_reconcile.adapters.stripe_api.invoices import subscription_behind
from flexpay_reconcile.billing.signal import (
    AccountLeft,
    ChargeSeen,
    EventFacts,
    InvoiceChanged,
    NotForUs,
    PaymentMethodChanged,
    RefundSeen,
    Signal,
    SubscriptionChanged,
)
from flexpay_reconcile.config.events import DEAUTHORIZED
from flexpay_reconcile.ports.event_reader import Envelope
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, EventId, InvoiceId, SubscriptionId

_INVOICE = frozenset(
    f"invoice.{what}"
    for what in ("payment_failed", "paid", "payment_action_required", "updated", "voided", "marked_uncollectible")
)
_SUBSCRIPTION = frozenset({"customer.subscription.updated", "customer.subscription.deleted"})
_CHARGE = frozenset({"charge.failed", "charge.succeeded"})
_REFUND = frozenset({"refund.created", "refund.updated", "refund.failed"})
_METHOD = frozenset({"payment_method.updated", "payment_method.automatically_updated"})
_NOT_FOR_US = {
    "charge.refunded": "refund.* events cover it",
    "payment_method.attached": "an attached payment method wakes nothing; a new default does",
    "charge.dispute.created": "disputes are not handled",
    "charge.dispute.closed": "disputes are not handled",
}


class StripeEvents:
    """Reads events of the API versions in `config.events`."""

    def envelope(self, body: bytes) -> Envelope:
        """The outer fields."""
        event = parsed(body)
        account = fields.optional_text(event, "account")
        request = _request(event)
        return Envelope(
            event_id=fields.text(event, "id"),
            type=fields.text(event, "type"),
            account=account,
            livemode=fields.flag(event, "livemode"),
            created=fields.instant(event, "created").seconds,
            api_version=fields.optional_text(event, "api_version"),
            object_id=fields.optional_text(_object(event), "id"),
            idempotency_key=fields.optional_text(request, "idempotency_key"),
        )

    def kept(self, body: bytes) -> bytes:
        """The fields that the signal is read from."""
        return kept.reduced(parsed(body))

    def signal(self, body: bytes, account: AccountId) -> Signal:
        """The event understood."""
        return self.read(parsed(body), account)

    def read(self, event: dict[str, Any], account: AccountId) -> Signal:
        """The same for a parsed event; `account` is for events that name none."""
        named = fields.optional_text(event, "account")
        request = _request(event)
        facts = EventFacts(
            event_id=EventId(fields.text(event, "id")),
            type=fields.text(event, "type"),
            account=AccountId(named) if named else account,
            livemode=fields.flag(event, "livemode"),
            created=fields.instant(event, "created"),
            request_id=fields.optional_text(request, "id"),
            idempotency_key=fields.optional_text(request, "idempotency_key"),
        )
        return _signal(facts, _object(event))


def parsed(body: bytes) -> dict[str, Any]:
    """The body as an event object; BadAnswer for anything else."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer("the body is not JSON") from None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise BadAnswer("the body is not a Stripe event (a snapshot event has object = event)")
    return event


def _object(event: dict[str, Any]) -> dict[str, Any]:
    """`data.object`."""
    found = fields.part(fields.part(event, "data"), "object")
    if not found:
        raise BadAnswer(f"the event {event.get('id')} has no data.object")
    return found


def _request(event: dict[str, Any]) -> dict[str, Any]:
    """`request`; very old API versions have the bare request id there."""
    return {"id": event["request"]} if isinstance(event.get("request"), str) else fields.part(event, "request")


def _signal(facts: EventFacts, data: dict[str, Any]) -> Signal:
    """The signal of a type."""
    kind = facts.type
    if kind in _INVOICE:
        return InvoiceChanged(
            event=facts,
            invoice=InvoiceId(fields.text(data, "id")),
            subscription=subscription_behind(data),
            customer=_customer(data, "customer"),
        )
    if kind in _SUBSCRIPTION:
        subscription = SubscriptionId(fields.text(data, "id"))
        return SubscriptionChanged(event=facts, subscription=subscription, customer=_customer(data, "customer"))
    if kind in _CHARGE:
        return ChargeSeen(event=facts, charge=charge_of(data, facts.account))
    if kind in _REFUND:
        return _refund(facts, data)
    if kind in _METHOD:
        customer = _customer(data, "customer")
        if customer is None:
            return NotForUs(event=facts, because="the payment method belongs to no customer")
        return PaymentMethodChanged(event=facts, customer=customer)
    if kind == DEAUTHORIZED:
        return AccountLeft(event=facts)
    if kind == "customer.updated":
        return PaymentMethodChanged(event=facts, customer=CustomerId(fields.text(data, "id")))
    return NotForUs(event=facts, because=_NOT_FOR_US.get(kind, "no rule asks for events of this type"))


def _refund(facts: EventFacts, data: dict[str, Any]) -> Signal:
    """A refund of a charge; one without a charge gives back a customer balance and is none of ours."""
    charge = fields.reference(data, "charge")
    if charge is None:
        return NotForUs(event=facts, because="the refund is of no charge")
    expanded = data["charge"] if isinstance(data.get("charge"), dict) else {}
    return RefundSeen(
        event=facts,
        id=fields.text(data, "id"),
        charge=ChargeId(charge),
        amount=fields.amount(data, "amount"),
        at=fields.instant(data, "created"),
        status=fields.optional_text(data, "status") or "unknown",
        customer=_customer(data, "customer") or _customer(expanded, "customer"),
        payment_intent=fields.reference(data, "payment_intent"),
    )


def _customer(data: dict[str, Any], name: str) -> CustomerId | None:
    found = fields.reference(data, name)
    return CustomerId(found) if found else None
