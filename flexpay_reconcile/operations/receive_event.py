"""Take in one webhook delivery: verify the raw bytes, store the fields we keep under the event id, answer.

No business work here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from flexpay_reconcile.billing import signature
from flexpay_reconcile.billing.signature import Verdict
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, ListenTo, Status
from flexpay_reconcile.operations import signing_secret
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.configurations import Configurations
from flexpay_reconcile.ports.event_reader import Envelope, EventReader
from flexpay_reconcile.ports.rows import InboxEvent
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.secret import Secret

MAX_BODY_BYTES = 256 * 1024


class Received(StrEnum):
    """What a delivery came to. STORED, DUPLICATE and NOT_OURS are answered with 2xx."""

    STORED = "stored"
    """Durably committed."""
    DUPLICATE = "duplicate"
    """This event id is already in the inbox."""
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    """No such integration is configured."""
    DISABLED = "disabled"
    """The integration is disabled: Stripe is told that the endpoint is gone."""
    BAD_SIGNATURE = "bad_signature"
    """Not signed with a secret of this endpoint, or outside the tolerance."""
    BAD_BODY = "bad_body"
    """Too large, or no Stripe event."""
    WRONG_SCOPE = "wrong_scope"
    """Genuine, but of another mode or account than this integration's (invariants A16, D9)."""
    NOT_OURS = "not_ours"
    """Of a connected account or mode we do not act for, which every Connect endpoint hears of: not kept."""


def receive_event(
    integration_id: str,
    body: bytes,
    header: str,
    *,
    secrets: Sequence[Secret],
    store: Store,
    configurations: Configurations,
    events: EventReader,
    clock: Clock,
) -> Received:
    """Verify, store, answer. Raises TryLater when the store cannot commit, so that the caller answers 5xx."""
    latest = configurations.latest()
    integration = latest.configuration.integrations.get(integration_id) if latest else None
    if latest is None or integration is None:
        return Received.UNKNOWN_ENDPOINT
    if integration.status is not Status.ENABLED:
        return Received.DISABLED
    if len(body) > MAX_BODY_BYTES:
        return Received.BAD_BODY
    now = clock.now()
    verdict = signature.verify(body, header, secrets, now)
    if verdict is not Verdict.GENUINE:
        if verdict is Verdict.FORGED:
            signing_secret.refused(store, integration.id, now)
        return Received.BAD_SIGNATURE
    try:
        envelope, kept = events.envelope(body), events.kept(body)
    except ValueError:
        return Received.BAD_BODY
    wrong = _wrong_scope(latest.configuration, integration, envelope)
    if wrong is not None:
        return wrong
    with store.begin() as unit:
        is_new = unit.inbox.put(
            InboxEvent(
                integration_id=integration.id,
                event_id=envelope.event_id,
                type=envelope.type,
                object_id=envelope.object_id,
                idempotency_key=envelope.idempotency_key,
                created=Instant.from_seconds(envelope.created),
                received_at=now,
                body=kept,
            )
        )
    return Received.STORED if is_new else Received.DUPLICATE


def _wrong_scope(configuration: Configuration, integration: Integration, envelope: Envelope) -> Received | None:
    """Whether the event is none of this integration's. A live Connect endpoint is told test events, too."""
    account, same_mode = envelope.account, envelope.livemode == integration.environment.livemode
    if integration.webhook.listen_to is ListenTo.ACCOUNT:
        own = configuration.company_of(integration).stripe_account
        return None if same_mode and account in (None, own) else Received.WRONG_SCOPE
    if account is None:
        return Received.WRONG_SCOPE
    return None if same_mode and configuration.acts_for(integration, AccountId(account)) else Received.NOT_OURS
