"""Card ledger, final actions and transactions."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.billing.transaction import TransactionKind
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.values.ids import AccountId, IntegrationId, SubscriptionId
from tests.contract.store.makers import (
    ACCOUNT,
    ACME,
    action_of,
    at,
    case_of,
    charge_of,
    invoice,
    ledger_of,
    transaction_of,
    usd,
)


def test_a_charge_is_counted_once(store):
    """Known charges are not new; the count says how many were."""
    rows = [ledger_of(charge_of(number)) for number in (1, 2, 3)]
    with store.begin() as unit:
        assert unit.cards.put(rows[:2]) == 2
        assert unit.cards.put(rows) == 1
        assert unit.cards.put([]) == 0
        assert unit.cards.of_card(ACCOUNT, "fingerprint_1", at()) == tuple(rows)


def test_a_card_remembers_for_ever_what_is_never(store):
    """The window is half-open (after `since`); a refusal for ever counts at any age (invariant A9)."""
    with store.begin() as unit:
        unit.cards.put([ledger_of(charge_of(1), never=True)])
        unit.cards.put([ledger_of(charge_of(number)) for number in (2, 3, 4)])
        unit.cards.put([ledger_of(charge_of(5, fingerprint="other"), never=True)])
    with store.reading() as unit:
        seen = unit.cards.of_card(ACCOUNT, "fingerprint_1", at(3))
        assert [each.charge.id for each in seen] == ["ch_1", "ch_4"]
        assert unit.cards.of_card(AccountId("acct_2"), "fingerprint_1", at()) == ()


def test_a_known_charge_learns_its_invoice_once(store):
    """An invoice is filled in, never changed; nothing else of a settled charge is."""
    with store.begin() as unit:
        unit.cards.put([ledger_of(charge_of(1))])
        unit.cards.put([ledger_of(charge_of(1), invoice=invoice(1), kind=DeclineKind.HARD, never=True)])
        unit.cards.put([ledger_of(charge_of(1), invoice=invoice(2))])
        assert unit.cards.of_invoice(ACCOUNT, invoice(1)) == (ledger_of(charge_of(1), invoice=invoice(1)),)
        assert unit.cards.of_invoice(ACCOUNT, invoice(2)) == ()


def test_a_pending_charge_takes_its_end_and_keeps_it(store):
    """A bank debit known as pending becomes refused for ever; a late copy of the pending one changes nothing."""
    pending = ledger_of(
        charge_of(1, status=ChargeStatus.PENDING, refusal=None), kind=None, reason=None, invoice=invoice(1)
    )
    ended = ledger_of(charge_of(1), kind=DeclineKind.HARD, never=True)
    with store.begin() as unit:
        for row in (pending, ended, pending):
            unit.cards.put([row])
        assert unit.cards.of_invoice(ACCOUNT, invoice(1)) == (dataclasses.replace(ended, invoice=invoice(1)),)


def test_the_newest_charge_tells_the_card_of_a_payment_method(store):
    """The newest charge with it, or nothing."""
    with store.begin() as unit:
        unit.cards.put([ledger_of(charge_of(2, fingerprint="new")), ledger_of(charge_of(1, fingerprint="old"))])
        newest = unit.cards.of_payment_method(ACCOUNT, "pm_1")
        assert newest is not None
        assert newest.charge.fingerprint == "new"
        assert unit.cards.of_payment_method(ACCOUNT, "pm_9") is None


def test_a_final_action_is_planned_once(store):
    """The second plan of the same kind for a case is told so and changes nothing (invariant C2)."""
    first = action_of(ActionKind.CANCEL_SUBSCRIPTION)
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        assert unit.actions.add(first) is True
        assert unit.actions.add(dataclasses.replace(first, due_at=at(99))) is False
        assert unit.actions.add(action_of(ActionKind.MARK_UNCOLLECTIBLE, order=2)) is True
        assert [each.due_at for each in unit.actions.of_case(case_of(1).id)] == [at(48), at(48)]


def test_final_actions_are_kept_in_order_and_counted(store):
    """Order of carrying out, by subscription, the budget of calls, and how many stand where."""
    called = action_of(ActionKind.MARK_UNCOLLECTIBLE, order=2, state=ActionState.DONE, called_at=at(5))
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        unit.cases.add(case_of(2))
        unit.actions.add(dataclasses.replace(called, state=ActionState.PLANNED, called_at=None))
        unit.actions.add(action_of(ActionKind.CANCEL_SUBSCRIPTION, order=1))
        unit.actions.add(action_of(ActionKind.CANCEL_SUBSCRIPTION, of=2))
        unit.actions.save(called)
    with store.reading() as unit:
        assert [each.order for each in unit.actions.of_case(case_of(1).id)] == [1, 2]
        assert len(unit.actions.of_subscription(SubscriptionId("sub_1"))) == 2
        assert unit.actions.called_since(ACME, at(5)) == 1
        assert unit.actions.called_since(ACME, at(6)) == 0
        assert unit.actions.count([ActionState.PLANNED]) == 2
        assert unit.actions.count([ActionState.PLANNED, ActionState.DONE]) == 3


def test_taking_back_uses_up_no_budget(store):
    """A called take-back is kept like any other action and is not counted as one of the budget."""
    owed = action_of(ActionKind.TAKE_BACK, order=99, state=ActionState.CALLING, called_at=at(5))
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        unit.actions.add(action_of(ActionKind.SCHEDULE_CANCEL, state=ActionState.DONE, called_at=at(5)))
        unit.actions.add(action_of(ActionKind.AWAIT_END, order=2))
        unit.actions.add(owed)
    with store.reading() as unit:
        assert unit.actions.of_case(case_of(1).id)[-1] == owed
        assert unit.actions.called_since(ACME, at(5)) == 1


def test_a_final_action_planned_anew_takes_its_new_place(store):
    """The order is that of the last save: what a changed policy puts before it is carried out before it."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
        unit.actions.add(action_of(ActionKind.MARK_UNCOLLECTIBLE, order=0))
        unit.actions.add(action_of(ActionKind.SCHEDULE_CANCEL, order=0))
        unit.actions.add(action_of(ActionKind.AWAIT_END, order=1))
        unit.actions.save(action_of(ActionKind.MARK_UNCOLLECTIBLE, order=2))
    with store.reading() as unit:
        kinds = [each.kind for each in unit.actions.of_case(case_of(1).id)]
    assert kinds == [ActionKind.SCHEDULE_CANCEL, ActionKind.AWAIT_END, ActionKind.MARK_UNCOLLECTIBLE]


