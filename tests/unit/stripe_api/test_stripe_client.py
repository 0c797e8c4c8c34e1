"""The connection and its transports: powers, no retries, no noise, no keys in sight."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest
import stripe

from flexpay_reconcile.adapters.stripe_api.caller import Answer
from flexpay_reconcile.adapters.stripe_api.client import StripeConnection, quieten_the_sdk
from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.adapters.stripe_api.transport import PROBE_PATHS, GuardedTransport, Power, RequestsPerThread
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError, TryLater
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret
from tests.unit.stripe_api.canned import (
    FALLBACK,
    NOW,
    PRIMARY,
    Bench,
    CannedHttp,
    FixedClock,
    error,
    integration,
    invoice,
    limited,
)

REQUESTS = [
    "GET /v1/invoices",
    "GET /v1/account",
    *(f"POST {path}" for path in PROBE_PATHS),
    "POST /v1/invoices/in_1",
    "POST /v1/invoices/in_1/mark_uncollectible",
    "POST /v1/invoices/in_1/pay",
    "POST /v1/invoices/in_1/void",
    "POST /v1/invoices",
    "DELETE /v1/invoices/in_1",
    "POST /v1/subscriptions/sub_1",
    "DELETE /v1/subscriptions/sub_1",
    "POST /v1/subscriptions",
    "POST /v1/webhook_endpoints",
    "POST /v1/webhook_endpoints/we_1",
    "DELETE /v1/webhook_endpoints/we_1",
    "POST /v1/customers/cus_1",
    "POST /v1/refunds",
    "POST /v1/charges",
    "PUT /v1/invoices/in_1",
    "POST /v2/core/accounts",
    "POST /v1/invoices/in_fpprobe000/pay",
    "POST /v1/invoices/in_fpprobe0000",
]
READS = {"GET /v1/invoices", "GET /v1/account"}
ALLOWED = {
    Power.READ: READS,
    Power.READ_AND_PROBE: READS | {f"POST {path}" for path in PROBE_PATHS},
    Power.WRITE_BILLING: {
        "POST /v1/invoices/in_1",
        "POST /v1/invoices/in_fpprobe000",
        "POST /v1/invoices/in_fpprobe0000",
        "POST /v1/invoices/in_1/mark_uncollectible",
        "POST /v1/subscriptions/sub_1",
        "POST /v1/subscriptions/sub_fpprobe000",
        "DELETE /v1/subscriptions/sub_1",
    },
    Power.WRITE_ACCOUNT: {
        "POST /v1/webhook_endpoints",
        "POST /v1/webhook_endpoints/we_1",
        "POST /v1/webhook_endpoints/we_fpprobe000",
        "DELETE /v1/webhook_endpoints/we_1",
    },
    Power.CHARGE: {"POST /v1/invoices/in_1/pay", "POST /v1/invoices/in_fpprobe000/pay"},
}


@pytest.mark.parametrize("power", list(Power))
def test_each_power_sends_its_own_requests_and_no_other(power):
    """The transport itself refuses everything else, before a byte leaves."""
    http = CannedHttp().answers(200, {})
    guard = GuardedTransport(http, power, lambda headers: None)
    sent = set()
    for line in REQUESTS:
        method, path = line.split(" ")
        try:
            guard.request(method.lower(), f"https://api.stripe.com{path}?a=b", {})
            sent.add(line)
        except BrokenInvariant:
            pass
    assert sent == ALLOWED[power]
    assert len(http.sent) == len(sent)


def test_a_reader_cannot_write_through_the_sdk():
    """Even the SDK's own client of a reader cannot pay: the refusal comes through as a bug, not as an answer."""
    http = CannedHttp().answers(200, invoice(status="paid"))
    client = StripeConnection(clock=FixedClock(), http_client=http).client(Secret(PRIMARY), Power.READ_AND_PROBE)
    with pytest.raises(BrokenInvariant):
        client.v1.invoices.pay("in_1")
    with pytest.raises(BrokenInvariant):
        client.v1.invoices.update("in_1", {"auto_advance": False})
    assert http.sent == []


