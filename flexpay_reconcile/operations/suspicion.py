"""Whether webhooks are suspect: a sweep found what they should have brought, or the endpoint is not as applied.

Marks only; asks nobody. While they are suspect, sweeps come every ten minutes. An event about money that could not be
understood is told by Stripe's own lists instead, whether or not the events list can be read.
"""

from __future__ import annotations

from collections.abc import Iterable

from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.values.ids import AccountId, IntegrationId
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


def not_understood(unit: UnitOfWork, integration: IntegrationId, accounts: Iterable[AccountId], made: Instant) -> None:
    """An event of this instant, about money, cannot be understood: the next sweep reads the lists from then on."""
    for account in accounts:
        known = unread_since(unit, integration, account)
        unit.marks.set(_unread(integration, account), (min(known, made) if known else made).text())


def unread_since(view: UnitOfWork, integration: IntegrationId, account: AccountId) -> Instant | None:
    """From when on an account's lists have to be read for what its events did not tell; None where they told all."""
    text = view.marks.get(_unread(integration, account))
    return Instant.from_text(text) if text else None


def lists_read(unit: UnitOfWork, integration: IntegrationId, account: AccountId) -> None:
    """The lists of an account have been read."""
    unit.marks.set(_unread(integration, account), "")


def events_readable(unit: UnitOfWork, integration: IntegrationId, *, readable: bool) -> None:
    """Whether the key may read the events list."""
    unit.marks.set(f"no-events:{integration}", "" if readable else _YES)


def sweeps_invoices_often(view: UnitOfWork, integration: IntegrationId, now: Instant) -> bool:
    """Without the events list only the open invoices themselves tell soon what failed."""
    return view.marks.get(f"no-events:{integration}") == _YES and is_suspect(view, integration, now)


def _unread(integration: IntegrationId, account: AccountId) -> str:
    return f"history-unread:{integration}:{account}"


def _name(integration: IntegrationId) -> str:
    return f"suspect:{integration}"
