"""Attempts: one in flight for an invoice, one key for an attempt, what is due, budgets from stored rows."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from flexpay_reconcile.adapters.sqlite_store import migrate
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, AttemptState
from flexpay_reconcile.values.ids import IntegrationId, PaymentMethodId
from tests.contract.store.makers import ACCOUNT, ACME, IN_FLIGHT, at, attempt_of, case_of, invoice

SETTLED = sorted(set(AttemptState) - BLOCKING_STATES)


@pytest.fixture
def booked(store):
    """A store with the cases of five invoices."""
    with store.begin() as unit:
        for number in range(1, 6):
            unit.cases.add(case_of(number))
    return store


def test_an_attempt_comes_back_as_it_was(booked):
    """Every field survives; numbers count over all lives of the invoice."""
    sent = attempt_of(2, state=AttemptState.SUBMITTING)
    with booked.begin() as unit:
        unit.attempts.add(sent)
        unit.attempts.add(attempt_of(1))
    with booked.reading() as unit:
        assert unit.attempts.get(ACCOUNT, invoice(1), 2) == sent
        assert unit.attempts.of_invoice(ACCOUNT, invoice(1)) == (attempt_of(1), sent)
        assert unit.attempts.get(ACCOUNT, invoice(1), 3) is None


def test_a_number_is_used_once(booked):
    """The same number of the same invoice cannot be added again, in whatever state."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1, state=AttemptState.SUPERSEDED))
    with pytest.raises(BrokenInvariant), booked.begin() as unit:
        unit.attempts.add(attempt_of(1))


@pytest.mark.parametrize(("first", "second"), list(itertools.product(IN_FLIGHT, IN_FLIGHT)))
def test_two_in_flight_are_refused(booked, first, second):
    """No pair of in-flight states may stand on one invoice, whether added or saved (invariant A2)."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1, state=first))
        unit.attempts.add(attempt_of(2))
    with pytest.raises(BrokenInvariant), booked.begin() as unit:
        unit.attempts.save(attempt_of(2, state=second))
    with pytest.raises(BrokenInvariant), booked.begin() as unit:
        unit.attempts.add(attempt_of(3, state=second))
    with booked.reading() as unit:
        assert [each.state for each in unit.attempts.of_invoice(ACCOUNT, invoice(1))] == [first, AttemptState.PLANNED]


@pytest.mark.parametrize("settled", SETTLED)
def test_a_settled_attempt_blocks_nothing(booked, settled):
    """Beside any settled attempt another may be in flight; other invoices never matter."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1, state=settled))
        unit.attempts.add(attempt_of(2, state=AttemptState.SUBMITTING))
        unit.attempts.add(attempt_of(1, of=2, state=AttemptState.SUBMITTING))


def test_the_index_names_the_blocking_states():
    """The states of the unique index are those the core calls blocking; a new one must be put in both."""
    text = next(each for each in migrate.migrations()[0].statements if "attempts_one_in_flight" in each)
    named = {state for state in AttemptState if f"'{state.value}'" in text}
    assert named == BLOCKING_STATES


@pytest.mark.parametrize("flying", IN_FLIGHT)
def test_an_attempt_in_flight_must_be_checked_at_a_known_time(booked, flying):
    """Without a check time it would block its invoice for ever, so it cannot be stored."""
    with pytest.raises(BrokenInvariant), booked.begin() as unit:
        unit.attempts.add(attempt_of(1, state=flying, check_at=None))


def test_parameters_stay_once_it_may_have_been_sent(booked):
    """The same idempotency key never goes with another card (A4), and its first sending never moves later (A5)."""
    sent = attempt_of(1, state=AttemptState.UNRESOLVED)
    with booked.begin() as unit:
        unit.attempts.add(sent)
    for change in ({"payment_method": PaymentMethodId("pm_2")}, {"first_sent_at": at(30), "last_sent_at": at(30)}):
        with pytest.raises(BrokenInvariant, match="A4, A5"), booked.begin() as unit:
            unit.attempts.save(dataclasses.replace(sent, **change))
    with booked.begin() as unit:
        unit.attempts.save(dataclasses.replace(sent, sends=2, last_sent_at=at(30)))