def test_saving_an_unplanned_final_action_is_a_bug(store):
    """Nothing is created by `save`."""
    with pytest.raises(BrokenInvariant, match="never planned"), store.begin() as unit:
        unit.actions.save(action_of(ActionKind.TAG_INVOICE))


@pytest.mark.parametrize("order", list(itertools.permutations(["pending", "requires_action", "succeeded", "failed"])))
def test_a_refund_status_never_goes_back(store, order):
    """In whatever order Stripe's events come, the last word is the same (invariant D1)."""
    with store.begin() as unit:
        for status in order:
            unit.transactions.put(transaction_of(1, status=status))
        assert [each.status for each in unit.transactions.list()] == ["failed"]


@pytest.mark.parametrize("late", [False, True])
def test_a_link_reaches_transactions_before_and_after_it(store, late):
    """The invoice of a PaymentIntent is filled in whether the transaction or the link comes first, and stays."""
    with store.begin() as unit:
        if not late:
            unit.transactions.put(transaction_of(1))
        unit.transactions.link_invoice(ACCOUNT, "pi_1", invoice(1))
        unit.transactions.link_invoice(ACCOUNT, "pi_1", invoice(2))
        if late:
            unit.transactions.put(transaction_of(1))
        unit.transactions.put(transaction_of(1, status="succeeded"))
        assert unit.transactions.list() == (transaction_of(1, status="succeeded", invoice=invoice(1)),)


def test_transactions_are_listed_newest_first(store):
    """Of all integrations or of one, bounded; approvals, declines and refunds together."""
    decline = {"kind": TransactionKind.DECLINE, "status": "failed", "amount": usd(1999)}
    with store.begin() as unit:
        unit.transactions.put(transaction_of(1))
        unit.transactions.put(transaction_of(3, **decline))
        unit.transactions.put(transaction_of(2, integration_id=IntegrationId("other")))
    with store.reading() as unit:
        assert [each.id for each in unit.transactions.list()] == ["re_3", "re_2", "re_1"]
        assert [each.id for each in unit.transactions.list(integration_id=ACME)] == ["re_3", "re_1"]
        assert [each.id for each in unit.transactions.list(limit=1)] == ["re_3"]


def test_what_only_one_copy_knows_is_kept(store):
    """A later copy without customer or PaymentIntent does not wipe them."""
    with store.begin() as unit:
        unit.transactions.put(transaction_of(1, status="succeeded", decline_code="x"))
        unit.transactions.put(transaction_of(1, status="succeeded", payment_intent=None))
        assert unit.transactions.list() == (transaction_of(1, status="succeeded", decline_code="x"),)


def test_the_oldest_charge_on_its_way_is_known(store):
    """Only charges count, only pending ones, only of this account, and none from before an instant."""
    with store.begin() as unit:
        unit.transactions.put(transaction_of(1))
        unit.transactions.put(transaction_of(2, id="py_2", kind=TransactionKind.APPROVAL, status="succeeded"))
        unit.transactions.put(transaction_of(3, id="py_3", kind=TransactionKind.APPROVAL))
        unit.transactions.put(transaction_of(4, id="py_4", kind=TransactionKind.APPROVAL))
        unit.transactions.put(
            transaction_of(5, id="py_5", kind=TransactionKind.APPROVAL, account=AccountId("acct_other"))
        )
    with store.reading() as view:
        assert view.transactions.oldest_pending(ACME, ACCOUNT, at(0)) == at(3)
        assert view.transactions.oldest_pending(ACME, ACCOUNT, at(4)) == at(4)
        assert view.transactions.oldest_pending(ACME, ACCOUNT, at(5)) is None
        assert view.transactions.oldest_pending(IntegrationId("other"), ACCOUNT, at(0)) is None
