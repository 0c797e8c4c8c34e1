"""Sweeps of events, charges and refunds: nothing is lost with webhooks, cursors, timers and crashes (D6, D7, D10)."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.operations import suspicion, sweep_history
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Span
from tests.simulation import worlds
from tests.simulation.judges import Violation
from tests.simulation.moneybook import d10_equals_ledger
from tests.simulation.rig import Crash, Request, Rig

SIM_CO = IntegrationId(worlds.INTEGRATION)


def book(*, readable: bool, **customers: dict[str, Any]) -> Rig:
    """A deaf rig: every delivery is answered 503. `readable`: the keys may read events."""
    rig = Rig(customers or {"ada": worlds.customer(renews_in_days=0.5), "ben": worlds.customer(renews_in_days=0.6)})
    if readable:
        for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
            kept = rig.world.sim.keys[rig.environ[env]].permissions or frozenset()
            rig.set_key(env, permissions=kept | {"rak_event_read"})
    rig.post = lambda url, headers, body: 503
    return rig


def lists(rig: Rig, what: str) -> list[Request]:
    """The requests for a list."""
    return [each for each in rig.requests if each.method == "GET" and each.path == f"/v1/{what}"]


def suspects(rig: Rig) -> bool:
    """Whether webhooks are suspect now."""
    with rig.parts.store.reading() as view:
        return suspicion.is_suspect(view, SIM_CO, rig.now)


@pytest.mark.parametrize("readable", [True, False])
def test_without_any_webhook_the_books_equal_the_ledger(readable: bool):
    """Approvals, declines, another's payment and refunds: all in the books, with the events list or without it (D10)."""
    rig = book(readable=readable)
    began = rig.world.now
    rig.decline("ben", "insufficient_funds", times=3)
    rig.live(2)
    control.pay_elsewhere(rig.world, "ben")
    control_api.post(rig.world, "refund", {"customer": "ada"})
    rig.live(20)
    assert len(rig.charges()) >= 3
    assert rig.world.ledger.refunds
    d10_equals_ledger(rig, began)


@pytest.mark.parametrize("readable", [True, False])
def test_without_the_sweep_the_books_are_seen_to_lack(monkeypatch: pytest.MonkeyPatch, readable: bool):
    """The same with the sweep taken out: the checker names D10."""
    monkeypatch.setattr(sweep_history.HistorySweep, "turn", lambda self: 0)
    monkeypatch.setattr(sweep_history.HistorySweep, "next_due", lambda self: None)
    rig = book(readable=readable)
    began = rig.world.now
    rig.live(2)
    with pytest.raises(Violation, match="D10"):
        d10_equals_ledger(rig, began)


def test_missed_events_make_webhooks_suspect_and_sweeps_frequent():
    """Every six hours; every ten minutes for as long as a missed event is held against the webhooks (D6)."""
    rig = book(readable=True)
    rig.live(0.45)
    assert len(lists(rig, "events")) == 2
    assert not suspects(rig)
    rig.live(0.35)
    assert suspects(rig) or len(lists(rig, "events")) > 6
    gaps = [after.at - before.at for before, after in zip(lists(rig, "events"), lists(rig, "events")[1:], strict=False)]
    assert set(gaps) == {600, 6 * 3_600}


def test_with_webhooks_nothing_is_suspect():
    """What webhooks bring is not held against them: sweeps come every six hours."""
    rig = book(readable=True)
    rig.post = None
    rig.decline("ben", "insufficient_funds", times=1)
    rig.live(4)
    assert not suspects(rig)
    assert len(lists(rig, "events")) == 17


def test_an_event_comes_once_by_webhook_and_sweep():
    """Both ways lead into one inbox; insert wins (D3)."""
    rig = book(readable=True)
    rig.live(1)
    with rig.parts.store.reading() as view:
        swept = sum(view.inbox.counts().values())
    rig.post = None
    rig.live(2)
    events = worlds.book(rig.world).table("event").rows
    with rig.parts.store.reading() as view:
        after = sum(view.inbox.counts().values())
    assert 0 < swept <= after <= len(events)


