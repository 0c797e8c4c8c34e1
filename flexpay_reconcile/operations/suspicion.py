"""Whether webhooks are suspect: a sweep found what they should have brought, or the endpoint is not as applied.

Marks only; asks nobody. While they are suspect, sweeps come every ten minutes.
"""

from __future__ import annotations

from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

LOOK_EVERY = Span.of(minutes=10)
LASTS = Span.of(hours=1)
"""How long a missed event is held against the webhooks."""
_YES = "yes"


def suspect(unit: UnitOfWork, integration: IntegrationId, now: Instant) -> None:
    """A sweep found something that no webhook had brought in time."""
    known = unit.marks.get(_name(integration))
    if known is None or Instant.from_text(known) < now:
        LOG.warning("webhooks are suspect: a sweep found what they did not bring", extra={"integration": integration})
    unit.marks.set(_name(integration), now.plus(LASTS).text())


def endpoint_unwell(unit: UnitOfWork, integration: IntegrationId, *, unwell: bool) -> None:
    """What the last look at the endpoint came to."""
    unit.marks.set(f"unwell:{integration}", _YES if unwell else "")


def is_suspect(view: UnitOfWork, integration: IntegrationId, now: Instant) -> bool:
    """Whether webhooks are suspect now."""
    until = view.marks.get(_name(integration))
    return view.marks.get(f"unwell:{integration}") == _YES or (until is not None and Instant.from_text(until) > now)


def events_readable(unit: UnitOfWork, integration: IntegrationId, *, readable: bool) -> None:
    """Whether the key may read the events list."""
    unit.marks.set(f"no-events:{integration}", "" if readable else _YES)


def sweeps_invoices_often(view: UnitOfWork, integration: IntegrationId, now: Instant) -> bool:
    """Without the events list only the open invoices themselves tell soon what failed."""
    return view.marks.get(f"no-events:{integration}") == _YES and is_suspect(view, integration, now)


def _name(integration: IntegrationId) -> str:
    return f"suspect:{integration}"
