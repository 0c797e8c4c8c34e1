"""What planning asks about the data plane, read from the store. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.operations import connected, follow_accounts, plan_next, take_over
from flexpay_reconcile.operations.plan_manifest import live_cases
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.configurations import Configurations
from flexpay_reconcile.ports.control_facts import CaseFacts
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState, RecoveryCase
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant

MOST_CASES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFacts:
    """The `control_facts` port over the store."""

    store: Store
    configurations: Configurations
    clock: Clock

    def live_cases(self) -> dict[str, int]:
        """Cases not in a final state, by integration id."""
        with self.store.reading() as view:
            return live_cases(view.cases.counts())

    def cases_of(self, integration_id: str) -> tuple[CaseFacts, ...]:
        """Every live case of an integration, by id."""
        live = [each for each in CaseState if each not in FINAL_STATES]
        now = self.clock.now()
        with self.store.reading() as view:
            cases = view.cases.list(integration_id=IntegrationId(integration_id), states=live, limit=MOST_CASES)
            return tuple(_facts(view, case, now) for case in sorted(cases, key=lambda each: each.id))

    def take_over_of(self, integration_id: str) -> str | None:
        """The record of its take-over."""
        with self.store.reading() as view:
            record = take_over.record_of(view, IntegrationId(integration_id))
        return record.text() if record else None

    def sample_account(self, integration_id: str) -> AccountId | None:
        """A connected account that was heard of and is not lost; None before the first."""
        latest = self.configurations.latest()
        integration = latest.configuration.integrations.get(integration_id) if latest else None
        if latest is None or integration is None:
            return None
        with self.store.reading() as view:
            known = connected.accounts_of(view, latest, integration)
            lost = {each.account for each in follow_accounts.lost_accounts(view)}
        return next((account for account, _ in known if account not in lost), None)


def _facts(view: UnitOfWork, case: RecoveryCase, now: Instant) -> CaseFacts:
    known = plan_next.known_card(view, case)
    attempts = view.attempts.of_invoice(case.account, case.invoice)
    return CaseFacts(
        case=replace(known, customer_name=None, hosted_invoice_url=None),
        actions=view.actions.of_case(case.id),
        history=plan_next.history_of(view, known, now),
        blocked=any(each.state in BLOCKING_STATES for each in attempts),
    )
