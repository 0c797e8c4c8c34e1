"""All gateways to Stripe, made per integration: the factory `bootstrap` takes its ports from.

An integration acts for its own account or for connected ones, never for both. Holds connections and keys; sends
nothing by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import stripe

from flexpay_reconcile.adapters.stripe_api.account_access import StripeAccountAccess
from flexpay_reconcile.adapters.stripe_api.account_reader import StripeAccountReader
from flexpay_reconcile.adapters.stripe_api.account_writer import StripeAccountWriter
from flexpay_reconcile.adapters.stripe_api.billing_reader import StripeBillingReader
from flexpay_reconcile.adapters.stripe_api.billing_writer import StripeBillingWriter
from flexpay_reconcile.adapters.stripe_api.book_reader import StripeBookReader
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.charger import StripeCharger
from flexpay_reconcile.adapters.stripe_api.client import StripeConnection
from flexpay_reconcile.adapters.stripe_api.history_reader import StripeHistoryReader
from flexpay_reconcile.adapters.stripe_api.keys import KeyRing
from flexpay_reconcile.adapters.stripe_api.limiter import Limiter
from flexpay_reconcile.adapters.stripe_api.transport import Power
from flexpay_reconcile.config.integration import Integration, ListenTo
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.ports.account_reader import AccountReader
from flexpay_reconcile.ports.account_writer import AccountWriter
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.billing_writer import BillingWriter
from flexpay_reconcile.ports.book_reader import BookReader
from flexpay_reconcile.ports.charger import Charger
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.history_reader import HistoryReader
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Span


def sleep(span: Span) -> None:
    """Let real time pass."""
    time.sleep(span.ms / 1000)


def _other_scope(words: str) -> OperatorError:
    """What a case of another scope than its integration's present one meets."""
    return OperatorError(words, code="E-account-scope", hint="give the integration its former scope and company again")


class StripeGateways:
    """Makes gateways. `failovers` counts uses of the fallback key, `failovers_in_vain` those limited as well."""

    def __init__(
        self,
        secret_reader: SecretReader,
        clock: Clock,
        account_of: Callable[[Integration], AccountId],
        *,
        base_url: str | None = None,
        http_client: stripe.HTTPClient | None = None,
        wait: Callable[[Span], None] = sleep,
    ) -> None:
        """`account_of` names an integration's account; `wait` may do nothing where the clock is virtual."""
        self.connection = StripeConnection(clock=clock, base_url=base_url, http_client=http_client)
        self.failovers = 0
        self.failovers_in_vain = 0
        self._ring = KeyRing(secret_reader)
        self._clock = clock
        self._account_of = account_of
        self._wait = wait
        self.access = StripeAccountAccess(self._asking)
        self.sample_of: Callable[[Integration], AccountId | None] = lambda _: None
        """A connected account to probe the second column of permissions on, where the manifest names none."""
        self._limiters: dict[tuple[AccountId, bool], Limiter] = {}

    def seal(self) -> None:
        """From now on keys that are resolved anew are asked whose account they open before they are used."""
        self._ring.sealed = True

    def billing_reader(self, integration: Integration, account: AccountId | None = None) -> BillingReader:
        """Reads billing objects of an account the integration acts for; None is its own."""
        return StripeBillingReader(self._for(integration, Power.READ, account))

    def history_reader(self, integration: Integration, account: AccountId | None = None) -> HistoryReader:
        """Lists events, charges and refunds."""
        connected = integration.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS
        return StripeHistoryReader(self._for(integration, Power.READ, account), connected=connected)

    def book_reader(self, integration: Integration, account: AccountId | None = None) -> BookReader:
        """Reads a whole book of failing invoices in few calls."""
        return StripeBookReader(self._for(integration, Power.READ, account))

    def billing_writer(self, integration: Integration, account: AccountId | None = None) -> BillingWriter:
        """Cancels, marks, tags, stops Stripe's retries."""
        return StripeBillingWriter(self._for(integration, Power.WRITE_BILLING, account))

    def charger(self, integration: Integration, account: AccountId | None = None) -> Charger:
        """Pays invoices."""
        return StripeCharger(self._for(integration, Power.CHARGE, account))

    def account_reader(self, integration: Integration) -> AccountReader:
        """Looks at identity, permissions and endpoints."""
        caller = self._caller(integration, Power.READ_AND_PROBE)
        if integration.webhook.listen_to is ListenTo.ACCOUNT:
            return StripeAccountReader(caller)
        account = next(iter(integration.webhook.connected_accounts), None) or self.sample_of(integration)
        sample = self._caller(integration, Power.READ_AND_PROBE, acting_for=account, asking=True) if account else None
        return StripeAccountReader(caller, connected=True, sample=sample)

    def account_writer(self, integration: Integration) -> AccountWriter:
        """Changes endpoints."""
        return StripeAccountWriter(self._caller(integration, Power.WRITE_ACCOUNT))

    def _for(self, integration: Integration, power: Power, account: AccountId | None) -> StripeCaller:
        """A caller for what belongs to one account; OperatorError where the integration does not act for it (D9)."""
        own = self._account_of(integration)
        if integration.webhook.listen_to is ListenTo.ACCOUNT:
            if account not in (None, own):
                raise _other_scope(f"{integration.id} acts for {own}, and not for {account}")
            return self._caller(integration, power)
        if account is None or account == own:
            raise _other_scope(f"{integration.id} acts for connected accounts, and not for {own}")
        return self._caller(integration, power, acting_for=account)

    def _caller(
        self, integration: Integration, power: Power, *, acting_for: AccountId | None = None, asking: bool = False
    ) -> StripeCaller:
        """A caller of one power, its keys resolved; the limiter is shared by all callers of the account and mode.

        `acting_for` is a connected account: every request names it (`Stripe-Account`). `asking` sends even where it is
        known that the account took our access back.
        """
        self._ring.pair(integration)
        own = self._account_of(integration)
        account = acting_for or own
        livemode = integration.environment.livemode
        limiter = self._limiters.get((account, livemode))
        if limiter is None:
            limiter = Limiter(livemode=livemode, clock=self._clock, wait=self._wait)
            self._limiters[account, livemode] = limiter
        return StripeCaller(
            integration=integration,
            account=account,
            key_account=own,
            ring=self._ring,
            connection=self.connection,
            limiter=limiter,
            clock=self._clock,
            power=power,
            on_failover=self._count,
            closed=None if asking else self.access.closed,
        )

    def _asking(self, integration: Integration, account: AccountId | None) -> StripeCaller:
        """A caller that reads, and that asks even for an account that refused us; None is the platform's own."""
        return self._caller(integration, Power.READ, acting_for=account, asking=True)

    def _count(self, helped: bool) -> None:
        self.failovers += 1
        self.failovers_in_vain += not helped
