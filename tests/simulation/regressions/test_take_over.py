"""Taking over invoices that failed before we came (G18, E11): once, in small batches."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest

from flexpay_reconcile.operations.take_over import record_of
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.take_over import TakeOver
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth, worlds
from tests.simulation.rig import Crash, Request, Rig

HERE = IntegrationId(worlds.INTEGRATION)


def book(size: int, code: str = "insufficient_funds", *, days: float = 60, **manifest: object) -> Rig:
    """So many customers whose renewals failed before there was any integration; then it is applied with take_over."""
    names = [f"c{number:03}" for number in range(size)]
    with mock.patch.object(arm, "apply"):
        rig = Rig({name: worlds.customer() for name in names})
    for name in names:
        account, row = control.customer_of(rig.world, name)
        for id_ in account.table("payment_method").by("customer", row["id"]):
            card = account.table("payment_method").rows[id_]["card"]
            account.table("payment_method").rows[id_]["card"] = {**card, "fingerprint": f"of-{name}"}
        rig.decline(name, code, None)
    rig.rest(Span.of(days=int(days)))
    arm.apply(rig, worlds.manifest(take_over=True, **manifest))
    return rig


def record(rig: Rig) -> TakeOver:
    """How far it is."""
    with rig.parts.store.reading() as view:
        found = record_of(view, HERE)
    assert found is not None
    return found


def old(rig: Rig) -> set[str]:
    """Invoices that had failed when the take-over was ordered."""
    return {row["id"] for row in control.open_invoices(rig.world) if row["attempted"]}


def test_every_old_failure_is_opened_once_at_the_pace_of_the_brake():
    """Twenty customers with old failures, 10 % a day: no day opens more than that share, and each invoice has one case."""
    rig = book(20, days=20)
    wanted = old(rig)
    opened: dict[int, int] = {}
    start = rig.now
    while not (rig.now.since(start) > Span.of(days=14)) and (rig.now == start or record(rig).running):
        before = len(rig.cases())
        rig.live(1)
        opened[len(opened)] = len(rig.cases()) - before
    taken = [each for each in rig.cases() if each.invoice in wanted]
    assert {each.invoice for each in taken} == wanted
    assert len(taken) == len(wanted)
    share = -(-len(wanted) * 10 // 100)
    assert max(opened.values()) <= share + 1, opened
    assert record(rig).finished_at is not None
    assert (record(rig).total, record(rig).looked, record(rig).opened) == (len(wanted), len(wanted), len(wanted))
    rig.restart()
    rig.live(1)
    assert record(rig).looked == len(wanted), "it does not begin again"


def test_a_card_lost_two_months_ago_with_three_days_of_delay_cancels_nobody_on_day_one():
    """Hard declines 60 days old: recovery ends at once, and the delay of three days begins when we came."""
    rig = book(3, "lost_card", delay_days=3)
    rig.live(1)
    states = {name: rig.subscription(name)["status"] for name in ("c000", "c001", "c002")}
    assert "canceled" not in states.values(), states
    finishing = [each for each in rig.cases() if each.state is CaseState.FINISHING]
    assert finishing
    with rig.parts.store.reading() as view:
        dues = [action.due_at for case in finishing for action in view.actions.of_case(case.id)]
    assert min(dues) >= min(each.opened_at for each in finishing).plus(Span.of(days=3))


def test_a_delay_from_the_creation_of_the_invoice_begins_when_we_came_too():
    """The invoice is two months old: its creation is no reason to cancel at once."""
    rig = book(1, "lost_card", delay_days=3, delay_from="invoice_creation")
    rig.live(1)
    assert rig.subscription("c000")["status"] != "canceled"
    assert {each.state for each in rig.cases()} == {CaseState.FINISHING}


def test_killed_between_any_two_invoices_it_goes_on():
    """The process dies after each case it opens: all are opened, none twice."""
    rig = book(6, days=5)
    wanted = old(rig)
    for _ in range(200):
        rig.restart()
        rig.live(0.1)
        if not record(rig).running:
            break
    taken = [each.invoice for each in rig.cases() if each.invoice in wanted]
    assert sorted(taken) == sorted(wanted)
    truth.agree(rig)


@pytest.mark.parametrize("place", range(1, 11))
def test_dying_at_any_commit_of_its_batches_loses_no_invoice(place: int):
    """The process dies before one of the commits of the take-over, in the midst of a batch: none is left out (E11)."""
    rig = book(3, days=5)
    wanted = old(rig)
    left = place

    def die() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            left = -1_000
            raise Crash

    rig.before_commit.append(die)
    rig.live(3, down=Span.of(minutes=1))
    assert rig.crashes == 1
    assert sorted(each.invoice for each in rig.cases() if each.invoice in wanted) == sorted(wanted)
    truth.agree(rig)


def test_switched_off_it_pauses_and_switched_on_it_goes_on():
    """`take_over: false` while it runs: no further case; true again: it goes on where it stood."""
    rig = book(20, days=5)
    rig.live(1.5)
    before = record(rig)
    assert before.running
    arm.apply(rig, worlds.manifest(take_over=False))
    rig.live(2)
    assert record(rig) == before
    arm.apply(rig, worlds.manifest(take_over=True))
    rig.live(0.5)
    assert record(rig).looked > before.looked
    assert record(rig).ordered_at == before.ordered_at


def test_a_stripe_that_does_not_answer_only_delays_it():
    """An outage in the middle: it waits, and loses no invoice."""
    rig = book(4, days=5)
    wanted = old(rig)
    rig.transport.faults.add("refused", method="GET", path="/v1/invoices", times=12)
    rig.live(6)
    assert {each.invoice for each in rig.cases()} >= wanted


@pytest.mark.parametrize("what", ["an odd subscription", "no subscription's answer"])
def test_an_invoice_that_could_not_be_followed_in_its_turn_is_followed_later(what: str):
    """No sweep looks so far back: tried again every hour once all pages are looked at, and only then is it finished."""
    rig = book(4, days=5)
    wanted = old(rig)
    spoilt: list[str] = []

    def spoil(request: Request, status: int, body: str) -> str:
        if not request.path.startswith("/v1/subscriptions/") or len(spoilt) == 2:
            return body
        spoilt.append(request.path)
        return body.replace('"past_due"', '"never_heard_of"') if what == "an odd subscription" else "{}"

    rig.change_answer.append(spoil)
    rig.live(6)
    assert len(spoilt) == 2
    assert {each.invoice for each in rig.cases()} >= wanted
    assert (record(rig).running, record(rig).left) == (False, ())


def test_the_record_survives_its_text():
    """Written and read back it is the same, running or finished, with invoices left or none."""
    now = Instant.from_text("2026-11-23T00:00:00Z")
    for finished in (None, now):
        made = TakeOver(ordered_at=now, total=3, looked=2, opened=1, next_at=now, finished_at=finished)
        assert TakeOver.from_text(made.text()) == made
        assert TakeOver.from_text(" ".join(made.text().split(" ")[:7])) == made
        left = replace(made, left=(InvoiceId("in_1"), InvoiceId("in_2")), listed=True)
        assert TakeOver.from_text(left.text()) == left
