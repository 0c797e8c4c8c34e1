"""What every answer to `pay` means, row by row; and when the fallback key is used."""

from __future__ import annotations

import pytest

from flexpay_reconcile.config.keys import Environment
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import (
    Approved,
    Declined,
    NothingToPay,
    NotSubmitted,
    NotSubmittedReason,
    Outcome,
    Pending,
    Unresolved,
)
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId
from tests.unit.stripe_api.canned import PRIMARY, Bench, error, integration, invoice

KEY = "fp1:acct_1Acme:in_1:1"


def pay(bench: Bench, only_key: KeyAlias | None = None) -> Outcome:
    """One attempt on in_1."""
    charger = bench.gateways().charger(integration())
    return charger.pay(
        InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key=KEY, only_key=only_key
    )


def said(status: int, body: object, **headers: str) -> Outcome:
    """The outcome of one answer; exactly one request may have left."""
    bench = Bench()
    bench.http.answers(status, body, **headers)
    outcome = pay(bench)
    assert len(bench.http.sent) == 1
    return outcome


def test_sends_exactly_the_gated_card_once():
    """The request is POST pay with the two parameters, our key and the pinned version, through the primary key."""
    bench = Bench()
    bench.http.answers(200, invoice(status="paid"))
    assert pay(bench) == Approved(charge=None, request_id="req_1", key_alias=KeyAlias.PRIMARY)
    (sent,) = bench.http.sent
    assert (sent.method, sent.path) == ("POST", "/v1/invoices/in_1/pay")
    assert sent.params == {"off_session": "true", "payment_method": "pm_1"}
    assert sent.headers["Idempotency-Key"] == KEY
    assert sent.headers["Stripe-Version"] == "2026-10-28.endive"
    assert sent.key == PRIMARY


def test_decline_keeps_everything_stripe_said():
    """A 402 is an answer: codes, advice, network codes and the charge id are all kept."""
    body = error(
        "card_error",
        code="card_declined",
        decline_code="insufficient_funds",
        advice_code="try_again_later",
        network_decline_code="51",
        network_advice_code="02",
        charge="ch_9",
        payment_intent={"id": "pi_1", "object": "payment_intent", "status": "requires_payment_method"},
    )
    outcome = said(402, body)
    assert isinstance(outcome, Declined)
    assert outcome.charge == "ch_9"
    refusal = outcome.refusal
    assert (refusal.error_code, refusal.decline_code) == ("card_declined", "insufficient_funds")
    assert (refusal.advice_code, refusal.network_decline_code, refusal.network_advice_code) == (
        "try_again_later",
        "51",
        "02",
    )
    assert not refusal.requires_action


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "invoice_payment_intent_requires_action"},
        {"code": "authentication_required", "decline_code": "authentication_required"},
        {
            "code": "card_declined",
            "payment_intent": {"id": "pi_1", "status": "requires_action", "latest_charge": "ch_0"},
        },
    ],
)
def test_action_asked_of_the_customer_is_marked(fields):
    """3D Secure asked for is a decline with requires_action, and the intent's older charge is not taken for this one."""
    outcome = said(402, error("card_error", **fields))
    assert isinstance(outcome, Declined)
    assert outcome.refusal.requires_action
    assert outcome.charge is None


@pytest.mark.parametrize("status", ["open", "uncollectible"])
def test_200_without_paid_is_pending(status):
    """A slow payment method answers 200 while the invoice is not paid yet."""
    assert isinstance(said(200, invoice(status=status)), Pending)


@pytest.mark.parametrize(
    "body",
    [
        invoice(status="void"),
        invoice(status="brand_new"),
        invoice(id="in_2", status="paid"),
        invoice(livemode=True, status="paid"),
    ],
)
def test_200_that_makes_no_sense_raises_the_alarm(body):
    """An answer about another invoice, another mode or a strange status is never taken for a success."""
    outcome = said(200, body)
    assert isinstance(outcome, Unresolved)
    assert outcome.alarm


@pytest.mark.parametrize("message", ["Invoice is already paid", "Voided invoices cannot be paid."])
def test_nothing_to_pay(message):
    """An invoice paid or voided by others meanwhile is not an error."""
    assert isinstance(said(400, error(message=message)), NothingToPay)


