"""The life of an invoice, transition by transition, with the event of each and the refusal of every wrong one."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, HOUR, client, error_of, failed_invoice, send, small_world

NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."
FINAL = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
NOT_SENT = "You can only manually send an invoice if its collection method is 'send_invoice'."

# (status, verb) -> the status it leads to, or the refusal.
TABLE: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("draft", "finalize"): ("open", None),
    ("draft", "delete"): (None, None),
    ("draft", "pay"): (None, "You can only pay finalized invoices. This invoice is a draft."),
    ("draft", "void"): (None, NOT_OPEN),
    ("draft", "mark_uncollectible"): (None, NOT_OPEN),
    ("open", "pay"): ("paid", None),
    ("open", "void"): ("void", None),
    ("open", "mark_uncollectible"): ("uncollectible", None),
    ("open", "finalize"): (None, FINAL),
    ("open", "delete"): (None, "You can only delete draft invoices."),
    ("uncollectible", "pay"): ("paid", None),
    ("uncollectible", "void"): ("void", None),
    ("uncollectible", "mark_uncollectible"): (None, NOT_OPEN),
    ("uncollectible", "finalize"): (None, FINAL),
    ("uncollectible", "delete"): (None, "You can only delete draft invoices."),
    ("paid", "pay"): (None, "Invoice is already paid"),
    ("paid", "void"): (None, NOT_OPEN),
    ("paid", "mark_uncollectible"): (None, NOT_OPEN),
    ("paid", "finalize"): (None, FINAL),
    ("paid", "delete"): (None, "You can only delete draft invoices."),
    ("void", "pay"): (None, "Voided invoices cannot be paid."),
    ("void", "void"): (None, NOT_OPEN),
    ("void", "mark_uncollectible"): (None, NOT_OPEN),
    ("void", "finalize"): (None, FINAL),
    ("void", "delete"): (None, "You can only delete draft invoices."),
}
EVENTS = {
    "finalize": {"invoice.finalized"},
    "delete": {"invoice.deleted"},
    "void": {"invoice.voided", "invoice.updated"},
    "mark_uncollectible": {"invoice.marked_uncollectible", "invoice.updated"},
    "pay": {"invoice.paid", "invoice.payment_succeeded", "invoice.updated"},
}
STAMP = {"open": "finalized_at", "paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}


def oneoff(api: Any, world: Any, amount: int = 700, **more: Any) -> str:
    """A draft of ada's over some cents, which nobody advances but us."""
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    api.v1.invoice_items.create({"customer": ada, "amount": amount, "currency": "usd", "description": "extra"})
    wanted = {"customer": ada, "pending_invoice_items_behavior": "include", **more}
    return str(api.v1.invoices.create(wanted).id)


def _in(api: Any, world: Any, status: str) -> str:
    """An invoice in a status."""
    invoice = oneoff(api, world)
    if status != "draft":
        api.v1.invoices.finalize_invoice(invoice)
    if status == "paid":
        api.v1.invoices.pay(invoice)
    elif status == "void":
        api.v1.invoices.void_invoice(invoice)
    elif status == "uncollectible":
        api.v1.invoices.mark_uncollectible(invoice)
    assert api.v1.invoices.retrieve(invoice).status == status
    return invoice


def _do(world: Any, invoice: str, verb: str) -> tuple[int, dict[str, Any]]:
    if verb == "delete":
        return send(world, "DELETE", f"/v1/invoices/{invoice}")[:2]
    return send(world, "POST", f"/v1/invoices/{invoice}/{verb}")[:2]


