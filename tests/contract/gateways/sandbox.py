"""The gateways' conversation with a real Stripe sandbox, and what the simulator says to the same questions.

`STRIPE_TEST_KEY=… make record`. The key must be a test key (rk_test_ or sk_test_): any other is refused before anything
is sent, and no key is ever printed or written. A customer with a card that is always declined is made, the conversation
is held on its first invoice, and what was made is cancelled again. The same is then done with the simulator over
loopback, and both recordings are compared (`likeness`). Nothing of this runs in the tests against Stripe itself.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import stripe
import yaml

from flexpay_reconcile import __version__
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways, sleep
from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.config.keys import KeyType
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.values.ids import AccountId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant, Span
from tests.contract.gateways import likeness
from tests.contract.gateways.conversation import converse, recorder
from tests.contract.gateways.record import served
from tests.contract.gateways.worlds import WorldClock
from tests.unit.stripe_api.canned import Vault, integration

CASSETTE: Final = Path(__file__).parent / "cassettes" / "stripe_sandbox.yaml"
HOOK: Final = "https://example.com/webhooks/stripe/acme"
"""Stripe refuses an endpoint that is not public; this one is deleted at once."""
HEADER: Final = """\
# Recorded from {source}, by flexpay-reconcile {version}.
# SDK stripe {sdk}, API version {api}. Keys, telemetry and most headers are left out, secrets and the account's details are masked.
# Do not edit; record again with: STRIPE_TEST_KEY=... make record
"""
Wait = Callable[[Span], None]
_TEST_KEY: Final = re.compile(r"(rk|sk)_test_[A-Za-z0-9]{8,}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_EMAIL: Final = re.compile(rb"[\w.+-]+@[\w-]+\.[\w.-]+")
_NAME: Final = re.compile(rb'("(?:account_name|calculated_statement_descriptor)":\s*)"(?:[^"\\]|\\.)*"')


class NotAsked(Exception):
    """Nothing was sent; the message says why and names no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was made for the conversation."""

    account: AccountId
    customer: str
    subscription: str
    since: Instant


def checked(key: str, address: str | None) -> None:
    """Refuse, before anything is sent, a key that is missing or no test key, and an address that is not this machine."""
    if not key:
        raise NotAsked("STRIPE_TEST_KEY is not set: it holds a test key (rk_test_ or sk_test_) of a Stripe sandbox")
    if not _TEST_KEY.fullmatch(key):
        raise NotAsked("STRIPE_TEST_KEY holds no test key (rk_test_ or sk_test_): nothing was sent")
    if address is not None and urlsplit(address).hostname not in _LOOPBACK:
        raise NotAsked("--address is for an address of this machine; leave it out to ask Stripe")


def held(key: str, address: str | None, clock: Clock, path: Path, wait: Wait) -> list[dict[str, Any]]:
    """Prepare, converse and clean up with one side; what was said, also written to `path`."""
    path.unlink(missing_ok=True)
    client = stripe.StripeClient(key, base_addresses={"api": address} if address else None)
    stripe.enable_telemetry = False
    vault = Vault(PRIMARY=key, FALLBACK=key[:8] + "notUsedNotUsed")
    with recorder("all", keep=_kept).use_cassette(str(path)):
        made = _prepare(client)
        try:
            kind = KeyType.STANDARD if key.startswith("sk_") else KeyType.RESTRICTED
            ours = integration()
            converse(
                StripeGateways(vault, clock, lambda _: made.account, base_url=address, wait=wait),
                between=lambda: _another_card(client, made),
                account=made.account,
                ours=replace(ours, api_keys=replace(ours.api_keys, type=kind)),
                since=made.since,
                hook=HOOK,
                turn=made.customer,
            )
        finally:
            client.v1.subscriptions.cancel(made.subscription)
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]
    return found


def _prepare(client: stripe.StripeClient) -> Prepared:
    """A customer whose first invoice was declined and stands open."""
    account = client.v1.accounts.retrieve_current()
    customer = client.v1.customers.create({"name": "Conversation"})
    if customer.livemode:
        raise NotAsked("the account answered in live mode: the conversation ends here")
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    product = client.v1.products.create({"name": "Conversation"})
    price = client.v1.prices.create(
        {"currency": "usd", "unit_amount": 2900, "product": product.id, "recurring": {"interval": "month"}}
    )
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "default_payment_method": card.id,
            "payment_behavior": "allow_incomplete",
        }
    )
    return Prepared(
        account=AccountId(account.id),
        customer=customer.id,
        subscription=subscription.id,
        since=Instant.from_seconds(customer.created - 1),
    )


def _another_card(client: stripe.StripeClient, made: Prepared) -> PaymentMethodId:
    return PaymentMethodId(client.v1.payment_methods.attach("pm_card_visa", {"customer": made.customer}).id)


def _kept(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without addresses of people, and without what an account says of its owner."""
    body = _NAME.sub(rb'\1"masked"', _EMAIL.sub(b"masked@example.com", answer["body"]["string"]))
    try:
        document = json.loads(body)
    except ValueError:
        return answer
    if document.get("object") == "account":
        body = json.dumps({name: _blank(name, value) for name, value in document.items()}).encode()
    return {**answer, "body": {**answer["body"], "string": body}}


def _blank(name: str, value: Any) -> Any:
    """The shape of a value without its texts; what says which account of which kind it is stays."""
    if name in ("id", "object", "type", "country", "default_currency"):
        return value
    if isinstance(value, dict):
        return {key: _blank(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_blank("", each) for each in value]
    return "masked" if isinstance(value, str) else value


def simulated(key: str, path: Path) -> list[dict[str, Any]]:
    """The same conversation with the simulator, under a key of the same kind."""
    kind = {"type": "standard"} if key.startswith("sk_") else {"type": "restricted", "permissions": "all"}
    account = {
        "name": "Acme US",
        "country": "US",
        "livemode": False,
        "keys": [{"env": "KEY", "name": "Key", "secret": key[:8] + "simulatorOnly1234", **kind}],
        "prices": {},
        "customers": {},
    }
    document = {"version": 1, "seed": 7, "start": "2026-01-01T00:00:00Z", "accounts": {"acct_1AcmeUS": account}}
    world = build_world(document)
    with served(world) as address:
        return held(key[:8] + "simulatorOnly1234", address, WorldClock(world), path, lambda _: None)


def main(
    key: str,
    *,
    address: str | None = None,
    clock: Clock | None = None,
    wait: Wait = sleep,
    cassette: Path = CASSETTE,
) -> int:
    """Ask, record, compare and tell; 2 when nothing could be asked, 1 when the simulator differs."""
    try:
        checked(key, address)
        real = held(key, address, clock or SystemClock(), cassette, wait)
    except NotAsked as reason:
        print(reason)
        return 2
    except stripe.StripeError as error:
        print(f"the conversation could not be held: {masked(str(error))}")
        return 2
    source = f"a stand-in at {address}" if address else "a Stripe sandbox"
    header = HEADER.format(source=source, version=__version__, sdk=stripe.VERSION, api=API_VERSION)
    cassette.write_text(header + cassette.read_text(encoding="utf-8"), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        ours = simulated(key, Path(folder) / "simulator.yaml")
    told = likeness.differences(real, ours)
    for line in told:
        print(line)
    print(f"{len(real)} answers of {source} recorded in {cassette.name}; the simulator differs in {len(told)} places")
    return 1 if told else 0