@pytest.mark.parametrize("status", [500, 409, 429, 503])
def test_the_sdk_never_retries(status):
    """Neither a 5xx nor Stripe's own wish for a retry makes the SDK send twice, whatever it is told."""
    http = CannedHttp().answers(status, error(), Stripe_Should_Retry="true")
    client = StripeConnection(clock=FixedClock(), http_client=http).client(Secret(PRIMARY), Power.CHARGE)
    with pytest.raises(stripe.StripeError):
        client.v1.invoices.pay("in_1", {}, {"max_network_retries": 5})
    assert len(http.sent) == 1


def test_the_sdk_is_quiet(caplog, capsys):
    """With everything set to debug, no body, parameter or telemetry is written anywhere."""
    stripe.log = "debug"
    stripe._util.STRIPE_LOG = "debug"
    stripe.enable_telemetry = True
    quieten_the_sdk()
    http = CannedHttp().answers(200, {"id": "we_1", "secret": "whsec_canary"})
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="stripe"):
        client = StripeConnection(clock=FixedClock(), http_client=http).client(Secret(PRIMARY), Power.WRITE_ACCOUNT)
        client.v1.webhook_endpoints.create({"url": "https://canary.example", "enabled_events": ["invoice.paid"]})
    assert "canary" not in caplog.text.lower()
    assert capsys.readouterr() == ("", "")
    assert "X-Stripe-Client-Telemetry" not in http.sent[0].headers
    assert "telemetry_id" not in http.sent[0].headers["X-Stripe-Client-User-Agent"]
    assert "flexpay-reconcile/" in http.sent[0].headers["User-Agent"]


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1",
        "https://api.stripe.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "localhost:4242",
        "",
    ],
)
def test_another_address_must_be_this_machine(address):
    """`--stripe-api` is for the simulator on the loopback address."""
    with pytest.raises(OperatorError) as caught:
        StripeConnection(clock=FixedClock(), base_url=address)
    assert (caught.value.code, caught.value.kind) == ("E-stripe-api-address", ErrorKind.USAGE)


@pytest.mark.parametrize("address", ["http://127.0.0.1:4242/", "http://localhost:4242", "http://[::1]:4242"])
def test_live_keys_never_go_to_another_address(address):
    """Sandbox keys may go to the simulator, live keys may not."""
    connection = StripeConnection(clock=FixedClock(), base_url=address)
    assert connection.client(Secret(PRIMARY), Power.READ) is connection.client(Secret(PRIMARY), Power.READ)
    with pytest.raises(OperatorError) as caught:
        connection.client(Secret("rk_" + "live_Canary9"), Power.READ)
    assert caught.value.code == "E-stripe-api-live-key"
    assert "Canary" not in caught.value.message


def test_time_is_learnt_from_answers():
    """The skew is Stripe's date minus our clock; a simulator's clock is kept apart and makes no skew."""
    bench = Bench()
    bench.http.answers(200, invoice(), Date="Fri, 15 Jan 2027 08:01:40 GMT")
    gateways = bench.gateways()
    gateways.billing_reader(integration()).invoice(InvoiceId("in_1"))
    assert Instant.from_text("2027-01-15T08:00:00Z") == NOW
    assert gateways.connection.skew == Span.of(seconds=100)
    bench = Bench()
    bench.http.answers(200, invoice(), Simulator_Clock="1800000500", Date="Fri, 15 Jan 2027 08:01:40 GMT")
    gateways = bench.gateways()
    gateways.billing_reader(integration()).invoice(InvoiceId("in_1"))
    assert gateways.connection.simulator_clock == Instant.from_seconds(1_800_000_500)
    assert gateways.connection.skew is None