NOT_SUBMITTED = [
    (400, error(message="Amount must be positive.", param="amount"), NotSubmittedReason.REFUSED_REQUEST),
    (400, error(code="rate_limit"), NotSubmittedReason.RATE_LIMITED),
    (
        400,
        error(message="This customer has no attached payment source or default payment method."),
        NotSubmittedReason.NO_PAYMENT_METHOD,
    ),
    (400, error(param="payment_method", code="resource_missing"), NotSubmittedReason.NO_PAYMENT_METHOD),
    (404, error(param="payment_method", code="resource_missing"), NotSubmittedReason.NO_PAYMENT_METHOD),
    (404, error(param="invoice", code="resource_missing"), NotSubmittedReason.INVOICE_MISSING),
    (401, error(code="api_key_expired"), NotSubmittedReason.KEY_REFUSED),
    (403, error(code="more_permissions_required"), NotSubmittedReason.PERMISSION_MISSING),
    (429, error(code="lock_timeout"), NotSubmittedReason.LOCK_TIMEOUT),
    (429, error(code="rate_limit"), NotSubmittedReason.RATE_LIMITED),
]


@pytest.mark.parametrize(("status", "body", "reason"), NOT_SUBMITTED)
def test_surely_not_executed(status, body, reason):
    """Each of these answers used up nothing, and none of them but the limiter's moves to the fallback key."""
    outcome = said(status, body)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is reason
    assert outcome.retry_after.ms > 0
    assert outcome.key_alias is KeyAlias.PRIMARY


def test_missing_permission_is_named():
    """A 403 says which permission is missing and shows no key."""
    message = (
        f"The provided key '{PRIMARY}' does not have the required permissions for this endpoint on account "
        "'acct_1Acme'. Having the 'rak_invoice_write' permission would allow this request to continue."
    )
    outcome = said(403, error(code="more_permissions_required", message=message))
    assert isinstance(outcome, NotSubmitted)
    assert "rak_invoice_write" in outcome.because
    assert "Canary" not in outcome.because


UNRESOLVED = [
    (409, error("idempotency_error", code="idempotency_key_in_use"), False),
    (409, error(message="conflict"), False),
    (400, error("idempotency_error", message="Keys for idempotent requests…"), True),
    (500, error("api_error"), False),
    (503, "<html>down</html>", False),
    (402, "<html>proxy</html>", False),
    (404, "not json", False),
    (429, {"error": "text"}, False),
    (400, {"error": ["odd"]}, False),
    (418, error(), False),
    (302, "", False),
    (200, '{"id": "in_1", "sta', False),
    (200, "[1, 2]", False),
    (200, b"\xff\xfe", False),
]


@pytest.mark.parametrize(("status", "body", "alarm"), UNRESOLVED)
def test_maybe_executed(status, body, alarm):
    """Whatever is not clearly an answer of Stripe's is unresolved, never failed."""
    outcome = said(status, body)
    assert isinstance(outcome, Unresolved)
    assert outcome.alarm is alarm


def test_a_429_nobody_can_read_is_unresolved():
    """Without Stripe's error object a 429 may be anybody's, and the SDK does not even show its headers."""
    assert isinstance(said(429, "busy", Stripe_Rate_Limited_Reason="global-rate"), Unresolved)


@pytest.mark.parametrize("key", ["fp1:acct_1Acme:in_2:1", "fp1:acct_2:in_1:1", "other", "fp1:acct_1Acme:in_1"])
def test_a_key_of_another_invoice_is_a_bug(key):
    """An idempotency key that does not belong to this invoice and account sends nothing."""
    bench = Bench()
    charger = bench.gateways().charger(integration())
    with pytest.raises(BrokenInvariant):
        charger.pay(InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key=key)
    assert bench.http.sent == []


def test_an_id_cannot_change_the_path():
    """An id with a slash or dots in it never becomes a request."""
    bench = Bench()
    charger = bench.gateways().charger(integration())
    bad = InvoiceId("in_1/../../charges")
    with pytest.raises(BrokenInvariant):
        charger.pay(bad, payment_method=PaymentMethodId("pm_1"), idempotency_key=f"fp1:acct_1Acme:{bad}:1")
    assert bench.http.sent == []


def test_live_answers_are_for_live_integrations():
    """A live integration takes livemode=true for its own."""
    bench = Bench()
    bench.vault.values = {"PRIMARY": "rk_" + "live_Aaaa1", "FALLBACK": "rk_" + "live_Bbbb2"}
    bench.http.answers(200, invoice(status="paid", livemode=True))
    charger = bench.gateways().charger(integration(environment=Environment.LIVE))
    outcome = charger.pay(InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key=KEY)
    assert isinstance(outcome, Approved)
