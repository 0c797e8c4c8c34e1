"""People: what customers carry out by themselves, and never twice over."""

from __future__ import annotations

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.resources import invoices
from tests.unit.simulator.acting import HABITS, account_of, acting, events_of, only
from tests.unit.simulator.helpers import DAY, HOUR, START, send


def test_a_new_card_becomes_the_default_and_is_not_charged_by_itself(monkeypatch) -> None:
    """The customer's new card is attached and set as default; the open invoice stays open until somebody pays it."""
    world = acting(monkeypatch, **only("new_card"))
    world.advance_to(START + 31 * DAY)
    attached = events_of(world, "payment_method.attached")
    assert len(attached) > 20
    assert {row["request"]["idempotency_key"] for row in attached} == {None}
    assert all(row["source"] in ("history", "stripe") for row in world.ledger.charges)
    account = account_of(world)
    customer = account.get("customer", attached[0]["data"]["object"]["customer"])
    new = customer["invoice_settings"]["default_payment_method"]
    assert new in {row["data"]["object"]["id"] for row in attached}
    invoice = next(
        row
        for row in account.table("invoice").rows.values()
        if row["status"] == "open" and row["customer"] in {each["data"]["object"]["customer"] for each in attached}
    )
    status, paid, _ = send(world, "POST", f"/v1/invoices/{invoice['id']}/pay")
    assert (status, paid.get("status", paid.get("error", {}).get("code"))) in ((200, "paid"), (402, "card_declined"))


def test_new_cards_mostly_work_where_the_old_one_was_dead(monkeypatch) -> None:
    """Of invoices that failed on a dead or expired card and got a new one, nearly all can be paid at once."""
    world = acting(monkeypatch, count=1500, **only("new_card"))
    world.advance_to(START + 31 * DAY)
    account = account_of(world)
    dead = {"lost_card", "stolen_card", "expired_card", "invalid_account", "pickup_card"}
    failed = {row["invoice"] for row in world.ledger.charges if row["reason"] in dead}
    replaced = {row["data"]["object"]["customer"] for row in events_of(world, "payment_method.attached")}
    results = []
    for id_ in sorted(failed):
        row = account.get("invoice", id_)
        if row["status"] == "open" and row["customer"] in replaced:
            results.append(send(world, "POST", f"/v1/invoices/{id_}/pay")[0])
    assert len(results) >= 10
    assert results.count(200) / len(results) > 0.75


def test_customers_pay_open_invoices_on_stripes_page_once(monkeypatch) -> None:
    """Everyone who reacts pays the open invoice; none is paid twice, and the charge is the customer's own."""
    world = acting(monkeypatch, **only("pay_invoice"))
    world.advance_to(START + 40 * DAY)
    own = [row for row in world.ledger.charges if row["source"] == "customer"]
    assert len(own) > 20
    assert {row["status"] for row in own} == {"succeeded"}
    assert max(world.ledger.successes_by_invoice().values()) == 1
    assert {row["idempotency_key"] for row in own} == {None}


def test_a_topped_up_account_pays_for_some_days(monkeypatch) -> None:
    """After a top-up a retry is no longer declined for funds; the plan is seen in the issuers alone."""
    world = acting(monkeypatch, count=600, **only("top_up"))
    world.advance_to(START + 31 * DAY)
    eased = world.sim.issuers.topped_up
    assert len(eased) > 20
    until = max(eased.values())
    assert until - world.now <= HABITS.top_up_days * DAY
    account = account_of(world)
    tried = 0
    for name, end in eased.items():
        customer = account.names[name.rpartition("/")[2]]
        invoice = account.get("invoice", account.table("invoice").by("customer", customer)[-1])
        if end > world.now and invoice["status"] == "open":
            tried += 1
            status, answer, _ = send(world, "POST", f"/v1/invoices/{invoice['id']}/pay")
            assert status == 200 or answer["error"].get("decline_code") != "insufficient_funds"
    assert tried > 3


def test_customers_cancel_at_once_or_at_the_end_of_the_period(monkeypatch) -> None:
    """Both kinds of cancellation happen, at the customer's request, and their invoices stay unpaid."""
    world = acting(monkeypatch, count=500, **only("cancel"))
    world.advance_to(START + 31 * DAY)
    rows = list(account_of(world).table("subscription").rows.values())
    at_once = [row for row in rows if row["status"] == "canceled"]
    later = [row for row in rows if row["cancel_at_period_end"]]
    assert len(at_once) > 5
    assert len(later) > 5
    assert {row["cancellation_details"]["reason"] for row in at_once + later} == {"cancellation_requested"}
    assert all(row["cancel_at"] is not None for row in later)


