"""What every data-plane operation is given: the store, the applied configuration, the clock, readers of Stripe.

Holds no writer and no charger: those are handed to the few operations that may use them (import law 9).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, Status
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.billing_reader import BillingReaderFor
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.configurations import AppliedConfiguration, Configurations
from flexpay_reconcile.ports.event_reader import EventReader
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.gates import FRESH
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

LOG = logging.getLogger("flexpay")
LEASE_TTL = Span.of(minutes=5)
"""Longer than the worst call: 30 s timeout, no SDK retries, four reads before it (invariant A19)."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One daemon's view. `holder` names it in the lease; `fence` is the token of the lease it was given."""

    store: Store
    configurations: Configurations
    clock: Clock
    readers: BillingReaderFor
    events: EventReader
    holder: str
    fence: int = 0
    _revisions: dict[int, AppliedConfiguration] = field(default_factory=dict)
    _returns: dict[tuple[IntegrationId, int], Instant | None] = field(default_factory=dict)

    def running(self) -> AppliedConfiguration | None:
        """The newest applied revision; None before the first apply."""
        latest = self.configurations.latest()
        if latest is not None:
            self._revisions[latest.revision] = latest
        return latest

    def pinned(self, revision: int) -> Configuration:
        """The configuration a case began under."""
        found = self._revisions.get(revision) or self.configurations.revision(revision)
        if found is None:
            raise BrokenInvariant(f"configuration revision {revision} is not in the state")
        self._revisions[revision] = found
        return found.configuration

    def enabled_again(self, running: AppliedConfiguration, integration: IntegrationId) -> Instant | None:
        """When it was last enabled after it had been disabled, released or removed; None where it never was (G14).

        Told from the applied revisions, which stay: a daemon that was down all the while knows it too.
        """
        key = (integration, running.revision)
        if key not in self._returns:
            self._returns[key] = self._enabled_again(running, integration)
        return self._returns[key]

    def _enabled_again(self, running: AppliedConfiguration, integration: IntegrationId) -> Instant | None:
        since = running.applied_at
        for revision in range(running.revision, 0, -1):
            applied = self._revisions.get(revision) or self.configurations.revision(revision)
            if applied is None:
                return None
            self._revisions[revision] = applied
            found = applied.configuration.integrations.get(integration)
            if found is None:
                earlier = (self.configurations.revision(each) for each in range(revision - 1, 0, -1))
                return (
                    since if any(each and integration in each.configuration.integrations for each in earlier) else None
                )
            if found.status is not Status.ENABLED:
                return since if revision < running.revision else None
            since = applied.applied_at
        return None

    def first_applied(self, running: AppliedConfiguration, integration: IntegrationId) -> Instant:
        """When the earliest revision that holds an integration was applied."""
        earlier = (self.configurations.revision(each) for each in range(1, running.revision))
        held = (each for each in earlier if each is not None and integration in each.configuration.integrations)
        return next((each.applied_at for each in held), running.applied_at)

    def policy_of(self, case: RecoveryCase) -> RetryPolicy:
        """The policy a case is pinned to."""
        configuration = self.pinned(case.revision)
        return configuration.policy_of(configuration.integration(case.integration_id))

    def integration_of(self, case: RecoveryCase) -> Integration | None:
        """The case's integration, or None when it was removed: what guards the account as it is configured now.

        Keys, scope and status are today's; what was agreed for the case is that of its revision.
        """
        latest = self.running()
        now = None if latest is None else latest.configuration.integrations.get(case.integration_id)
        if now is None:
            return None
        agreed = self.pinned(case.revision).integration(case.integration_id)
        stop = agreed.smart_retries.stop_stripe_retries
        return replace(
            now,
            smart_retries=replace(now.smart_retries, stop_stripe_retries=stop),
            include_first_invoice=agreed.include_first_invoice,
            when_recovery_fails=agreed.when_recovery_fails,
        )

    def hold_lease(self) -> bool:
        """Take or renew the lease; False when another daemon holds it."""
        with self.store.begin() as unit:
            lease = unit.leases.acquire(self.holder, self.clock.now(), LEASE_TTL)
        if lease is None:
            return False
        self.fence = lease.fence
        return True

    def may_charge(self, unit: UnitOfWork) -> bool:
        """Whether our fencing token is still the present one and has not expired, asked inside the unit of work."""
        lease = unit.leases.current()
        if lease is None or lease.holder != self.holder or lease.fence != self.fence:
            return False
        return lease.expires_at > self.clock.now()

    def may_still_call(self, since: Instant) -> bool:
        """Asked after a commit and just before the call: the process may have stood still in between (A7, A19)."""
        if self.clock.now().since(since) > FRESH:
            return False
        with self.store.reading() as view:
            return self.may_charge(view)
