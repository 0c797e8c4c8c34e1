"""Invoices: the life of a renewal, `pay` in all its answers, transitions and their refusals."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.local_time import iso
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, error_of, failed_invoice, send, small_world

RENEWAL = START + 29 * DAY + 9 * HOUR  # 30 January 2026, 09:00 UTC


def test_a_renewal_is_a_draft_for_an_hour_then_paid() -> None:
    """At the period's end a draft appears; an hour later it is finalised, charged and paid."""
    world = small_world()
    api = client(world)
    world.advance_to(RENEWAL)
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    invoice = api.v1.invoices.list({"customer": ada, "status": "draft"}).data[0]
    assert invoice.next_payment_attempt == RENEWAL + HOUR
    assert invoice.billing_reason == "subscription_cycle"
    world.advance_to(RENEWAL + HOUR)
    invoice = api.v1.invoices.retrieve(invoice.id)
    assert (invoice.status, invoice.attempt_count, invoice.amount_remaining) == ("paid", 1, 0)
    assert invoice.status_transitions.paid_at == RENEWAL + HOUR
    sub = api.v1.subscriptions.retrieve(invoice.parent.subscription_details.subscription)
    assert sub["items"].data[0].current_period_start == RENEWAL
    assert iso(sub["items"].data[0].current_period_end) == "2026-02-28T09:00:00Z"  # day 30 clamped
    assert sub.latest_invoice == invoice.id


def test_a_failed_renewal_leaves_the_guides_end_state() -> None:
    """Smart Retries off and "leave past-due": open, one attempt, nothing planned, auto_advance on, past due."""
    world = small_world()
    api = client(world)
    invoice = api.v1.invoices.retrieve(failed_invoice(world))
    assert (invoice.status, invoice.attempted, invoice.attempt_count) == ("open", True, 1)
    assert invoice.next_payment_attempt is None
    assert invoice.auto_advance is True
    sub = api.v1.subscriptions.retrieve(invoice.parent.subscription_details.subscription)
    assert sub.status == "past_due"
    assert api.v1.customers.retrieve(invoice.customer).delinquent is True


def test_a_declined_pay_answers_402_with_all_evidence() -> None:
    """The card error carries decline code, network codes, advice, charge, intent and method; no attempt is counted."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.decline(
        world, "ada", "do_not_honor", network_decline_code="05", advice_code="try_again_later", network_advice_code="02"
    )
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(invoice)
    error = error_of(caught)
    assert caught.value.http_status == 402
    assert (error.code, error.decline_code, error.advice_code) == ("card_declined", "do_not_honor", "try_again_later")
    assert (error.network_decline_code, error.network_advice_code) == ("05", "02")
    assert error.payment_intent.latest_charge == error.charge
    assert error.payment_intent.status == "requires_payment_method"
    charge = api.v1.charges.retrieve(error.charge)
    assert charge.outcome.network_decline_code == "05"
    assert charge.payment_method_details.card.fingerprint
    assert api.v1.invoices.retrieve(invoice).attempt_count == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("expired_card", ("expired_card", None)),
        ("incorrect_cvc", ("incorrect_cvc", None)),
        ("processing_error", ("processing_error", None)),
        ("lost_card", ("card_declined", "lost_card")),
    ],
)
def test_some_codes_come_without_a_decline_code(code, expected) -> None:
    """Expired, CVC and processing errors are the error's code itself; the others are card_declined with a reason."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world, code)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(invoice)
    assert (error_of(caught).code, error_of(caught).decline_code) == expected


def test_3d_secure_asks_for_action_without_a_charge() -> None:
    """A 3DS card answers invoice_payment_intent_requires_action, and the intent waits for the customer."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.replace_card(world, "ada", "pm_card_threeDSecure2Required")
    before = len(world.ledger.charges)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(invoice)
    assert caught.value.code == "invoice_payment_intent_requires_action"
    assert error_of(caught).payment_intent.status == "requires_action"
    assert len(world.ledger.charges) == before


def test_a_blocked_payment_never_reaches_the_network() -> None:
    """Radar's block shows as outcome blocked, not_sent_to_network."""
    world = small_world()
    control.replace_card(world, "ada", "tok_radarBlock")
    world.advance_to(RENEWAL + HOUR)
    charge = client(world).v1.charges.list({"limit": 1}).data[0]
    assert (charge.outcome.type, charge.outcome.network_status) == ("blocked", "not_sent_to_network")


