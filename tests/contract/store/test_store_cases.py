"""Cases: one live case for an invoice, optimistic versions, what is due."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState, EndedBy
from flexpay_reconcile.values.ids import AccountId, CaseId, CustomerId, IntegrationId, SubscriptionId
from tests.contract.store.makers import ACCOUNT, ACME, at, case_of, invoice

OTHER = IntegrationId("other")


def _ended(case):
    return dataclasses.replace(case, state=CaseState.CLOSED, due_at=None, ended_by=EndedBy.WINDOW_OVER, ended_at=at(9))


def test_a_case_comes_back_as_it_was(store):
    """Every field survives, set or not."""
    full = case_of(
        2, stripe_retries_stopped=True, auto_advance_before=True, customer_name="Ünïcode ☂", wait_until=at(5)
    )
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        unit.cases.add(full)
    with store.reading() as unit:
        assert unit.cases.get(case_of(1).id) == case_of(1)
        assert unit.cases.get(full.id) == full
        assert unit.cases.get(CaseId("acct_1/in_9/1")) is None


def test_a_second_live_case_for_an_invoice_is_refused(store):
    """One invoice, one live case; the refusal leaves the first one untouched."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
    with pytest.raises(BrokenInvariant), store.begin() as unit:
        unit.cases.add(case_of(1, life=2))
    with store.reading() as unit:
        assert unit.cases.lives_of(ACCOUNT, invoice(1)) == (case_of(1),)


def test_an_invoice_may_have_another_life_after_the_end(store):
    """Once the first case has ended a second may begin; ending is what frees the place."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        unit.cases.save(_ended(case_of(1)))
        unit.cases.add(case_of(1, life=2))
    with store.reading() as unit:
        live = unit.cases.live_for_invoice(ACCOUNT, invoice(1))
        assert live is not None
        assert live.life == 2
        assert [each.life for each in unit.cases.lives_of(ACCOUNT, invoice(1))] == [1, 2]


@pytest.mark.parametrize("final", sorted(FINAL_STATES))
def test_every_final_state_frees_the_invoice(store, final):
    """No final state counts as live."""
    with store.begin() as unit:
        unit.cases.add(case_of(1, state=final))
        assert unit.cases.live_for_invoice(ACCOUNT, invoice(1)) is None


def test_saving_moves_the_version(store):
    """Each save is the next version, returned and stored."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        saved = unit.cases.save(case_of(1, state=CaseState.SCHEDULED))
        assert saved.version == 2
        assert unit.cases.save(saved).version == 3
        assert unit.cases.get(saved.id) == dataclasses.replace(saved, version=3)


def test_a_save_from_an_old_read_is_refused(store):
    """Two turns that read the same version: the second to save is told, and changes nothing."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
    with store.begin() as unit:
        first = unit.cases.save(case_of(1, attempts_used=1))
    with pytest.raises(BrokenInvariant, match="no longer at version 1"), store.begin() as unit:
        unit.cases.save(case_of(1, attempts_used=5))
    with store.reading() as unit:
        assert unit.cases.get(first.id) == first


def test_due_cases_come_earliest_first(store):
    """Only the asked states, only what is due, bounded; a case without a due time is never due."""
    with store.begin() as unit:
        unit.cases.add(case_of(1, due_at=at(3)))
        unit.cases.add(case_of(2, due_at=at(1)))
        unit.cases.add(case_of(3, due_at=at(9)))
        unit.cases.add(case_of(4, due_at=None))
        unit.cases.add(case_of(5, due_at=at(2), state=CaseState.FINISHING))
    with store.reading() as unit:
        opened = [each.invoice for each in unit.cases.due({CaseState.OPENED}, at(3), 9)]
        assert opened == [invoice(2), invoice(1)]
        both = unit.cases.due((CaseState.OPENED, CaseState.FINISHING), at(3), 2)
        assert [each.invoice for each in both] == [invoice(2), invoice(5)]
        assert unit.cases.due((), at(3), 9) == ()


def test_live_cases_of_a_subscription_and_a_customer(store):
    """Several unpaid invoices of one subscription are found together; ended cases and other accounts are not."""
    shared: dict[str, Any] = {"subscription": SubscriptionId("sub_x"), "customer": CustomerId("cus_x")}
    with store.begin() as unit:
        unit.cases.add(case_of(1, opened_at=at(2), **shared))
        unit.cases.add(case_of(2, opened_at=at(1), **shared))
        unit.cases.add(_ended(case_of(3, **shared)))
        unit.cases.add(case_of(4, account=AccountId("acct_2"), **shared))
    with store.reading() as unit:
        of_subscription = unit.cases.live_for_subscription(ACCOUNT, shared["subscription"])
        assert [each.invoice for each in of_subscription] == [invoice(2), invoice(1)]
        assert unit.cases.live_for_customer(ACCOUNT, shared["customer"]) == of_subscription


def test_lists_for_people(store):
    """Newest first, narrowed by integration and states, found by any of the four ids, counted."""
    with store.begin() as unit:
        unit.cases.add(case_of(1, opened_at=at(1)))
        unit.cases.add(case_of(2, opened_at=at(2), integration_id=OTHER))
        unit.cases.add(_ended(case_of(3, opened_at=at(3))))
    with store.reading() as unit:
        cases = unit.cases
        assert [each.invoice for each in cases.list()] == [invoice(3), invoice(2), invoice(1)]
        assert [each.invoice for each in cases.list(integration_id=ACME)] == [invoice(3), invoice(1)]
        assert [each.invoice for each in cases.list(states=[CaseState.OPENED], limit=1)] == [invoice(2)]
        for text in (case_of(2).id, "in_2", "sub_2", "cus_2"):
            assert [each.invoice for each in cases.find(text)] == [invoice(2)]
        assert cases.find("in_") == ()
        assert cases.counts() == {("acme-us", "opened"): 1, ("acme-us", "closed"): 1, ("other", "opened"): 1}


def test_cases_of_an_earlier_revision_come_page_by_page(store):
    """Only open ones of that integration, by id, from after the last one seen: a pass over them can be taken up again."""
    with store.begin() as unit:
        for number, revision in ((1, 1), (2, 2), (3, 3), (4, 1), (5, 1)):
            unit.cases.add(case_of(number, revision=revision))
        unit.cases.add(case_of(6, integration_id=OTHER))
        unit.cases.save(_ended(case_of(4)))
    with store.reading() as unit:
        every = unit.cases.begun_before(ACME, 3, None, 10)
        assert [each.invoice for each in every] == [invoice(1), invoice(2), invoice(5)]
        first = unit.cases.begun_before(ACME, 3, None, 2)
        assert first == every[:2]
        assert unit.cases.begun_before(ACME, 3, first[-1].id, 2) == every[2:]
        assert unit.cases.begun_before(ACME, 1, None, 10) == ()
