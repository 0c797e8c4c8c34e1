"""An attempt's key and parameters: one key for ever, and never with other parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState, is_ours, pay_params
from flexpay_reconcile.values import plain
from flexpay_reconcile.values.ids import AccountId, InvoiceId, PaymentMethodId
from flexpay_reconcile.values.instant import Span
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW

IDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=30)


def test_the_form_of_a_key():
    """`fp1:{account}:{invoice}:{n}`, as the invariant says it (A4)."""
    assert book.attempt(number=7).idempotency_key == "fp1:acct_1:in_1:7"


@given(IDS, IDS, st.integers(1, 500), IDS, IDS, st.integers(1, 500))
def test_two_attempts_never_share_a_key(account, invoice, number, account_2, invoice_2, number_2):
    """Keys are equal exactly where account, invoice and number are (invariant A4)."""
    one = book.attempt(account=AccountId(account), invoice=InvoiceId(invoice), number=number)
    two = book.attempt(account=AccountId(account_2), invoice=InvoiceId(invoice_2), number=number_2)
    same = (account, invoice, number) == (account_2, invoice_2, number_2)
    assert (one.idempotency_key == two.idempotency_key) is same


def test_a_key_fits_stripes_limit():
    """With the longest ids Stripe makes, a key stays below 255 characters."""
    longest = book.attempt(account="acct_" + "x" * 30, invoice="in_" + "x" * 60, number=99_999)
    assert len(longest.idempotency_key) < 255


@pytest.mark.parametrize("state", list(AttemptState))
def test_the_key_outlives_every_change(state):
    """Nothing that happens to an attempt changes its key or its parameters, and neither does storing it."""
    attempt = book.attempt()
    changed = replace(
        attempt, state=state, sends=9, fence=7, last_sent_at=NOW.plus(Span.of(days=1)), revision=5, note="again"
    )
    stored = plain.from_plain(Attempt, plain.to_plain(changed))
    assert stored == changed
    assert (stored.idempotency_key, stored.params_hash) == (attempt.idempotency_key, attempt.params_hash)


def test_the_parameters_name_the_card():
    """`pay` is sent off-session with exactly the gated card and nothing else (invariant A20)."""
    assert pay_params(PaymentMethodId("pm_1")) == {"off_session": True, "payment_method": "pm_1"}


def test_the_hash_changes_with_the_card_alone():
    """Another card is another request; another number or amount is the same request under another key."""
    attempt = book.attempt()
    assert replace(attempt, payment_method=PaymentMethodId("pm_2")).params_hash != attempt.params_hash
    assert replace(attempt, number=2).params_hash == attempt.params_hash


def test_the_hash_is_a_known_value():
    """The same parameters have the same hash in every process and version, or a replay would look changed."""
    assert book.attempt().params_hash == "1c271e318284bdcf3f7348f0a5785fb233a2e90837b17682ea5694f8e69c3544"


def test_what_blocks_an_invoice():
    """Exactly the states whose money may be under way block another attempt (invariant A2)."""
    assert {AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.UNRESOLVED} == BLOCKING_STATES


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("fp1:acct_1:in_1:1", True),
        ("fp2:acct_1:in_1:1", False),
        ("xfp1:acct_1:in_1:1", False),
        ("", False),
        (None, False),
        ("6f2c2a4e-0000-4000-8000-000000000000", False),
    ],
)
def test_whose_request_it_was(key, ours):
    """Our requests are told by their key; no key, or another's, is not ours (invariant B4)."""
    assert is_ours(key) is ours
