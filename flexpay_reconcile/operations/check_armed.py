"""May this copy of the state charge? A copied or restored database must not, until somebody re-armed it (A18).

The random id in the database must stand in the note beside it and on every endpoint we manage. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import ManagedBy
from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.armed_copy import ArmedCopy
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.resource import Kind
from flexpay_reconcile.values.instant import Instant, Span

LOOK_EVERY = Span.of(hours=1)
LOOK_AGAIN = Span.of(minutes=1)
"""While Stripe did not answer: until then it is not known, and nothing is charged."""


@dataclass(slots=True, kw_only=True)
class Armed:
    """What is known of it now; `why` says why nothing may be charged, None when it may."""

    state: ControlState
    note: ArmedCopy
    readers: AccountReaderFor
    clock: Clock
    why: str | None = "not yet asked whether this copy of the state may charge"
    _next: Instant | None = field(default=None)

    def look(self) -> int:
        """Look when it is time; for a loop."""
        now = self.clock.now()
        if self._next is not None and now < self._next:
            return 0
        try:
            found = why_not(self.state, self.note, self.readers)
        except FlexpayError as problem:
            self._next = now.plus(LOOK_AGAIN)
            LOG.warning("not known whether this copy of the state may charge", extra={"because": problem.message})
            return 0
        if found is not None and found != self.why:
            LOG.critical("this copy of the state may not charge", extra={"because": found})
        self.why, self._next = found, now.plus(LOOK_EVERY)
        return 0


def why_not(state: ControlState, note: ArmedCopy, readers: AccountReaderFor) -> str | None:
    """Why this copy may not charge, or None. Raises what a reader raises when Stripe cannot be asked."""
    instance, noted = state.instance_id(), note.read()
    if noted != instance:
        found = "there is no note of it" if noted is None else "the note beside it is of another copy"
        return f"this database was copied or restored: {found}; see `flexpay state rearm`"
    latest = state.latest()
    if latest is None:
        return None
    return _at_stripe(latest.configuration, state, readers, lambda marks: marks.get(kind.ARMED_KEY) == instance)


def _at_stripe(
    configuration: Configuration, state: ControlState, readers: AccountReaderFor, ours: Callable[[dict[str, str]], bool]
) -> str | None:
    applied = state.applied()
    for integration in configuration.integrations.values():
        record = applied.get(f"{Kind.WEBHOOK_ENDPOINT.value}.{integration.id}")
        if integration.webhook.managed_by is ManagedBy.MANUAL or record is None:
            continue
        for endpoint in readers(integration).webhook_endpoints():
            if endpoint.id == record.remote_id and not ours(dict(endpoint.metadata)):
                return (
                    f"the endpoint of {integration.id} at Stripe is armed for another copy of this state; "
                    "see `flexpay state rearm`"
                )
    return None
