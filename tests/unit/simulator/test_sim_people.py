"""People: what customers mean to do by themselves, by seeded chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from flexpay_reconcile.simulator.issuers.people import after_failure, after_payment
from tests.unit.simulator.acting import HABITS, account_of, acting, book, events_of, persona
from tests.unit.simulator.helpers import DAY, START, send


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
