"""Whether deliveries come that no signing secret of ours fits: a wrong secret was given, or somebody forges.

One mark for each integration, written at most every ten minutes, so that a forger cannot keep the disk busy.
"""

from __future__ import annotations

from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

TOLD_EVERY = Span.of(minutes=10)
REMEDY = (
    "compare the signing secret of this endpoint in the Dashboard (Developers, Webhooks) with what "
    "`webhook.signing_secret` leads to; after putting it right, Stripe sends again what was refused"
)


def refused(store: Store, integration: IntegrationId, now: Instant) -> None:
    """A delivery came whose signature fits no secret; said in the log and kept for `status` and `doctor`."""
    name = _name(integration)
    with store.reading() as view:
        known = view.marks.get(name)
    if known is not None and now.since(Instant.from_text(known)) < TOLD_EVERY:
        return
    with store.begin() as unit:
        unit.marks.set(name, now.text())
    LOG.warning(
        "a delivery was refused: it is not signed with the signing secret of this endpoint",
        extra={"integration": integration, "because": REMEDY},
    )


def refused_at(view: UnitOfWork, integration: IntegrationId) -> Instant | None:
    """When deliveries were last seen refused; None where a genuine one came since, or none ever was refused."""
    known = view.marks.get(_name(integration))
    if known is None:
        return None
    at, newest = Instant.from_text(known), view.inbox.newest(integration)
    return at if newest is None or newest.received_at < at else None


def _name(integration: IntegrationId) -> str:
    return f"wrong-secret:{integration}"
