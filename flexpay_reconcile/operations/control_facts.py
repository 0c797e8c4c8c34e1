"""What planning asks about the data plane, read from the store. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.operations import connected, follow_accounts
from flexpay_reconcile.operations.plan_manifest import live_cases
from flexpay_reconcile.ports.configurations import Configurations
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.values.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFacts:
    """The `control_facts` port over the store."""

    store: Store
    configurations: Configurations

    def live_cases(self) -> dict[str, int]:
        """Cases not in a final state, by integration id."""
        with self.store.reading() as view:
            return live_cases(view.cases.counts())

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