@pytest.mark.parametrize(("status", "verb"), TABLE, ids=lambda word: word)
def test_each_transition_leads_where_stripe_says_or_is_refused(status: str, verb: str) -> None:
    """From every status, every verb: the next status with its instant and events, or 400 and nothing changed."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, status)
    world.advance_to(world.now + HOUR)
    seen = world.sim.events
    code, answer = _do(world, invoice, verb)
    target, refusal = TABLE[status, verb]
    events = {each.type for each in api.v1.events.list({"limit": 100}).data[: world.sim.events - seen]}
    if refusal is not None:
        assert (code, answer["error"]["message"]) == (400, refusal)
        assert answer["error"]["type"] == "invalid_request_error"
        assert events == set()
        assert api.v1.invoices.retrieve(invoice).status == status
        return
    assert code == 200
    assert EVENTS[verb] <= events
    if target is None:
        assert answer == {"id": invoice, "object": "invoice", "deleted": True}
        assert send(world, "GET", f"/v1/invoices/{invoice}")[0] == 404
        return
    assert answer["status"] == target
    assert answer["status_transitions"][STAMP[target]] == world.now


@pytest.mark.parametrize("status", ["open", "uncollectible"])
def test_a_declined_pay_leaves_the_status(status: str) -> None:
    """invoice.payment_failed: an open invoice stays open, an uncollectible one uncollectible."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, status)
    control.decline(world, "ada", "insufficient_funds")
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    found = api.v1.invoices.retrieve(invoice)
    assert found.status == status
    assert api.v1.events.list({"type": "invoice.payment_failed"}).data[0].data.object.id == invoice


def test_uncollectible_by_the_api_is_forgiven_by_a_person() -> None:
    """status_details says user_forgiven; paying it takes the reason away."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "uncollectible")
    assert api.v1.invoices.retrieve(invoice).status_details.uncollectible.reason == "user_forgiven"
    paid = api.v1.invoices.pay(invoice)
    assert (paid.status, paid.status_details) == ("paid", None)
    assert paid.status_transitions.marked_uncollectible_at is not None


def test_voiding_keeps_what_happened_before() -> None:
    """The instants of finalisation and marking stay, the intent is canceled, nothing remains planned."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "uncollectible")
    void = api.v1.invoices.void_invoice(invoice)
    at = void.status_transitions
    assert None not in (at.finalized_at, at.marked_uncollectible_at, at.voided_at)
    assert (at.paid_at, void.auto_advance, void.next_payment_attempt) == (None, False, None)


def test_paid_out_of_band_needs_no_card_and_makes_no_charge() -> None:
    """The intent and its invoice payment are canceled, and the ledger tells that no money came through Stripe."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "open")
    before = len(world.ledger.charges)
    paid = api.v1.invoices.pay(invoice, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 700, 0)
    assert len(world.ledger.charges) == before
    assert [row.status for row in api.v1.invoice_payments.list({"invoice": invoice}).data] == ["canceled"]
    assert world.ledger.of(invoice)[-1]["detail"] == "out_of_band"


def test_forgive_changes_nothing_for_a_card() -> None:
    """`forgive` concerns sources that hold a balance: a declined card stays declined."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "open")
    control.decline(world, "ada", "insufficient_funds")
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice, {"forgive": True})
    control.approve(world, "ada")
    assert api.v1.invoices.pay(invoice, {"forgive": True}).amount_paid == 700


def test_only_the_first_try_by_hand_counts() -> None:
    """attempt_count is 1 after the first manual try and stays there whatever we try after that."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "open")
    assert api.v1.invoices.retrieve(invoice).attempt_count == 0
    control.decline(world, "ada", "insufficient_funds")
    for _ in range(3):
        with pytest.raises(stripe.CardError):
            api.v1.invoices.pay(invoice)
        found = api.v1.invoices.retrieve(invoice)
        assert (found.attempt_count, found.attempted) == (1, True)
    assert len([row for row in world.ledger.charges if row["invoice"] == invoice]) == 3


def test_a_pay_during_3d_secure_asks_again_and_charges_nobody() -> None:
    """While the intent requires action, pay answers 402 once more; a card that needs none then pays."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "open")
    control.decline(world, "ada", "requires_action")
    before = len(world.ledger.charges)
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            api.v1.invoices.pay(invoice)
        assert error_of(caught).code == "invoice_payment_intent_requires_action"
        assert error_of(caught).payment_intent.status == "requires_action"
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.attempt_count, len(world.ledger.charges)) == ("open", 1, before)
    control.approve(world, "ada")
    assert api.v1.invoices.pay(invoice).status == "paid"


