"""Charging through the real SDK against the simulator: at most one success, whatever the wire does."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.invoice import InvoiceStatus
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import (
    Approved,
    Declined,
    NothingToPay,
    NotSubmitted,
    NotSubmittedReason,
    Unresolved,
)
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId
from tests.contract.gateways.worlds import ACCOUNT, EPOCH, card_of, pay, site, successes, there


def test_declined_then_approved_then_nothing_to_pay():
    """Two attempts with two keys, then the third finds the invoice paid; one success in the ledger."""
    here = site()
    invoice = here.fail_ada()
    first = pay(here, invoice, 1)
    assert isinstance(first, Declined)
    assert (first.refusal.error_code, first.refusal.decline_code) == ("card_declined", "insufficient_funds")
    assert first.charge == here.reader.charges_of(there(invoice.customer), EPOCH)[0].id
    control.approve(here.world, "ada")
    assert isinstance(pay(here, invoice, 2), Approved)
    assert isinstance(pay(here, invoice, 3), NothingToPay)
    after = here.reader.invoice(invoice.id)
    assert after is not None
    assert (after.status, after.amount_remaining.amount_minor) == (InvoiceStatus.PAID, 0)
    assert successes(here, invoice) == 1
    assert after.id in here.reader.paid_after(there(invoice.subscription), EPOCH)


def test_the_same_key_is_the_same_attempt():
    """A replay gives the saved answer, and nothing is charged again."""
    here = site()
    invoice = here.fail_ada()
    first = pay(here, invoice)
    control.approve(here.world, "ada")
    again = pay(here, invoice, only_key=KeyAlias.PRIMARY)
    assert isinstance(first, Declined)
    assert isinstance(again, Declined)
    assert again.charge == first.charge
    assert successes(here, invoice) == 0


def test_the_same_key_with_another_card_is_an_alarm():
    """A key reused with other parameters is a bug that must be seen, not a new charge."""
    here = site()
    invoice = here.fail_ada()
    pay(here, invoice)
    other = PaymentMethodId(control.replace_card(here.world, "ada", "tok_visa_debit"))
    outcome = here.charger.pay(invoice.id, payment_method=other, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, Unresolved)
    assert outcome.alarm
    assert successes(here, invoice) == 0


def test_3ds_asks_for_the_customer():
    """The issuer wants the customer; no retry loop can help."""
    here = site()
    invoice = here.fail_ada("requires_action")
    outcome = pay(here, invoice)
    assert isinstance(outcome, Declined)
    assert outcome.refusal.requires_action


FAULTS = [
    ("refused", NotSubmitted, False),
    ("timeout_before", Unresolved, False),
    ("lost_answer", Unresolved, True),
    ("500", Unresolved, False),
    ("429_lock", NotSubmitted, False),
    ("409", Unresolved, False),
]


@pytest.mark.parametrize(("kind", "outcome", "charged"), FAULTS)
def test_faults_of_the_wire(kind, outcome, charged):
    """What surely did nothing is NOT_SUBMITTED, what maybe did is UNRESOLVED; one request each, one success at most."""
    here = site()
    invoice = here.fail_ada()
    control.approve(here.world, "ada")
    here.transport.faults.add(kind, method="POST", path="/v1/invoices/*/pay")
    card = card_of(here, invoice)
    before = here.world.sim.requests
    found = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert here.world.sim.requests == before + 1
    assert isinstance(found, outcome)
    assert successes(here, invoice) == int(charged)
    pay(here, invoice, only_key=KeyAlias.PRIMARY)
    assert successes(here, invoice) == (0 if kind == "500" else 1)


def test_a_limited_primary_uses_the_fallback():
    """The limiter's 429 moves the attempt to the fallback key, which takes the money once."""
    here = site()
    invoice = here.fail_ada()
    control.approve(here.world, "ada")
    here.transport.faults.add("429", method="POST", path="/v1/invoices/*/pay")
    outcome = pay(here, invoice)
    assert isinstance(outcome, Approved)
    assert outcome.key_alias is KeyAlias.FALLBACK
    assert successes(here, invoice) == 1


def test_an_unknown_invoice_or_card_charges_nobody():
    """404 and a foreign card are NOT_SUBMITTED with their reasons."""
    here = site()
    invoice = here.fail_ada()
    missing = here.charger.pay(
        InvoiceId("in_none"), payment_method=card_of(here, invoice), idempotency_key=f"fp1:{ACCOUNT}:in_none:1"
    )
    assert isinstance(missing, NotSubmitted)
    assert missing.reason is NotSubmittedReason.INVOICE_MISSING
    foreign = here.charger.pay(
        invoice.id, payment_method=PaymentMethodId("pm_none"), idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1"
    )
    assert isinstance(foreign, NotSubmitted)
    assert foreign.reason is NotSubmittedReason.NO_PAYMENT_METHOD


def test_a_voided_invoice_is_nothing_to_pay():
    """Somebody voided it between our read and the call."""
    here = site()
    invoice = here.fail_ada()
    card = card_of(here, invoice)
    control.void_invoice(here.world, invoice.id)
    outcome = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, NothingToPay)


def test_keys_that_may_only_read_cannot_charge():
    """The missing permission is named; reading goes on."""
    reads = [
        "rak_charge_read",
        "rak_customer_read",
        "rak_payment_intent_read",
        "rak_invoice_read",
        "rak_subscription_read",
    ]
    here = site(permissions=reads)
    invoice = here.fail_ada()
    outcome = pay(here, invoice)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.PERMISSION_MISSING
    assert "rak_invoice_write" in outcome.because
    with pytest.raises(OperatorError) as caught:
        here.writer.mark_uncollectible(invoice.id, idempotency_key="k")
    assert "rak_invoice_write" in caught.value.message


def test_a_revoked_key_is_refused_by_name():
    """A 401 stops charging and reading at once."""
    here = site()
    invoice = here.fail_ada()
    card = card_of(here, invoice)
    here.vault.values["PRIMARY"] = "rk_test_NobodyKnowsThisKey000"
    fresh = here.gateways._ring
    fresh.forget(here.integration)
    outcome = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.KEY_REFUSED
    with pytest.raises(OperatorError) as caught:
        here.reader.invoice(invoice.id)
    assert caught.value.code == "E-stripe-401"
    assert "NobodyKnows" not in str(caught.value)