def test_a_death_in_the_middle_of_a_sweep_moves_no_cursor():
    """The daemon dies after each commit of a sweep in turn: what was not committed is read again (D7)."""
    whole = book(readable=True)
    whole.live(2)
    with whole.parts.store.reading() as view:
        wanted = view.inbox.counts()
    for place in range(1, 5):
        rig = book(readable=True)
        rig.live(0.7)
        count = 0

        def die(place: int = place, rig: Rig = rig) -> None:
            nonlocal count
            count += bool(rig.requests and rig.requests[-1].path == "/v1/events")
            if count == place:
                count += 1
                raise Crash

        rig.before_commit.append(die)
        rig.live(1.3, down=Span.of(minutes=1))
        assert rig.crashes == 1, place
        with rig.parts.store.reading() as view:
            assert view.inbox.counts() == wanted, place


def test_the_cursor_stays_when_a_page_is_not_committed(monkeypatch: pytest.MonkeyPatch):
    """A store that cannot write leaves the cursor where it was; the next sweep reads the same again (D7)."""
    rig = book(readable=True)
    rig.live(0.45)
    name = f"history-events:{worlds.INTEGRATION}:{worlds.ACCOUNT}"
    with rig.parts.store.reading() as view:
        before = view.marks.get(name)
    real = sweep_history._Account._suspect

    def full(self: Any, unit: Any, created: Any) -> None:
        real(self, unit, created)
        if created:
            raise TryLater("no room left to write the state", code="E-state-full")

    with monkeypatch.context() as patch:
        patch.setattr(sweep_history._Account, "_suspect", full)
        rig.live(0.5)
        with rig.parts.store.reading() as view:
            assert view.marks.get(name) == before
            assert view.inbox.counts() == {}
    rig.live(0.1)
    with rig.parts.store.reading() as view:
        assert view.marks.get(name) != before
        assert sum(view.inbox.counts().values()) > 0


def test_a_gap_of_more_than_thirty_days_forces_a_full_sweep():
    """Nobody was there for forty days: open invoices and charges are read from where the cursor stood (D6)."""
    rig = book(readable=True)
    began = rig.world.now
    rig.live(0.3)
    rig.rest(Span.of(days=40))
    rig.requests.clear()
    rig.restart()
    rig.live(0.1)
    assert [dict(each.params)["status"] for each in lists(rig, "invoices") if ("status", "open") in each.params]
    assert lists(rig, "charges")
    d10_equals_ledger(rig, began)


def test_a_restart_does_not_forget_when_the_next_sweep_is_due():
    """The timer is a row: a new process sweeps when the old one would have (D7)."""
    rig = book(readable=True)
    rig.post = None
    rig.live(0.1)
    due = rig.engine.loops.next_due()
    rig.restart()
    assert rig.engine.loops.next_due() == due
    rig.live(0.1)
    assert len(lists(rig, "events")) == 1


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_debit_that_ends_unheard_days_later_is_in_the_books(outcome: str):
    """Swept as pending, ended when nobody listened and other charges had come since: read again until it ends (D10)."""
    rig = book(readable=False)
    began = rig.world.now
    control.replace_card(rig.world, "ada", "pm_usBankAccount_processing")
    rig.live(4)
    (debit,) = [row for row in rig.charges() if row["status"] == "pending"]
    assert len(rig.charges()) > 1
    control_api.post(rig.world, "settle-debit", {"charge": debit["id"], "outcome": outcome})
    rig.live(0.5)
    d10_equals_ledger(rig, began)


@pytest.mark.parametrize("readable", [True, False])
def test_what_an_odd_event_tells_of_a_charge_is_read_in_the_lists(readable: bool):
    """A charge whose one event says a status nobody knows counts for its card's ceiling after the next sweep (A10, D10)."""
    rig = book(readable=readable)
    rig.post = None
    began = rig.world.now
    rig.world.sim.delivery_faults.add("new_enum", type="charge.succeeded", times=1)
    rig.live(1)
    (first, *_) = rig.charges()
    with rig.parts.store.reading() as view:
        (event,) = [each for each in view.inbox.for_object(first["id"]) if each.type == "charge.succeeded"]
        known = view.cards.of_payment_method(first["account"], first["payment_method"])
    assert "simulated_new_value" in event.body.decode()
    assert known is not None
    assert known.charge.id == first["id"]
    d10_equals_ledger(rig, began)
    rig.live(1)
    asked = len(lists(rig, "charges"))
    rig.live(1)
    assert not readable or len(lists(rig, "charges")) == asked, "the lists are read once for it"