def test_a_bank_debit_answers_200_and_open_until_the_bank_does() -> None:
    """Pay answers 200 with status open; a second pay and a void are refused; days later it is paid, charged once."""
    world = small_world()
    api = client(world)
    invoice = _debited(api, world, "pm_usBankAccount_success")
    first = api.v1.invoices.pay(invoice)
    assert (first.status, first.attempted, first.attempt_count) == ("open", True, 1)
    payment = api.v1.invoice_payments.list({"invoice": invoice, "expand": ["data.payment.payment_intent"]}).data[0]
    assert payment.payment.payment_intent.status == "processing"
    for path in ("pay", "void"):
        code, answer, _ = send(world, "POST", f"/v1/invoices/{invoice}/{path}")
        assert (code, "already processing" in answer["error"]["message"]) == (400, True)
    world.advance_to(world.now + 10 * DAY)
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_a_bank_debit_that_comes_back_fails_the_invoice_later() -> None:
    """invoice.payment_failed comes days after the 200, from Stripe itself; the invoice is open and can be paid."""
    world = small_world()
    api = client(world)
    invoice = _debited(api, world, "pm_usBankAccount_insufficientFunds")
    assert api.v1.invoices.pay(invoice).status == "open"
    assert api.v1.events.list({"type": "invoice.payment_failed"}).data == []
    world.advance_to(world.now + 10 * DAY)
    failed = api.v1.events.list({"type": "invoice.payment_failed"}).data
    assert [(each.data.object.id, each.request.id) for each in failed] == [(invoice, None)]
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.attempt_count) == ("open", 1)
    card = api.v1.payment_methods.attach("pm_card_visa", {"customer": found.customer}).id
    assert api.v1.invoices.pay(invoice, {"payment_method": card}).status == "paid"


def _debited(api: Any, world: Any, token: str) -> str:
    """An open invoice of ada's, whose default payment method is a bank account."""
    invoice = _in(api, world, "open")
    customer = api.v1.invoices.retrieve(invoice).customer
    bank = api.v1.payment_methods.attach(token, {"customer": customer}).id
    api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": bank}})
    return invoice


def test_auto_advance_cannot_be_switched_on_when_all_is_over() -> None:
    """Paid, void and uncollectible invoices refuse auto_advance, and take metadata."""
    world = small_world()
    api = client(world)
    for status in ("paid", "void", "uncollectible"):
        invoice = _in(api, world, status)
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.invoices.update(invoice, {"auto_advance": True})
        assert error_of(caught).param == "auto_advance"
        assert api.v1.invoices.update(invoice, {"metadata": {"a": "1"}}).metadata["a"] == "1"


def test_a_finalized_invoice_keeps_its_words_and_its_customer() -> None:
    """Description, footer, method and due date belong to drafts; name and address are frozen at finalisation."""
    world = small_world()
    api = client(world)
    invoice = _in(api, world, "open")
    for field, value in (
        ("description", "x"),
        ("footer", "x"),
        ("collection_method", "send_invoice"),
        ("days_until_due", 3),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="can't be updated in this way"):
            api.v1.invoices.update(invoice, {field: value})
    found = api.v1.invoices.retrieve(invoice)
    api.v1.customers.update(found.customer, {"name": "Somebody Else"})
    assert api.v1.invoices.retrieve(invoice).customer_name == found.customer_name


def test_a_subscriptions_draft_cannot_be_deleted() -> None:
    """Only one-off drafts can: a draft of a subscription has to be finalised and voided."""
    world = small_world()
    api = client(world)
    world.advance_to(world.now + 29 * DAY + 9 * HOUR)
    draft = api.v1.invoices.list({"status": "draft"}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="created by subscriptions"):
        api.v1.invoices.delete(draft.id)


def test_an_open_invoice_of_a_failed_renewal_is_paid_by_hand_once() -> None:
    """Recovered: paid, attempt_count still 1, and a second pay is refused without a second charge."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    paid = api.v1.invoices.pay(invoice)
    assert (paid.status, paid.attempt_count) == ("paid", 1)
    assert send(world, "POST", f"/v1/invoices/{invoice}/pay")[0] == 400
    assert world.ledger.successes_by_invoice()[invoice] == 1
