"""The brakes as they are stored: they survive whoever asks them, and what waits is spread and told once an hour (A13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.config.configuration import Brakes
from flexpay_reconcile.operations import brake_check
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.brakes import Braked
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.values.ids import CaseId, IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.recovery import book
from tests.unit.recovery.book import HOUR, NOW

WHERE = IntegrationId("acme-us")
BRAKES = Brakes()
HALF_OPEN = BRAKES.breaker.half_open_after
SECOND = Span.of(seconds=1)


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    opened = open_store(":memory:", open_cipher(None))
    yield opened.store
    opened.close()


def ask(store: Store, now: Instant, brakes: Brakes = BRAKES) -> Braked | None:
    """Whether the attempt must wait."""
    with store.begin() as unit:
        return brake_check.attempts(unit, brakes, book.attempt(), now)


def end(store: Store, number: int, state: AttemptState, when: Instant) -> None:
    """An attempt of some invoice was sent, and ended so, at an instant."""
    invoice, case = InvoiceId(f"in_{number}"), CaseId(f"acct_1/in_{number}/1")
    sent = {"planned_for": when, "intent_at": when, "first_sent_at": when, "last_sent_at": when, "check_at": when}
    finished = None if state is AttemptState.UNRESOLVED else when
    with store.begin() as unit:
        unit.cases.add(book.case(id=case, invoice=invoice))
        unit.attempts.add(book.attempt(invoice=invoice, case_id=case, state=state, finished_at=finished, **sent))


def until(store: Store) -> Instant | None:
    """Until when the breaker is stored as open."""
    with store.reading() as view:
        return brake_check.open_until(view, WHERE)


def test_the_budget_counts_stored_rows_and_spreads_what_waits(store: Store):
    """One attempt in the minute is the whole budget: the next waits a minute, and up to five more by its invoice."""
    one = replace(BRAKES, attempts_per_minute=1)
    assert ask(store, NOW, one) is None
    end(store, 7, AttemptState.DECLINED, NOW)
    braked = ask(store, NOW, one)
    assert braked is not None
    assert Span.of(minutes=1) <= braked.until.since(NOW) < Span.of(minutes=6)
    assert braked == ask(store, NOW, one)
    assert ask(store, NOW.plus(Span.of(minutes=1, seconds=1)), one) is None


def test_a_breaker_opened_outright_lets_nothing_pass_until_it_is_half_open(store: Store):
    """A key is gone: no other call of this integration goes until then, and one of another does (E8)."""
    with store.begin() as unit:
        brake_check.open_breaker(unit, BRAKES, WHERE, NOW)
    opens = NOW.plus(HALF_OPEN)
    assert until(store) == opens
    braked = ask(store, opens.minus(SECOND))
    assert braked is not None
    assert "circuit breaker" in braked.because
    assert braked.until >= opens
    assert ask(store, opens) is None
    with store.reading() as view:
        assert brake_check.open_until(view, IntegrationId("another")) is None


def test_a_probe_that_went_well_closes_it_for_good(store: Store):
    """Heard of an hour later, the probe counts; what failed before it is not held against the integration again (A13)."""
    for number in range(BRAKES.breaker.min_attempts):
        end(store, number, AttemptState.UNRESOLVED, NOW.minus(Span.of(seconds=number)))
    assert ask(store, NOW) is not None
    opens = NOW.plus(HALF_OPEN)
    assert until(store) == opens
    end(store, 99, AttemptState.APPROVED, opens.plus(SECOND))
    assert ask(store, opens.plus(HOUR)) is None
    assert until(store) is None
    with store.reading() as view:
        assert view.marks.get(f"breaker:{WHERE}") == f"closed {opens.plus(SECOND).text()}"
    assert ask(store, NOW) is None


def test_a_probe_that_went_wrong_opens_it_again(store: Store):
    """The one call that was let pass fails as well: closed for as long again, counted from that call."""
    with store.begin() as unit:
        brake_check.open_breaker(unit, BRAKES, WHERE, NOW)
    probed = NOW.plus(HALF_OPEN).plus(SECOND)
    end(store, 1, AttemptState.UNRESOLVED, probed)
    assert ask(store, probed) is not None
    assert until(store) == probed.plus(HALF_OPEN)


def action(order: int, case_id: CaseId) -> FinalAction:
    """A final action of a case that waits for its budget."""
    return FinalAction(
        case_id=case_id,
        integration_id=WHERE,
        kind=ActionKind.MARK_UNCOLLECTIBLE if order else ActionKind.CANCEL_SUBSCRIPTION,
        order=order,
        state=ActionState.PLANNED,
        invoice=InvoiceId("in_1"),
        subscription=book.case().subscription,
        prorate=False,
        revision=1,
        due_at=NOW,
        decided_at=NOW,
    )


HELD = Braked(until=NOW.plus(Span.of(minutes=10)), because="50 final actions in an hour; the budget is 50")


def wait(store: Store, now: Instant, held: Braked = HELD, *, order: int = 0) -> bool:
    """The case waits its turn; whether that is to be told."""
    with store.begin() as unit:
        case = unit.cases.get(book.case().id)
        if case is None:
            unit.cases.add(book.case())
            case = unit.cases.get(book.case().id)
        assert case is not None
        return brake_check.wait_turn(unit, case, action(order, case.id), held, now)


def waiting(store: Store, now: Instant) -> str | None:
    """Why final actions wait at this moment."""
    with store.reading() as view:
        return brake_check.waiting(view, WHERE, now)


def test_waiting_is_told_once_an_hour(store: Store):
    """Hundreds may wait at a time: told at the first, and again only when nobody was told for an hour."""
    minutes = [0, 1, 59, 60, 61, 119, 120]
    told = [each for each in minutes if wait(store, NOW.plus(Span.of(minutes=each)))]
    assert told == [0, 60, 120]


def test_why_final_actions_wait_is_known_while_they_do(store: Store):
    """Nothing waits at first; then the reason stands until the budget may have room, brought up to date by each."""
    assert waiting(store, NOW) is None
    wait(store, NOW)
    assert waiting(store, NOW) == HELD.because
    assert waiting(store, HELD.until.minus(SECOND)) == HELD.because
    assert waiting(store, HELD.until) is None
    later = Braked(until=NOW.plus(HOUR), because="200 final actions in 24 h; the budget is 200")
    assert not wait(store, NOW.plus(SECOND), later)
    assert waiting(store, HELD.until) == later.because


@pytest.mark.parametrize(("order", "at_most"), [(0, HOUR), (1, Span.of(minutes=5))])
def test_who_waits_comes_back_alone_and_what_was_begun_first(store: Store, order: int, at_most: Span):
    """Spread over an hour from when there may be room, over five minutes where a case has begun its actions."""
    turns = []
    for second in range(40):
        wait(store, NOW.plus(Span.of(seconds=second)), order=order)
        with store.reading() as view:
            case = view.cases.get(book.case().id)
        assert case is not None
        assert case.due_at is not None
        turns.append(case.due_at.since(HELD.until))
    assert min(turns) >= Span(0)
    assert max(turns) < at_most
    assert max(turns).ms > at_most.ms // 2
    assert len(set(turns)) > 30
