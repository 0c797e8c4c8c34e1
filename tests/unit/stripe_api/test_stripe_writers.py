"""The billing writer and the account writer: what they send, and what each answer comes to."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.account_writer import EndpointChanges, EndpointDeletion
from flexpay_reconcile.ports.billing_writer import WriteResult
from flexpay_reconcile.values.ids import InvoiceId, SubscriptionId
from tests.unit.stripe_api.canned import FALLBACK, PRIMARY, Bench, error, integration, invoice, limited, subscription

IN = InvoiceId("in_1")
SUB = SubscriptionId("sub_1")


def writer(status: int, body: object, **headers: str):
    """A billing writer whose every call gets this answer."""
    bench = Bench()
    bench.http.answers(status, body, **headers)
    return bench.gateways().billing_writer(integration()), bench


def test_cancel_is_explicit_about_money():
    """DELETE says `prorate` and `invoice_now=false` and carries no idempotency key."""
    billing, bench = writer(200, subscription(status="canceled"))
    assert billing.cancel_now(SUB, prorate=False, comment="fp case") is WriteResult.DONE
    (sent,) = bench.http.sent
    assert (sent.method, sent.path) == ("DELETE", "/v1/subscriptions/sub_1")
    assert sent.params == {"prorate": "false", "invoice_now": "false", "cancellation_details[comment]": "fp case"}
    assert "Idempotency-Key" not in sent.headers


def test_writes_are_keyed_and_small():
    """Each POST carries the caller's key and nothing but its own change."""
    billing, bench = writer(200, invoice())
    assert billing.mark_uncollectible(IN, idempotency_key="k1") is WriteResult.DONE
    assert billing.tag_invoice(IN, {"fp-uncollectible": "true"}, idempotency_key="k2") is WriteResult.DONE
    assert billing.tag_subscription(SUB, {"fp-uncollectible": "true"}, idempotency_key="k3") is WriteResult.DONE
    assert billing.stop_auto_advance(IN, idempotency_key="k4") is WriteResult.DONE
    assert [(sent.path, sent.params, sent.headers["Idempotency-Key"]) for sent in bench.http.sent] == [
        ("/v1/invoices/in_1/mark_uncollectible", {}, "k1"),
        ("/v1/invoices/in_1", {"metadata[fp-uncollectible]": "true"}, "k2"),
        ("/v1/subscriptions/sub_1", {"metadata[fp-uncollectible]": "true"}, "k3"),
        ("/v1/invoices/in_1", {"auto_advance": "false"}, "k4"),
    ]


def test_a_schedule_is_one_request_with_its_tag():
    """Flag and tag travel together, so that the tag always tells whose flag it is."""
    billing, bench = writer(200, subscription())
    assert billing.schedule_cancel(SUB, {"fp_cancel": "c1"}, idempotency_key="k1") is WriteResult.DONE
    assert billing.unschedule_cancel(SUB, {"fp_cancel": ""}, idempotency_key="k2") is WriteResult.DONE
    assert [(sent.method, sent.path, sent.params, sent.headers["Idempotency-Key"]) for sent in bench.http.sent] == [
        ("POST", "/v1/subscriptions/sub_1", {"cancel_at_period_end": "true", "metadata[fp_cancel]": "c1"}, "k1"),
        ("POST", "/v1/subscriptions/sub_1", {"cancel_at_period_end": "false", "metadata[fp_cancel]": ""}, "k2"),
    ]


RESULTS = [
    (404, error(code="resource_missing"), WriteResult.MISSING),
    (400, error(message="You can only pass in open invoices. This invoice isn't open."), WriteResult.ALREADY),
    (400, error(code="invalid_canceled_subscription_fields"), WriteResult.ALREADY),
    (
        400,
        error(message="A canceled subscription can only update its cancellation_details and metadata."),
        WriteResult.ALREADY,
    ),
    (429, error(code="lock_timeout"), WriteResult.NOT_DONE),
    (409, error("idempotency_error", code="idempotency_key_in_use"), WriteResult.UNKNOWN),
    (400, error("idempotency_error"), WriteResult.UNKNOWN),
    (402, error("card_error"), WriteResult.UNKNOWN),
    (500, error("api_error"), WriteResult.UNKNOWN),
    (200, "{", WriteResult.UNKNOWN),
]


@pytest.mark.parametrize(("status", "body", "result"), RESULTS)
def test_results_row_by_row(status, body, result):
    """Unknown is not failed, and only a clear no is NOT_DONE."""
    billing, bench = writer(status, body)
    assert billing.mark_uncollectible(IN, idempotency_key="k") is result
    assert len(bench.http.sent) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ErrorKind.KEY_REFUSED), (403, ErrorKind.KEY_REFUSED), (400, ErrorKind.FAILED)]
)
def test_a_person_is_asked(status, kind):
    """Refused keys, and a 400 that is no `already`, are OperatorError."""
    billing, _ = writer(status, error())
    with pytest.raises(OperatorError) as caught:
        billing.cancel_now(SUB, prorate=True, comment="")
    assert caught.value.kind is kind


