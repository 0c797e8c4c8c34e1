"""A small simulated account and the gateways to it. The one place besides the rehearsal where the two meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.billing.invoice import Invoice, payment_method_for
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import Outcome
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from flexpay_reconcile.values.ids import AccountId, InvoiceId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant
from tests.unit.stripe_api.canned import Vault, integration

T = TypeVar("T")
ACCOUNT = AccountId("acct_1AcmeUS")
DAY = 86_400


def there(value: T | None) -> T:
    """A value that must be there."""
    assert value is not None
    return value


class WorldClock:
    """The world's virtual clock."""

    def __init__(self, world: World) -> None:
        self.world = world

    def now(self) -> Instant:
        """The world's now."""
        return Instant.from_seconds(self.world.now)


@dataclass
class Site:
    """A world and everything that looks at it."""

    world: World
    transport: SimulatorTransport
    gateways: StripeGateways
    vault: Vault

    def __post_init__(self) -> None:
        self.integration = integration()
        self.reader = self.gateways.billing_reader(self.integration)
        self.writer = self.gateways.billing_writer(self.integration)
        self.charger = self.gateways.charger(self.integration)
        self.account_reader = self.gateways.account_reader(self.integration)
        self.account_writer = self.gateways.account_writer(self.integration)

    def fail_ada(self, code: str = "insufficient_funds", **extra: Any) -> Invoice:
        """Ada's renewal fails; her open invoice, read."""
        control.decline(self.world, "ada", code, **extra)
        self.world.advance_to(self.world.now + 31 * DAY)
        (row,) = [row for row in control.open_invoices(self.world) if row["status"] == "open"]
        return there(self.reader.invoice(InvoiceId(row["id"])))


def site(permissions: object = "flexpay", **account: Any) -> Site:
    """One account with ada and ben; both keys with the same permissions."""
    document = {
        "version": 1,
        "seed": 7,
        "start": "2026-01-01T00:00:00Z",
        "accounts": {
            ACCOUNT: {
                "name": "Acme US",
                "country": "US",
                "livemode": False,
                "keys": [
                    {"env": "PRIMARY", "name": "Primary", "type": "restricted", "permissions": permissions},
                    {"env": "FALLBACK", "name": "Fallback", "type": "restricted", "permissions": permissions},
                ],
                "prices": {"gold": {"amount": 2900, "currency": "usd", "interval": "month"}},
                "customers": {
                    "ada": {"card": "pm_card_visa", "price": "gold", "started": "2025-11-30T09:00:00Z"},
                    "ben": {"card": "pm_card_mastercard", "price": "gold", "started": "2025-12-10T09:00:00Z"},
                },
                **account,
            }
        },
    }
    world = build_world(document)
    transport = SimulatorTransport(world)
    vault = Vault(**env_of(world))
    gateways = StripeGateways(
        vault, WorldClock(world), lambda _: ACCOUNT, http_client=transport, wait=lambda span: None
    )
    return Site(world=world, transport=transport, gateways=gateways, vault=vault)


EPOCH = Instant.from_seconds(0)


def card_of(here: Site, invoice: Invoice) -> PaymentMethodId:
    """What Stripe's documented order would charge."""
    found = payment_method_for(
        invoice, here.reader.subscription(there(invoice.subscription)), here.reader.customer(there(invoice.customer))
    )
    assert found is not None
    return found


def pay(here: Site, invoice: Invoice, number: int = 1, only_key: KeyAlias | None = None) -> Outcome:
    """Attempt `number` on an invoice with its card."""
    return here.charger.pay(
        invoice.id,
        payment_method=card_of(here, invoice),
        idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:{number}",
        only_key=only_key,
    )


def successes(here: Site, invoice: Invoice) -> int:
    """How often the ledger took the invoice's money."""
    return here.world.ledger.successes_by_invoice().get(invoice.id, 0)
