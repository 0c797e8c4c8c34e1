"""When the fallback key is used: after the limiter of the primary, once, with the same request, and never else."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import (
    Approved,
    NotSubmitted,
    NotSubmittedReason,
    Unresolved,
)
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId
from tests.unit.stripe_api.canned import FALLBACK, PRIMARY, Bench, error, integration, invoice, limited
from tests.unit.stripe_api.test_stripe_charger import KEY, pay


def test_limiter_moves_to_the_fallback_once_with_the_same_request():
    """A 429 of the limiter is the one case for the fallback key: same idempotency key, same parameters."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="endpoint-rate").answers(200, invoice(status="paid"))
    gateways = bench.gateways()
    outcome = gateways.charger(integration()).pay(
        InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key=KEY
    )
    assert outcome == Approved(charge=None, request_id="req_1", key_alias=KeyAlias.FALLBACK)
    first, second = bench.http.sent
    assert (first.key, second.key) == (PRIMARY, FALLBACK)
    assert first.params == second.params
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == KEY
    assert (gateways.failovers, gateways.failovers_in_vain) == (1, 0)


def test_limited_on_both_keys_is_not_submitted():
    """Two requests at most, then patience; the next call begins with the primary key again."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate")
    gateways = bench.gateways()
    charger = gateways.charger(integration())
    for _ in range(2):
        outcome = charger.pay(InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key=KEY)
        assert isinstance(outcome, NotSubmitted)
        assert outcome.reason is NotSubmittedReason.RATE_LIMITED
    assert [sent.key for sent in bench.http.sent] == [PRIMARY, FALLBACK, PRIMARY, FALLBACK]
    assert gateways.failovers_in_vain == 2


def test_broken_fallback_key_does_not_park_the_case():
    """When the fallback key is refused, the limiter's answer stands, for the primary key works."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate").answers(401, error(code="api_key_expired"))
    outcome = pay(bench)
    assert isinstance(outcome, NotSubmitted)
    assert (outcome.reason, outcome.key_alias) == (NotSubmittedReason.RATE_LIMITED, KeyAlias.PRIMARY)


def test_unknown_end_on_the_fallback_names_the_fallback():
    """A replay must go through the key that sent it, so the outcome names it."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate").answers(500, error("api_error"))
    outcome = pay(bench)
    assert isinstance(outcome, Unresolved)
    assert outcome.key_alias is KeyAlias.FALLBACK


@pytest.mark.parametrize(("alias", "key"), [(KeyAlias.PRIMARY, PRIMARY), (KeyAlias.FALLBACK, FALLBACK)])
def test_a_replay_keeps_its_key(alias, key):
    """With only_key there is no second request, limiter or not."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="endpoint-rate")
    outcome = pay(bench, only_key=alias)
    assert isinstance(outcome, NotSubmitted)
    assert [sent.key for sent in bench.http.sent] == [key]
    assert outcome.key_alias is alias