def test_european_customers_complete_3d_secure(monkeypatch) -> None:
    """A challenged payment is completed by the customer on Stripe's page, hours later, on the same card."""
    world = acting(monkeypatch, world="eu-acting", authenticates=1.0, authenticates_hours=2.0, **only("nothing"))
    world.advance_to(START + 31 * DAY)
    asked = {row["invoice"]: row for row in world.ledger.charges if row["reason"] == "authentication_required"}
    done = [row for row in world.ledger.charges if row["source"] == "customer"]
    assert len(done) > 3
    for row in done:
        assert row["invoice"] in asked
        assert row["fingerprint"] == asked[row["invoice"]]["fingerprint"]


def test_customers_get_their_money_back_when_they_ask(monkeypatch) -> None:
    """A share of paid invoices is refunded whole, each once."""
    world = acting(monkeypatch, **{**only("nothing"), "asks_refund": 0.2, "refund_days": 2.0})
    world.advance_to(START + 40 * DAY)
    refunded = [row["charge"] for row in world.ledger.refunds]
    assert 20 < len(refunded) == len(set(refunded))
    charges = account_of(world).table("charge").rows
    assert all(charges[id_]["refunded"] for id_ in refunded)


def test_the_account_updater_is_seen(monkeypatch) -> None:
    """A card the updater renews says so in an event with the old date, once, and works from then on."""
    world = acting(monkeypatch, count=800, **only("nothing"))
    world.advance_to(START + 29 * DAY)
    seen = events_of(world, "payment_method.automatically_updated")
    assert len(seen) >= 5
    for row in seen:
        old, new = row["data"]["previous_attributes"]["card"], row["data"]["object"]["card"]
        assert old["exp_year"] < new["exp_year"]
    assert len({row["data"]["object"]["id"] for row in seen}) == len(seen)


def test_a_customer_who_comes_too_late_does_nothing(monkeypatch) -> None:
    """Whoever finds the invoice paid already pays nothing, tops nothing up, and asks for no money given back before."""
    world = acting(monkeypatch, **{**only("pay_invoice"), "delay_days": 5.0, "asks_refund": 0.5, "refund_days": 5.0})
    world.deliver = None
    settled, given_back = set(), set()
    for hour in range(31 * 24):
        world.advance_to(START + hour * HOUR)
        for row in control.open_invoices(world):
            invoice = account_of(world).get("invoice", row["id"])
            invoices.settle_out_of_band(world.sim, account_of(world), invoice)
            settled.add(row["id"])
        for row in [row for row in world.ledger.charges if row["status"] == "succeeded" and row["created"] >= START]:
            if row["id"] not in given_back:
                given_back.add(row["id"])
                assert send(world, "POST", "/v1/refunds", body=f"charge={row['id']}")[0] == 200
    assert len(settled) > 20
    assert not [row for row in world.ledger.charges if row["source"] == "customer"]
    assert len(world.ledger.refunds) == len(given_back)


def test_a_few_customers_dispute(monkeypatch) -> None:
    """A disputed charge was paid, was not refunded before, and is disputed once."""
    world = acting(monkeypatch, **{**only("nothing"), "disputes": 0.2, "dispute_days": 3.0, "asks_refund": 0.2})
    world.advance_to(START + 40 * DAY)
    rows = list(account_of(world).table("dispute").rows.values())
    charges = account_of(world).table("charge").rows
    assert len(rows) > 20
    assert len({row["charge"] for row in rows}) == len(rows)
    assert all(charges[row["charge"]]["amount_refunded"] == 0 for row in rows)
    assert not {row["charge"] for row in rows} & {row["charge"] for row in world.ledger.refunds}
    assert len({row["reason"] for row in rows}) >= 3


def test_a_challenge_on_the_intent_is_completed_on_it(monkeypatch) -> None:
    """Where the payment intent itself asks for 3D Secure, the customer completes that intent."""
    world = acting(monkeypatch, count=60, authenticates=1.0, authenticates_hours=1.0, **only("nothing"))
    for customer in account_of(world).names:
        control.decline(world, customer, "requires_action", times=1)
    world.advance_to(START + 31 * DAY)
    done = [row for row in world.ledger.charges if row["source"] == "customer"]
    assert len(done) > 50
    assert {row["status"] for row in done} <= {"succeeded", "failed"}
    assert sum(row["status"] == "succeeded" for row in done) > 45
