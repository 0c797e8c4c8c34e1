"""Identity, permissions, endpoints and webhooks through the real SDK against the simulator."""

from __future__ import annotations

import pytest

from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.billing.signal import ChargeSeen, InvoiceChanged, NotForUs, SubscriptionChanged
from flexpay_reconcile.billing.signature import Verdict, verify
from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus
from flexpay_reconcile.config.events import API_VERSION, ENABLED_EVENTS
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.ports.account_reader import ProbeResult, Proof
from flexpay_reconcile.ports.account_writer import EndpointChanges, EndpointDeletion
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.instant import Instant
from tests.contract.gateways.worlds import ACCOUNT, DAY, Site, site, there

URL = "http://127.0.0.1:8787/hook"


def create(here: Site, key: str = "e1"):
    """Make our endpoint."""
    return here.account_writer.create_endpoint(
        url=URL,
        enabled_events=ENABLED_EVENTS,
        description="FlexPay Webhook EndPoint",
        metadata={"fp_integration": "acme", "fp_scope": "account"},
        connect=False,
        api_version=API_VERSION,
        idempotency_key=key,
    )


@pytest.mark.parametrize("alias", list(KeyAlias))
def test_the_guides_keys_prove_their_account_by_refusal(alias):
    """The six permissions cannot read the account, and the refusal names it."""
    found = site().account_reader.identity(alias)
    assert (found.account, found.livemode, found.how) == (ACCOUNT, False, Proof.PERMISSION_REFUSAL)


def test_a_key_that_may_read_the_account():
    """With the extra permission the account says who it is."""
    found = site(permissions=["rak_accounts_kyc_basic_read"]).account_reader.identity(KeyAlias.PRIMARY)
    assert (found.account, found.how) == (ACCOUNT, Proof.ACCOUNT_READ)


def test_the_guides_keys_have_all_six_rows():
    """All granted, and nothing in the account has changed."""
    here = site()
    before = here.world.ledger.digest()
    rows = here.account_reader.probe(KeyAlias.PRIMARY, write_probes=True)
    assert [row.result for row in rows] == [ProbeResult.GRANTED] * 6
    assert here.world.ledger.digest() == before


PERMISSIONS = [
    "rak_charge_read",
    "rak_customer_read",
    "rak_payment_intent_read",
    "rak_invoice_write",
    "rak_subscription_write",
    "rak_webhook_write",
]


@pytest.mark.parametrize("lacking", PERMISSIONS)
def test_each_missing_permission_is_found(lacking):
    """A key without one of the six lacks exactly that row."""
    here = site(permissions=[name for name in PERMISSIONS if name != lacking])
    rows = here.account_reader.probe(KeyAlias.PRIMARY, write_probes=True)
    index = PERMISSIONS.index(lacking)
    assert [row.result for row in rows] == [
        ProbeResult.LACKING if number == index else ProbeResult.GRANTED for number in range(6)
    ]


@pytest.mark.parametrize("only_read", ["rak_invoice_read", "rak_subscription_read", "rak_webhook_read"])
def test_read_where_write_is_needed(only_read):
    """Read in place of Write is lacking with write probes and not judged without them."""
    names = [only_read if name == only_read.replace("read", "write") else name for name in PERMISSIONS]
    here = site(permissions=names)
    rows = here.account_reader.probe(KeyAlias.PRIMARY, write_probes=True)
    (found,) = [row for row in rows if row.result is ProbeResult.LACKING]
    assert found.permission == only_read.replace("read", "write")
    rows = here.account_reader.probe(KeyAlias.PRIMARY, write_probes=False)
    assert [row.result for row in rows[3:]] == [ProbeResult.SKIPPED] * 3


def test_the_life_of_an_endpoint():
    """Made once under one key, seen as made, changed in place, deleted, gone."""
    here = site()
    assert here.account_reader.webhook_endpoints() == ()
    made, secret = create(here)
    again, same = create(here)
    assert (again, same) == (made, secret)
    assert secret.reveal().startswith("whsec_")
    assert here.account_reader.webhook_endpoints() == (made,)
    assert (made.url, made.status, made.enabled_events) == (URL, EndpointStatus.ENABLED, ENABLED_EVENTS)
    assert (made.description, made.api_version, made.livemode) == ("FlexPay Webhook EndPoint", API_VERSION, False)
    assert made.metadata == {"fp_integration": "acme", "fp_scope": "account"}
    changes = EndpointChanges(
        enabled_events=("invoice.paid",), metadata={"fp_epoch": "2"}, disabled=True, description=""
    )
    changed = here.account_writer.update_endpoint(made.id, changes, idempotency_key="e2")
    assert changed is not None
    assert (changed.status, changed.enabled_events, changed.description) == (
        EndpointStatus.DISABLED,
        ("invoice.paid",),
        "",
    )
    assert changed.metadata == {"fp_integration": "acme", "fp_scope": "account", "fp_epoch": "2"}
    assert here.account_reader.webhook_endpoints() == (changed,)
    assert here.account_writer.delete_endpoint(made.id) is EndpointDeletion.DELETED
    assert here.account_writer.delete_endpoint(made.id) is EndpointDeletion.MISSING
    assert here.account_writer.update_endpoint(made.id, changes, idempotency_key="e3") is None
    assert here.account_reader.webhook_endpoints() == ()


def test_a_lost_create_comes_back_with_its_secret():
    """The answer is lost, the step goes again with its key: one endpoint, and its secret in hand."""
    here = site()
    here.transport.faults.add("lost_answer", method="POST", path="/v1/webhook_endpoints")
    with pytest.raises(TryLater) as caught:
        create(here)
    assert caught.value.code == "E-stripe-unknown"
    made, secret = create(here)
    assert here.account_reader.webhook_endpoints() == (made,)
    assert secret.reveal()


def test_the_seventeenth_endpoint_is_refused():
    """Stripe's limit of sixteen comes to the operator in Stripe's words."""
    here = site()
    for number in range(16):
        create(here, f"e{number}")
    with pytest.raises(OperatorError, match="maximum of 16") as caught:
        create(here, "e16")
    assert caught.value.code == "E-stripe-request"


def test_webhooks_of_a_failed_renewal_are_understood():
    """Every delivery is signed with the secret we were given and is a signal; a retry of ours names its key."""
    here = site()
    _, secret = create(here)
    got: list[bytes] = []

    def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
        now = Instant.from_seconds(here.world.now)
        assert verify(body, headers["Stripe-Signature"], [secret], now) is Verdict.GENUINE
        got.append(body)
        return 200

    here.world.deliver = deliver
    invoice = here.fail_ada()
    charges = here.reader.charges_of(there(invoice.customer), Instant.from_seconds(0))
    here.charger.pay(
        invoice.id,
        payment_method=there(charges[0].payment_method),
        idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1",
    )
    here.world.advance_to(here.world.now + DAY // 24)
    events = StripeEvents()
    signals = [events.signal(body, ACCOUNT) for body in got]
    envelopes = [events.envelope(body) for body in got]
    assert {type(signal) for signal in signals} >= {InvoiceChanged, ChargeSeen, SubscriptionChanged}
    assert not [signal for signal in signals if isinstance(signal, NotForUs)]
    assert {envelope.type for envelope in envelopes} <= set(ENABLED_EVENTS)
    ours = [envelope for envelope in envelopes if envelope.idempotency_key == f"fp1:{ACCOUNT}:{invoice.id}:1"]
    assert {envelope.type for envelope in ours} >= {"charge.failed", "invoice.payment_failed"}
    assert {envelope.object_id for envelope in envelopes if envelope.type == "invoice.payment_failed"} == {invoice.id}
