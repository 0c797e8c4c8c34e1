"""The packaged scenarios of what Stripe, banks and customers do by themselves show what their headers say."""

from __future__ import annotations

from tests.unit.simulator.helpers import DAY, START
from tests.unit.simulator.played import charges_of, played, row_of, types_of


def test_smart_retries_left_on() -> None:
    """Stripe retries ben eight times and ends everything; with auto_advance off it tries ada no more."""
    name = "smart-retries-left-on"
    ben, ada = row_of(name, "invoice", "ben"), row_of(name, "invoice", "ada")
    of_ben = [row for row in charges_of(name) if row["invoice"] == ben["id"]]
    of_ada = [row for row in charges_of(name) if row["invoice"] == ada["id"]]
    assert [row["source"] for row in of_ben].count("stripe") == 9
    assert [row["idempotency_key"] for row in of_ben if row["source"] == "request"] == ["beside-1"]
    assert ben["attempt_count"] == 9
    assert (ben["status"], ben["status_details"]["uncollectible"]["reason"]) == (
        "uncollectible",
        "max_payment_attempts",
    )
    ended = row_of(name, "subscription", "ben")
    assert (ended["status"], ended["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
    assert [row["source"] for row in of_ada] == ["stripe", "request"]
    assert row_of(name, "subscription", "ada")["status"] == "active"
    replies = played(name)[1].replies
    assert replies[0].document["next_payment_attempt"] > START + 4 * DAY
    assert replies[1].document["next_payment_attempt"] is None


def test_automations_tell_of_the_next_try_in_an_update() -> None:
    """Three, five, seven days after each failure; next_payment_attempt is in no invoice.payment_failed."""
    name = "automations"
    events = list(played(name)[0].sim.account("acct_1AutomationUS", False).table("event").rows.values())
    failed = [row["data"]["object"] for row in events if row["type"] == "invoice.payment_failed"]
    updated = [row["data"]["object"]["next_payment_attempt"] for row in events if row["type"] == "invoice.updated"]
    assert len(failed) == 6
    assert {row["next_payment_attempt"] for row in failed} == {None}
    first = START + 4 * DAY + 10 * 3600
    assert first + 3 * DAY in updated
    ben = row_of(name, "invoice", "ben")["id"]
    tried = [row["created"] for row in charges_of(name) if row["invoice"] == ben]
    assert tried == [first, first + 3 * DAY, first + 8 * DAY]
    assert row_of(name, "invoice", "ben")["status"] == "paid"
    assert row_of(name, "subscription", "cleo")["status"] == "unpaid"


def test_a_sent_invoice_is_paid_later() -> None:
    """Nothing is charged; the customer pays on Stripe's page; the other invoice is overdue and its subscription too."""
    name = "customer-pays-later-invoice"
    assert [(row["source"], row["status"]) for row in charges_of(name)] == [("customer", "succeeded")]
    assert row_of(name, "invoice", "ada")["status"] == "paid"
    ben = row_of(name, "invoice", "ben")
    assert (ben["status"], ben["attempt_count"]) == ("open", 0)
    assert 13 * DAY < ben["due_date"] - ben["status_transitions"]["finalized_at"] <= 14 * DAY
    assert row_of(name, "subscription", "ben")["status"] == "past_due"
    assert {"invoice.sent", "invoice.will_be_due", "invoice.overdue"} <= set(types_of(name))
    assert len(played(name)[1].replies[1].document["data"]) == 2


def test_bank_debits_take_days() -> None:
    """Processing until the bank answers, four or five days later; nobody is debited twice meanwhile."""
    replies = played("bank-debit")[1].replies
    assert replies[0].document["status"] == "processing"
    assert [row_of("bank-debit", "invoice", name)["status"] for name in ("ada", "gerd", "ben")] == [
        "paid",
        "paid",
        "open",
    ]
    assert len([row for row in charges_of("bank-debit") if row["status"] == "succeeded"]) == 2
    (failed,) = [row for row in charges_of("bank-debit") if row["status"] == "failed"]
    assert failed["reason"] == "insufficient_funds"
    paid = {name: row_of("bank-debit", "invoice", name)["status_transitions"] for name in ("ada", "gerd")}
    days = {name: (row["paid_at"] - row["finalized_at"]) / DAY for name, row in paid.items()}
    assert days == {"ada": 4, "gerd": 5}
    assert row_of("bank-debit", "subscription", "ben")["status"] == "past_due"


def test_3d_secure_needs_the_customer() -> None:
    """No charge is made off session; a retry is refused with the action needed; the customer's own part pays."""
    replies = played("three-d-secure")[1].replies
    assert replies[0].document["error"]["code"] == "invoice_payment_intent_requires_action"
    assert replies[1].document["status"] == "requires_action"
    (charge,) = charges_of("three-d-secure")
    assert (charge["source"], charge["status"]) == ("customer", "succeeded")
    assert row_of("three-d-secure", "invoice", "ada")["status"] == "paid"
    assert row_of("three-d-secure", "invoice", "ben")["status"] == "open"
    assert row_of("three-d-secure", "subscription", "ben")["status"] == "past_due"
    assert {"invoice.payment_action_required", "payment_intent.requires_action"} <= set(types_of("three-d-secure"))


def test_disputes_and_a_warning() -> None:
    """One lost, one won, one refunded before; a disputed charge takes no refund; no subscription ends by itself."""
    name = "dispute"
    ledger = played(name)[0].ledger
    assert [row["reason"] for row in ledger.disputes] == ["fraudulent", "product_not_received"]
    disputes = played(name)[0].sim.account("acct_1DisputeUS", False).table("dispute").rows.values()
    assert [row["status"] for row in disputes] == ["lost", "won"]
    cleo = row_of(name, "charge", "cleo")
    assert [row["charge"] for row in ledger.refunds] == [cleo["id"]]
    assert cleo["disputed"] is False
    assert {row_of(name, "subscription", each)["status"] for each in ("ada", "ben", "cleo")} == {"active"}
    assert {"charge.dispute.created", "charge.dispute.closed", "radar.early_fraud_warning.created"} <= set(
        types_of(name)
    )


def test_customers_who_act_by_themselves() -> None:
    """Without a single retry invoices are paid, cards replaced and renewed, and subscriptions cancelled by customers."""
    name = "customers-who-act"
    world, _, _ = played(name)
    own = [row for row in charges_of(name) if row["source"] == "customer"]
    assert {row["source"] for row in charges_of(name)} == {"stripe", "customer"}
    assert len(own) >= 5
    types = set(types_of(name))
    assert {"payment_method.attached", "payment_method.automatically_updated", "charge.refunded"} <= types
    ended = [
        row
        for row in world.sim.account("acct_1ActingBooks", False).table("subscription").rows.values()
        if row["cancellation_details"]["reason"] == "cancellation_requested"
    ]
    assert ended