@pytest.mark.parametrize("header", ["", "yesterday", "Fri, 99 Foo 2027"])
def test_odd_dates_are_ignored(header):
    """A date nobody can read teaches nothing and breaks nothing."""
    bench = Bench()
    bench.http.answers(
        200, invoice(), Date=header, Simulator_Clock="x"
    ) if header == "yesterday" else bench.http.answers(200, invoice(), Date=header)
    gateways = bench.gateways()
    assert gateways.billing_reader(integration()).invoice(InvoiceId("in_1")) is not None
    assert (gateways.connection.skew, gateways.connection.simulator_clock) == (None, None)


def test_the_default_client_has_no_surprises():
    """No redirects, no .netrc, at most 30 s, and no proxy for the loopback address."""
    client: Any = RequestsPerThread(loopback=True).client()
    session = client._session
    assert session.max_redirects == 0
    assert session.trust_env is False
    remote: Any = RequestsPerThread(loopback=False).client()
    assert remote._session.trust_env is True
    assert callable(session.auth)
    assert sum(client._timeout) <= 30


@pytest.mark.parametrize(
    "text",
    [
        "rk_test_Canary0",
        "sk_" + "live_Canary0",
        "pk_test_Canary0",
        "rk_test_***************Canary0",
        "whsec_Canary0/+=",
        "Authorization: Bearer Canary0",
        "basic Canary0==",
        f"key='{PRIMARY}'",
    ],
)
def test_masking(text):
    """Whatever looks like a key or a signing secret is cut out of a message."""
    assert "Canary" not in masked(f"Before {text} after.")
    assert masked(f"Before {text} after.").startswith("Before ")


def test_masked_messages_are_short_and_on_one_line():
    """A page of HTML does not become a log line."""
    assert masked("a\n b") == "a b"
    assert len(masked("word " * 500)) == 400


def test_no_error_and_no_repr_shows_a_key():
    """Answers that quote the key are masked wherever they surface, tracebacks' chains included."""
    bench = Bench()
    quoted = f"keys {PRIMARY} and {FALLBACK}"
    shown = []
    for status in (400, 401, 403, 404, 409, 429, 500):
        bench.http = CannedHttp().answers(status, error(message=quoted), Stripe_Rate_Limited_Reason="global-rate")
        gateways = bench.gateways()
        for call in (
            lambda gateways=gateways: gateways.billing_reader(integration()).open_invoices(NOW),
            lambda gateways=gateways: gateways.billing_writer(integration()).tag_invoice(
                InvoiceId("in_1"), {}, idempotency_key="k"
            ),
            lambda gateways=gateways: gateways.account_reader(integration()).identity(KeyAlias.PRIMARY),
        ):
            try:
                shown.append(repr(call()))
            except (OperatorError, TryLater) as caught:
                shown += [str(caught), repr(caught), str(caught.hint), repr(caught.__cause__), repr(caught.__context__)]
        shown += [repr(vars(gateways)), repr(vars(gateways.connection)), repr(vars(gateways._ring))]
    assert shown
    assert "Canary" not in " ".join(shown)


def test_answers_do_not_show_what_they_hold():
    """An answer may hold a new signing secret; its repr does not."""
    answer = Answer(data={"secret": "whsec_canary"}, fault=None, request_id="req_1", key_alias=KeyAlias.PRIMARY)
    assert "canary" not in repr(answer)


def test_keys_cannot_be_pickled():
    """A key pair refuses to be written anywhere."""
    gateways = Bench().gateways()
    with pytest.raises(BrokenInvariant):
        pickle.dumps(gateways._ring.pair(integration()))


def test_limited_reads_count_failovers():
    """The counters behind `failover did not help`."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate")
    gateways = bench.gateways()
    with pytest.raises(TryLater):
        gateways.billing_reader(integration()).invoice(InvoiceId("in_1"))
    assert (gateways.failovers, gateways.failovers_in_vain) == (1, 1)