def test_an_intent_may_be_taken_back(booked):
    """A gate that closes after the intent and before the call leaves the attempt as it was planned."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1))
        unit.attempts.save(attempt_of(1, state=AttemptState.SUBMITTING))
        unit.attempts.save(attempt_of(1, planned_for=at(48)))
        unit.attempts.save(attempt_of(1, payment_method=PaymentMethodId("pm_2")))
        assert unit.attempts.sent_since(ACME, at()) == 0


def test_saving_what_was_never_added_is_a_bug(booked):
    """Nothing is created by `save`."""
    with pytest.raises(BrokenInvariant, match="never added"), booked.begin() as unit:
        unit.attempts.save(attempt_of(1))


def test_an_attempt_needs_its_case(booked):
    """An attempt of no case cannot be committed."""
    with pytest.raises(BrokenInvariant), booked.begin() as unit:
        unit.attempts.add(attempt_of(1, of=77))
    with booked.reading() as unit:
        assert unit.attempts.of_invoice(ACCOUNT, invoice(77)) == ()


def test_due_and_to_resolve(booked):
    """Planned ones by their moment, those in flight by their check time, earliest first, bounded."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1, of=1, planned_for=at(3)))
        unit.attempts.add(attempt_of(1, of=2, planned_for=at(1)))
        unit.attempts.add(attempt_of(1, of=3, planned_for=at(9)))
        unit.attempts.add(attempt_of(1, of=4, state=AttemptState.PENDING, planned_for=at(0), check_at=at(2)))
        unit.attempts.add(attempt_of(1, of=5, state=AttemptState.SUBMITTING, planned_for=at(0), check_at=at(1)))
    with booked.reading() as unit:
        assert [each.invoice for each in unit.attempts.due(at(3), 9)] == [invoice(2), invoice(1)]
        assert [each.invoice for each in unit.attempts.due(at(3), 1)] == [invoice(2)]
        assert [each.invoice for each in unit.attempts.to_resolve(at(2), 9)] == [invoice(5), invoice(4)]
        assert [each.invoice for each in unit.attempts.to_resolve(at(1), 9)] == [invoice(5)]


def test_the_budget_counts_intents(booked):
    """Counted at or after an instant, by integration, whatever became of the attempt since."""
    with booked.begin() as unit:
        for number in (1, 2, 3):
            sent = attempt_of(1, of=number, state=AttemptState.SUBMITTING)
            sent = dataclasses.replace(
                sent, intent_at=at(number), first_sent_at=at(number), state=AttemptState.DECLINED
            )
            unit.attempts.add(sent)
        unit.attempts.add(attempt_of(1, of=4))
    with booked.reading() as unit:
        assert unit.attempts.sent_since(ACME, at(2)) == 2
        assert unit.attempts.sent_since(ACME, at(2, minutes=1)) == 1
        assert unit.attempts.sent_since(IntegrationId("other"), at()) == 0


def test_the_breaker_sees_what_ended(booked):
    """Answers, unresolved ones, and calls that go again after an error; oldest first; never mere plans."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1, of=1, state=AttemptState.DECLINED, finished_at=at(5)))
        unresolved = attempt_of(1, of=2, state=AttemptState.UNRESOLVED)
        unit.attempts.add(dataclasses.replace(unresolved, finished_at=at(1), last_sent_at=at(3)))
        unit.attempts.add(attempt_of(1, of=3, finished_at=at(4)))
        unit.attempts.add(attempt_of(1, of=4))
        unit.attempts.add(attempt_of(1, of=5, state=AttemptState.SUPERSEDED, finished_at=at(6)))
    with booked.reading() as unit:
        assert [each.invoice for each in unit.attempts.ended_since(ACME, at(3))] == [invoice(2), invoice(3), invoice(1)]
        assert [each.invoice for each in unit.attempts.ended_since(ACME, at(5))] == [invoice(1)]


def test_attempts_are_never_deleted(booked, state):
    """Not even by hand on the same connection: the key of a deleted attempt could be used again."""
    with booked.begin() as unit:
        unit.attempts.add(attempt_of(1))
    with pytest.raises(Exception, match="never deleted"):
        state.database.connection().execute("DELETE FROM attempts")
