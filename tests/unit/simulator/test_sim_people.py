"""People: what customers do by themselves, by seeded chance, and never twice over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from flexpay_reconcile.simulator import control, people, worlds
from flexpay_reconcile.simulator.people import Habits, Persona, after_failure, after_payment
from flexpay_reconcile.simulator.resources import invoices
from flexpay_reconcile.simulator.scenario import build_world
from tests.unit.simulator.helpers import DAY, HOUR, START, document, send


def habits_of(name: str) -> Habits:
    """The habits of a world's people."""
    habits = worlds.find(name).people
    assert habits is not None
    return habits


HABITS = habits_of("us-acting@1")
NOBODY = {"disputes": 0.0, "asks_refund": 0.0}
SURELY = {"notices": 1.0, "reads_mail": 1.0, "delay_days": 0.5}


def persona(number: int = 1, **habits) -> Persona:
    """A customer of us-acting with some habits changed."""
    return Persona(seed=5, name=f"acct/m-{number}", habits=replace(HABITS, **habits))


def acting(monkeypatch, *, count: int = 400, world: str = "us-acting", **habits):
    """A world of one book whose people have these habits."""
    market = worlds.find(world)
    changed = replace(market, people=replace(habits_of(world), **habits))
    monkeypatch.setattr(worlds, "find", lambda _: changed)
    return book(world, count)


def book(world: str, count: int, seed: int = 7):
    """A world of one book."""
    entry = {"name": "m", "count": count, "price": "gold", "world": world, "time_zones": ["America/New_York"]}
    made = document(customers={}, books=[entry])
    made["seed"] = seed
    return build_world(made)


def account_of(world):
    """The account of a world."""
    return world.sim.account("acct_1AcmeUS", False)


def events_of(world, type_: str) -> list[dict]:
    """The account's events of one type that are still kept."""
    return [row for row in account_of(world).table("event").rows.values() if row["type"] == type_]


def only(act: str) -> dict:
    """Habits in which every reaction is this act."""
    weights = tuple((name, 1.0 if name == act else 0.0) for name in people.ACTS)
    return {**NOBODY, **SURELY, "funds": weights, "card": weights, "unwilling": weights, "other": weights}


def test_an_intention_is_a_function_of_its_words() -> None:
    """Same customer, invoice and nudge, same intention; the order of asking does not matter."""
    asked = [(number, nudge) for number in range(200) for nudge in (1, 2, 3)]
    there = [after_failure(persona(n), "in_1", "insufficient_funds", k, mailed=True) for n, k in asked]
    back = [after_failure(persona(n), "in_1", "insufficient_funds", k, mailed=True) for n, k in reversed(asked)]
    assert there == back[::-1]
    assert len({found for found in there if found is not None}) > 50


def test_customers_act_as_often_as_their_habits_say() -> None:
    """Without mail a share notices once; with mail more act, again at the next refusal, and never beyond the last."""
    plain = [after_failure(persona(n), "in_1", "do_not_honor", 1, mailed=False) for n in range(4000)]
    mailed = [after_failure(persona(n), "in_1", "do_not_honor", 1, mailed=True) for n in range(4000)]
    idle = dict(HABITS.other)["nothing"]
    assert abs(sum(p is not None for p in plain) / 4000 - HABITS.notices * (1 - idle)) < 0.02
    assert abs(sum(p is not None for p in mailed) / 4000 - HABITS.reads_mail * (1 - idle)) < 0.02
    assert all(after_failure(persona(n), "in_1", "do_not_honor", 2, mailed=False) is None for n in range(200))
    assert any(after_failure(persona(n), "in_1", "do_not_honor", 2, mailed=True) for n in range(200))
    last = HABITS.most_nudges
    assert all(after_failure(persona(n), "in_1", "do_not_honor", last + 1, mailed=True) is None for n in range(200))


def test_what_customers_do_follows_from_what_the_bank_said() -> None:
    """A lost card is replaced, a lack of funds topped up, a stopped payment cancelled, a challenge authenticated."""

    def most(reason: str) -> str:
        found = (after_failure(persona(n), "in_1", reason, 1, mailed=True) for n in range(2000))
        return Counter(act for act, _ in filter(None, found)).most_common(1)[0][0]

    assert most("lost_card") == "new_card"
    assert most("insufficient_funds") == "top_up"
    assert most("revocation_of_authorization") == "cancel"
    assert most("authentication_required") == "authenticate"


def test_few_paid_customers_dispute_or_ask_for_their_money() -> None:
    """After a payment about one in a thousand disputes and four ask for a refund, days later."""
    found = [after_payment(persona(n), "in_1") for n in range(20000)]
    counted = Counter(entry[0] for entry in found if entry is not None)
    assert 5 <= counted["dispute"] <= 45
    assert 50 <= counted["refund"] <= 115
    assert all(entry[1] >= 3600 for entry in found if entry is not None)


def test_the_same_seed_tells_the_same_story_however_time_is_walked() -> None:
    """One leap, many steps, and steps with reading in between give one ledger; another seed another."""
    digests = []
    for how in ("leap", "steps", "reads", "other seed"):
        world = book("eu-acting", 400, seed=8 if how == "other seed" else 7)
        for day in range(1, 41):
            if how in ("steps", "reads"):
                world.advance_to(START + day * DAY)
            if how == "reads":
                send(world, "GET", "/v1/invoices?limit=1")
        world.advance_to(START + 40 * DAY)
        digests.append(world.ledger.digest())
    assert digests[0] == digests[1] == digests[2] != digests[3]
    assert any(row["source"] == "customer" for row in world.ledger.charges)


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


def test_mails_move_people(monkeypatch) -> None:
    """With the account's e-mails on, more customers act than without."""
    acts = {}
    for emails in (False, True):
        with monkeypatch.context() as patch:
            world = acting(patch, count=500)
        account = account_of(world)
        account.settings = replace(account.settings, emails=emails)
        world.advance_to(START + 31 * DAY)
        acts[emails] = len(events_of(world, "payment_method.attached")) + len(
            [row for row in world.ledger.charges if row["source"] == "customer"]
        )
    assert acts[True] > acts[False] > 0


@pytest.mark.parametrize("name", ["us-acting", "eu-acting"])
def test_acting_books_hold_together(name) -> None:
    """Sixty days of people: no invoice is paid twice, and paid, open and cancelled ones add up."""
    world = book(name, 400)
    world.advance_to(START + 60 * DAY)
    assert max(world.ledger.successes_by_invoice().values()) == 1
    account = account_of(world)
    paid = {row["id"] for row in account.table("invoice").rows.values() if row["status"] == "paid"}
    assert paid == {invoice for invoice, number in world.ledger.successes_by_invoice().items() if number == 1}


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
