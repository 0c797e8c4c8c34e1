"""The configuration: everything a manifest says, decoded and agreed. The daemon runs exactly one revision of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.integration import Integration, ListenTo
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values import digest, plain
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Thresholds that plan and apply ask."""

    max_certain_cancellations: int = 50
    max_webhook_deletes: int = 1
    impact_growth_percent: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When too many calls fail, attempts stop until a probe succeeds."""

    window: Span = Span.of(minutes=30)
    min_attempts: int = 30
    open_when_errors_above_percent: int = 50
    half_open_after: Span = Span.of(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """Budgets the daemon asks before every call; per integration, counted from stored rows."""

    attempts_per_minute: int = 60
    attempts_per_day: int = 20_000
    final_actions_per_hour: int = 50
    final_actions_per_day: int = 200
    take_over_percent_of_book_per_day: int = 10
    breaker: Breaker = Breaker()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Companies, currencies (upper-case ISO codes), integrations and policies, by id."""

    currencies: tuple[str, ...]
    companies: dict[str, Company]
    integrations: dict[str, Integration]
    retry_policies: dict[str, RetryPolicy]
    guards: Guards = Guards()
    brakes: Brakes = Brakes()

    def digest(self) -> str:
        """A hash of the whole content; holds references to secrets only."""
        return digest.digest_of(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """The form that is stored and hashed."""
        return dict(plain.to_plain(self))

    @staticmethod
    def from_plain(data: dict[str, Any]) -> Configuration:
        """Back from the stored form."""
        return plain.from_plain(Configuration, data)

    def integration(self, integration_id: IntegrationId | str) -> Integration:
        """The integration of that id, which must be there."""
        found = self.integrations.get(integration_id)
        if found is None:
            raise BrokenInvariant(f"no integration {integration_id!r} in this configuration")
        return found

    def company_of(self, integration: Integration) -> Company:
        """The company an integration belongs to."""
        return self.companies[integration.company]

    def acts_for(self, integration: Integration, account: AccountId) -> bool:
        """Whether an integration may read, charge and cancel for this Stripe account (invariants A16, D9).

        One that listens to connected accounts never acts for its own, nor for another company's, which has
        integrations of its own.
        """
        if integration.webhook.listen_to is ListenTo.ACCOUNT:
            return account == self.company_of(integration).stripe_account
        listed = integration.webhook.connected_accounts
        own = any(each.stripe_account == account for each in self.companies.values())
        return not own and (not listed or account in listed)

    def policy_of(self, integration: Integration) -> RetryPolicy:
        """The retry policy of an integration."""
        return self.retry_policies[integration.retry_policy]
