"""All gateways to Stripe, made per integration: the factory `bootstrap` takes its ports from.

Connected accounts are not built yet and are refused. Holds connections and keys; sends nothing by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import stripe

from flexpay_reconcile.adapters.stripe_api.account_reader import StripeAccountReader
from flexpay_reconcile.adapters.stripe_api.account_writer import StripeAccountWriter
from flexpay_reconcile.adapters.stripe_api.billing_reader import StripeBillingReader
from flexpay_reconcile.adapters.stripe_api.billing_writer import StripeBillingWriter
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.charger import StripeCharger
from flexpay_reconcile.adapters.stripe_api.client import StripeConnection
from flexpay_reconcile.adapters.stripe_api.keys import KeyRing
from flexpay_reconcile.adapters.stripe_api.limiter import Limiter
from flexpay_reconcile.adapters.stripe_api.transport import Power
from flexpay_reconcile.config.integration import Integration, ListenTo
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.ports.account_reader import AccountReader
from flexpay_reconcile.ports.account_writer import AccountWriter
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.billing_writer import BillingWriter
from flexpay_reconcile.ports.charger import Charger
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Span


def sleep(span: Span) -> None:
    """Let real time pass."""
    time.sleep(span.ms / 1000)


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
        self._limiters: dict[tuple[AccountId, bool], Limiter] = {}

    def seal(self) -> None:
        """From now on keys that are resolved anew are asked whose account they open before they are used."""
        self._ring.sealed = True

    def billing_reader(self, integration: Integration) -> BillingReader:
        """Reads billing objects."""
        return StripeBillingReader(self._caller(integration, Power.READ))

    def billing_writer(self, integration: Integration) -> BillingWriter:
        """Cancels, marks, tags, stops Stripe's retries."""
        return StripeBillingWriter(self._caller(integration, Power.WRITE_BILLING))

    def charger(self, integration: Integration) -> Charger:
        """Pays invoices."""
        return StripeCharger(self._caller(integration, Power.CHARGE))

    def account_reader(self, integration: Integration) -> AccountReader:
        """Looks at identity, permissions and endpoints."""
        return StripeAccountReader(self._caller(integration, Power.READ_AND_PROBE))

    def account_writer(self, integration: Integration) -> AccountWriter:
        """Changes endpoints."""
        return StripeAccountWriter(self._caller(integration, Power.WRITE_ACCOUNT))

    def _caller(self, integration: Integration, power: Power) -> StripeCaller:
        """A caller of one power, its keys resolved; the limiter is shared by all callers of the account and mode."""
        if integration.webhook.listen_to is not ListenTo.ACCOUNT:
            raise OperatorError(
                f"{integration.id} listens to connected accounts, which is not built yet",
                code="E-connect-not-built",
                hint="listen_to: account",
            )
        self._ring.pair(integration)
        account = self._account_of(integration)
        livemode = integration.environment.livemode
        limiter = self._limiters.get((account, livemode))
        if limiter is None:
            limiter = Limiter(livemode=livemode, clock=self._clock, wait=self._wait)
            self._limiters[account, livemode] = limiter
        return StripeCaller(
            integration=integration,
            account=account,
            ring=self._ring,
            connection=self.connection,
            limiter=limiter,
            clock=self._clock,
            power=power,
            on_failover=self._count,
        )

    def _count(self, helped: bool) -> None:
        self.failovers += 1
        self.failovers_in_vain += not helped