def test_paying_brings_everything_back() -> None:
    """An approved pay makes invoice, intent, invoice payment, subscription and customer good again, once."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    paid = api.v1.invoices.pay(invoice)
    assert paid.status == "paid"
    row = api.v1.invoice_payments.list({"invoice": invoice, "expand": ["data.payment.payment_intent.latest_charge"]})
    intent = row.data[0].payment.payment_intent
    assert (row.data[0].status, intent.status, intent.latest_charge.status) == ("paid", "succeeded", "succeeded")
    by_intent = api.v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}})
    assert by_intent.data[0].invoice == invoice
    sub = api.v1.subscriptions.retrieve(paid.parent.subscription_details.subscription)
    assert sub.status == "active"
    assert api.v1.customers.retrieve(paid.customer).delinquent is False
    with pytest.raises(stripe.InvalidRequestError, match="Invoice is already paid"):
        api.v1.invoices.pay(invoice)
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_pay_takes_the_named_card_and_refuses_a_foreign_one() -> None:
    """`payment_method` decides which card is charged; another customer's card is refused."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    customers = world.sim.account("acct_1AcmeUS", False).names
    foreign = api.v1.payment_methods.list({"customer": customers["ben"]}).data[0].id
    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        api.v1.invoices.pay(invoice, {"payment_method": foreign})
    own = api.v1.payment_methods.attach("pm_card_visa_debit", {"customer": customers["ada"]}).id
    api.v1.invoices.pay(invoice, {"payment_method": own})
    assert api.v1.charges.list({"limit": 1}).data[0].payment_method == own


def test_without_any_card_pay_is_refused() -> None:
    """No default payment method: Stripe's 400, and the automatic attempt makes no charge."""
    world = small_world()
    api = client(world)
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    api.v1.payment_methods.detach(api.v1.payment_methods.list({"customer": ada}).data[0].id)
    before = len(world.ledger.charges)
    world.advance_to(RENEWAL + HOUR)
    invoice = api.v1.invoices.list({"status": "open"}).data[0].id
    assert sum(row["created"] > RENEWAL for row in world.ledger.charges[before:]) == 0
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source or default payment method"):
        api.v1.invoices.pay(invoice)


def test_uncollectible_can_still_be_paid_and_voided_cannot() -> None:
    """The documented transitions: open to uncollectible to paid; open to void; nothing after that."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    marked = api.v1.invoices.mark_uncollectible(invoice)
    assert marked.status == "uncollectible"
    assert api.v1.customers.retrieve(marked.customer).delinquent is False
    with pytest.raises(stripe.InvalidRequestError, match="This invoice isn't open"):
        api.v1.invoices.mark_uncollectible(invoice)
    control.approve(world, "ada")
    assert api.v1.invoices.pay(invoice).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="This invoice isn't open"):
        api.v1.invoices.void_invoice(invoice)


def test_a_voided_invoice_cannot_be_paid() -> None:
    """Voiding cancels the intent and ends the invoice."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    assert api.v1.invoices.void_invoice(invoice).status == "void"
    with pytest.raises(stripe.InvalidRequestError, match="Voided invoices cannot be paid"):
        api.v1.invoices.pay(invoice)
    payment = api.v1.invoice_payments.list({"invoice": invoice, "expand": ["data.payment.payment_intent"]}).data[0]
    assert payment.status == "canceled"
    assert payment.payment.payment_intent.cancellation_reason == "void_invoice"