def test_connection_results():
    """Refused before sending is NOT_DONE, anything later UNKNOWN."""
    for cause, result in ((ConnectionRefusedError(), WriteResult.NOT_DONE), (TimeoutError(), WriteResult.UNKNOWN)):
        raised = stripe.APIConnectionError("x", should_retry=True)
        raised.__cause__ = cause
        bench = Bench()
        bench.http.fails(raised)
        assert bench.gateways().billing_writer(integration()).stop_auto_advance(IN, idempotency_key="k") is result
        assert len(bench.http.sent) == 1


def test_limited_writes_fail_over_with_the_same_key():
    """The limiter moves a write to the fallback once, with the same idempotency key."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="endpoint-rate")
    result = bench.gateways().billing_writer(integration()).stop_auto_advance(IN, idempotency_key="k")
    assert result is WriteResult.NOT_DONE
    assert [(sent.key, sent.headers["Idempotency-Key"]) for sent in bench.http.sent] == [
        (PRIMARY, "k"),
        (FALLBACK, "k"),
    ]


def endpoint(**changes):
    """A webhook endpoint as Stripe shows it."""
    return {
        "id": "we_1",
        "object": "webhook_endpoint",
        "url": "https://acme.example/hook",
        "status": "enabled",
        "enabled_events": ["invoice.paid", "charge.failed"],
        "api_version": "2026-10-28.endive",
        "description": None,
        "metadata": {"fp_integration": "acme"},
        "livemode": False,
        "created": 1,
        **changes,
    }


def account_writer(status: int, body: object):
    """An account writer whose every call gets this answer."""
    bench = Bench()
    bench.http.answers(status, body)
    return bench.gateways().account_writer(integration()), bench


def create(account):
    """Make an endpoint."""
    return account.create_endpoint(
        url="https://acme.example/hook",
        enabled_events=("charge.failed", "invoice.paid"),
        description="",
        metadata={"fp_integration": "acme"},
        connect=False,
        api_version="2026-10-28.endive",
        idempotency_key="k",
    )


def test_create_gives_endpoint_and_secret():
    """The secret comes apart from the endpoint, and the request says everything."""
    account, bench = account_writer(200, endpoint(secret="whsec_canary"))
    made, secret = create(account)
    assert (made.id, made.status) == ("we_1", EndpointStatus.ENABLED)
    assert made.enabled_events == ("charge.failed", "invoice.paid")
    assert secret.reveal() == "whsec_canary"
    assert "canary" not in repr(made)
    (sent,) = bench.http.sent
    assert (sent.method, sent.path, sent.headers["Idempotency-Key"]) == ("POST", "/v1/webhook_endpoints", "k")
    assert sent.params["connect"] == "false"
    assert sent.params["enabled_events[1]"] == "invoice.paid"
    assert sent.params["metadata[fp_integration]"] == "acme"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, error("api_error")),
        (409, error("idempotency_error")),
        (200, endpoint()),
        (200, "{"),
        (200, endpoint(secret="s", url=5)),
    ],
)
def test_create_that_maybe_happened(status, body):
    """Without endpoint and secret in hand the step goes again with its key."""
    account, _ = account_writer(status, body)
    with pytest.raises(TryLater) as caught:
        create(account)
    assert caught.value.code == "E-stripe-unknown"


def test_a_refused_create_carries_stripes_words():
    """The operator reads what Stripe said."""
    account, _ = account_writer(400, error(message="Invalid URL: must be https"))
    with pytest.raises(OperatorError, match="must be https") as caught:
        create(account)
    assert caught.value.code == "E-stripe-request"


def test_update_sends_only_what_changes():
    """None leaves a field alone."""
    account, bench = account_writer(200, endpoint(status="disabled"))
    changed = account.update_endpoint("we_1", EndpointChanges(disabled=True, description=""), idempotency_key="k")
    assert changed is not None
    assert changed.status is EndpointStatus.DISABLED
    (sent,) = bench.http.sent
    assert (sent.path, sent.params) == ("/v1/webhook_endpoints/we_1", {"disabled": "true", "description": ""})


def test_update_and_delete_of_a_missing_endpoint():
    """404 is an answer for both."""
    account, _ = account_writer(404, error(code="resource_missing"))
    assert account.update_endpoint("we_1", EndpointChanges(url="https://x.example"), idempotency_key="k") is None
    assert account.delete_endpoint("we_1") is EndpointDeletion.MISSING


def test_delete_and_its_doubt():
    """A confirmed deletion is DELETED; a 500 is TryLater."""
    account, bench = account_writer(200, {"id": "we_1", "object": "webhook_endpoint", "deleted": True})
    assert account.delete_endpoint("we_1") is EndpointDeletion.DELETED
    assert (bench.http.sent[0].method, bench.http.sent[0].path) == ("DELETE", "/v1/webhook_endpoints/we_1")
    account, _ = account_writer(500, error("api_error"))
    with pytest.raises(TryLater):
        account.delete_endpoint("we_1")
