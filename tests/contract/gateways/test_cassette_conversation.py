"""The gateways against a recorded conversation (vcrpy): the real SDK and its real HTTP client, and no network at all."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from dataclasses import fields

import pytest
import yaml

from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.billing.invoice import InvoiceStatus
from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus
from flexpay_reconcile.config.events import API_VERSION, ENABLED_EVENTS
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.ports.account_reader import Proof
from flexpay_reconcile.ports.account_writer import EndpointChanges, EndpointDeletion
from flexpay_reconcile.recovery.outcome import Approved, Declined, Unresolved
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant
from tests.contract.gateways.conversation import ADDRESS, CASSETTE, HOOK, MASKED, Heard, converse, recorder
from tests.contract.gateways.record import failing_site, record
from tests.contract.gateways.worlds import ACCOUNT, there
from tests.unit.stripe_api.canned import NOW, FixedClock, Vault, integration

RECORDED = Instant.from_seconds(1_769_904_000)
"""The virtual time of the recording; what is read carries it."""
AGAIN = "if this is meant, record anew: python -m tests.contract.gateways.record"


@contextmanager
def without_sockets():
    """Refuse every connection, loopback included."""

    def connect(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a replay tried to reach {address!r}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def gateways() -> StripeGateways:
    """Gateways over the SDK's own HTTP client; the keys are not those of the recording."""
    return StripeGateways(Vault(), FixedClock(RECORDED), lambda _: ACCOUNT, base_url=ADDRESS, wait=lambda span: None)


def replayed() -> Heard:
    """The conversation with the cassette, every answer of which is used."""
    with without_sockets(), recorder("none").use_cassette(str(CASSETTE)) as cassette:
        heard = converse(gateways())
    assert cassette.all_played
    return heard


def test_what_was_read():
    """Identity, invoice, payments, subscription and customer are translated as they were recorded."""
    heard = replayed()
    assert (heard.identity.account, heard.identity.livemode) == (ACCOUNT, False)
    assert heard.identity.how is Proof.PERMISSION_REFUSAL
    invoice = heard.invoice
    assert heard.open_invoices == (invoice,)
    assert (invoice.status, invoice.attempt_count) == (InvoiceStatus.OPEN, 1)
    assert (invoice.amount_remaining.amount_minor, invoice.amount_remaining.currency.code) == (2900, "USD")
    (payment,) = heard.payments
    charge = there(payment.latest_charge)
    assert there(charge.refusal).outcome_reason == "insufficient_funds"
    assert charge.created == Instant.from_seconds(1_769_767_200)
    assert (heard.subscription.id, heard.customer.id) == (invoice.subscription, invoice.customer)
    assert heard.nowhere is None


def test_what_was_paid():
    """A 402 is a decline with its codes, a 200 is an approval, and both name their charge and request."""
    heard = replayed()
    assert isinstance(heard.declined, Declined)
    assert (heard.declined.refusal.error_code, heard.declined.refusal.decline_code) == (
        "card_declined",
        "insufficient_funds",
    )
    assert isinstance(heard.approved, Approved)
    assert heard.declined.request_id != heard.approved.request_id
    assert (heard.paid.status, heard.paid.amount_remaining.amount_minor) == (InvoiceStatus.PAID, 0)


def test_what_became_of_the_endpoint():
    """An endpoint is made, found and deleted; its secret comes once, and a second deletion finds nothing."""
    heard = replayed()
    endpoint = heard.created
    assert (endpoint.url, endpoint.status, endpoint.api_version) == (HOOK, EndpointStatus.ENABLED, API_VERSION)
    assert set(endpoint.enabled_events) == set(ENABLED_EVENTS)
    assert endpoint.metadata == {"fp_integration": "acme"}
    assert heard.endpoints == (endpoint,)
    assert heard.secret.reveal() == MASKED
    assert (heard.deleted, heard.deleted_again) == (EndpointDeletion.DELETED, EndpointDeletion.MISSING)


def test_the_simulator_still_says_the_same():
    """The conversation with today's simulator is understood as the recorded one; the signing secret alone differs."""
    here = failing_site()
    today = converse(here.gateways, between=lambda: control.approve(here.world, "ada"))
    recorded = replayed()
    differing = [each.name for each in fields(Heard) if getattr(today, each.name) != getattr(recorded, each.name)]
    assert differing == ["secret"], AGAIN


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: gateways().billing_reader(integration()).open_invoices(NOW), id="query"),
        pytest.param(lambda: gateways().billing_reader(integration()).invoice(InvoiceId("in_1Other")), id="path"),
        pytest.param(
            lambda: (
                gateways()
                .account_writer(integration())
                .update_endpoint("we_1", EndpointChanges(disabled=True), idempotency_key="e")
            ),
            id="method and body",
        ),
    ],
)
def test_another_request_is_not_answered(ask):
    """A request with another query, path, method or body than the recorded ones finds no answer, and nothing is sent."""
    with without_sockets(), recorder("none").use_cassette(str(CASSETTE)) as cassette:
        with pytest.raises(TryLater):
            ask()
        assert cassette.play_count == 0


def test_another_body_is_not_answered():
    """The same payment with another card is another request: it stays unresolved instead of taking the answer of the first."""
    invoice = replayed().invoice.id
    with without_sockets(), recorder("none").use_cassette(str(CASSETTE)) as cassette:
        outcome = (
            gateways()
            .charger(integration())
            .pay(invoice, payment_method=PaymentMethodId("pm_1Other"), idempotency_key=f"fp1:{ACCOUNT}:{invoice}:1")
        )
        assert cassette.play_count == 0
    assert isinstance(outcome, Unresolved)


def test_the_cassette_holds_no_secret():
    """No key, signing secret, client secret, telemetry or word about a machine is in the file; it says where it is from."""
    text = CASSETTE.read_text(encoding="utf-8")
    assert re.findall(r"whsec_(?!masked\b)\w+|[rs]k_(?:test|live)_\w+|_secret_(?!masked\b)\w+", text) == []
    assert text.startswith("# Recorded from the simulator of flexpay-reconcile ")
    sent = [row["request"] for row in yaml.safe_load(text)["interactions"]]
    names = {name.lower() for request in sent for name in request["headers"]}
    assert names == {"content-type", "idempotency-key", "stripe-version"}
    assert re.findall(r"(?i)bearer |python/|linux|darwin", text) == []
    assert all(request["uri"].startswith(f"{ADDRESS}/v1/") for request in sent)


def test_recording_anew_gives_a_cassette_that_replays(tmp_path):
    """The documented way to record works, over real sockets, and gives the file that is here but for the versions named."""
    path = tmp_path / "conversation.yaml"
    record(path)
    fresh, kept = (yaml.safe_load(each.read_text(encoding="utf-8")) for each in (path, CASSETTE))
    assert fresh == kept, AGAIN