def test_metadata_and_auto_advance_can_be_changed_after_finalisation() -> None:
    """Keys are merged, "" removes one; auto_advance=false takes a planned attempt away."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.set_field(world, invoice, "next_payment_attempt", world.now + DAY)
    api.v1.invoices.update(invoice, {"metadata": {"a": "1", "fp-uncollectible": "true"}})
    changed = api.v1.invoices.update(invoice, {"metadata": {"a": ""}, "auto_advance": False})
    assert changed.metadata.to_dict() == {"fp-uncollectible": "true"}
    assert (changed.auto_advance, changed.next_payment_attempt) == (False, None)
    before = len(world.ledger.charges)
    world.advance_to(world.now + 2 * DAY)
    assert len(world.ledger.charges) == before


def test_a_planned_attempt_is_carried_out_by_stripe_itself() -> None:
    """With next_payment_attempt set, Stripe tries by itself: attempt_count grows and no request caused it."""
    world = small_world()
    invoice = failed_invoice(world)
    control.set_field(world, invoice, "next_payment_attempt", world.now + DAY)
    world.advance_to(world.now + DAY)
    assert client(world).v1.invoices.retrieve(invoice).attempt_count == 2
    assert (world.ledger.charges[-1]["source"], world.ledger.charges[-1]["request"]) == ("stripe", None)


def test_the_customer_may_pay_elsewhere() -> None:
    """Another card or out of band: paid, no idempotency key of ours, at most one success."""
    for how, charges in (("card", 1), ("out_of_band", 0)):
        world = small_world()
        invoice = failed_invoice(world)
        before = len(world.ledger.charges)
        assert control.pay_elsewhere(world, "ada", how=how) == invoice
        assert client(world).v1.invoices.retrieve(invoice).status == "paid"
        assert len(world.ledger.charges) - before == charges
        assert world.ledger.successes_by_invoice().get(invoice, 0) == charges


def test_lists_page_and_filter() -> None:
    """Cursors walk through everything once, newest first; filters narrow; wrong values are refused."""
    world = small_world()
    api = client(world)
    world.advance_to(START + 200 * DAY)
    everything = [row.id for row in api.v1.invoices.list({"limit": 3}).auto_paging_iter()]
    assert len(everything) == len(set(everything)) > 10
    assert api.v1.invoices.list({"limit": 100, "status": "open"}).data == []
    oldest = api.v1.invoices.list({"limit": 2, "ending_before": everything[2]})
    assert [row.id for row in oldest.data] == everything[:2]
    recent = api.v1.invoices.list({"created": {"gte": START + 150 * DAY}, "limit": 100}).data
    assert recent
    assert all(row.created >= START + 150 * DAY for row in recent)
    assert send(world, "GET", "/v1/invoices?limit=101")[0] == 400
    assert send(world, "GET", "/v1/invoices?status=late")[1]["error"]["param"] == "status"
    assert send(world, "GET", "/v1/invoices?starting_after=in_none")[1]["error"]["code"] == "resource_missing"


def test_expansion_stops_at_four_levels() -> None:
    """Five levels are refused, and so is a field that holds no object."""
    world = small_world()
    path = "/v1/invoices?expand[]=data.payments.data.payment.payment_intent"
    assert send(world, "GET", path)[0] == 400
    assert send(world, "GET", "/v1/invoices?expand[]=data.amount_due")[0] == 400


def test_the_events_of_a_declined_and_a_paid_attempt_carry_our_key() -> None:
    """Events caused by `pay` name the request and its key; those of the renewal name none."""
    world = small_world()
    api = client(world)
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]})
    box = Mailbox(world)
    invoice = failed_invoice(world)
    first = api.v1.events.list({"type": "invoice.payment_failed"}).data
    assert first[0].request.id is None
    assert "payments" not in first[0].data.object
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice, options={"idempotency_key": "fp1:a"})
    control.approve(world, "ada")
    box.got.clear()
    api.v1.invoices.pay(invoice, options={"idempotency_key": "fp1:b"})
    world.advance_to(world.now)
    assert [
        name for name in box.types() if name in ("charge.succeeded", "invoice.paid", "customer.subscription.updated")
    ] == ["charge.succeeded", "invoice.paid", "customer.subscription.updated"]
    keys = {event.type: event.request.idempotency_key for event in api.v1.events.list({"limit": 100}).data[::-1]}
    assert keys["invoice.payment_failed"] == "fp1:a"
    assert keys["invoice.paid"] == "fp1:b"
