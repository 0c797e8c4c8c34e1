"""Read one subscription, or a customer's cards, again and bring the cases that hang on it into line."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.invoice import SubscriptionStatus, payment_method_for
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.operations import endings, finishing, follow_invoice, move_cases, plan_next
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.decide import CARD_UPDATED, NEW_CARD, Stop
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.ids import AccountId, CustomerId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant, Span

FRESH_CARD_WINDOW = Span.of(days=3)
"""How long a changed card may be tried for at least, where the window is over or nearly so."""
_REOPENS = frozenset({CaseState.WAITING_FOR_CUSTOMER, CaseState.SCHEDULED, CaseState.FINISHING, CaseState.NEEDS_REVIEW})
_OVER = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})


def follow_subscription(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    account: AccountId,
    subscription_id: SubscriptionId,
) -> str:
    """A subscription that reads canceled ends the recovery of its invoices; by whom decides how."""
    with context.store.reading() as view:
        live = view.cases.live_for_subscription(account, subscription_id)
    if not live:
        return "no_case"
    subscription = context.readers(integration, account).subscription(subscription_id)
    if subscription is not None and subscription.status not in _OVER:
        if not subscription.cancel_scheduled():
            _wake_waiting(context, live)
        return subscription.status.value
    for case in live:  # paid or voided counts for more than the end of the subscription, whichever event came first
        follow_invoice.follow_invoice(context, running, integration, account, case.invoice)
    now = context.clock.now()
    with context.store.begin() as unit:
        by_us = cancelled_by_us(unit, subscription_id)
        for case in unit.cases.live_for_subscription(account, subscription_id):
            _end_sibling(unit, context, case, by_us=by_us, now=now)
    return "canceled"


def cancelled_by_us(unit: UnitOfWork, subscription: SubscriptionId) -> bool:
    """Whether a final action of ours cancelled, or may have cancelled, the subscription: at once or at period's end."""
    called = (ActionState.CALLING, ActionState.DONE)
    actions = unit.actions.of_subscription(subscription)
    taken_back = {
        each.case_id for each in actions if each.kind is ActionKind.TAKE_BACK and each.state is ActionState.DONE
    }
    return any(
        each.state in called
        and (
            each.kind is ActionKind.CANCEL_SUBSCRIPTION
            or (each.kind is ActionKind.SCHEDULE_CANCEL and each.case_id not in taken_back)
        )
        for each in actions
    )


def _wake_waiting(context: Context, seen: tuple[RecoveryCase, ...]) -> None:
    """Cases that wait for the subscription's end look at it now."""
    now = context.clock.now()
    with context.store.begin() as unit:
        for each in seen:
            case = unit.cases.get(each.id)
            if case is not None:
                _look_now(unit, case, now)


def _look_now(unit: UnitOfWork, case: RecoveryCase, now: Instant) -> None:
    waits = any(
        each.kind is ActionKind.AWAIT_END and each.state is ActionState.PLANNED
        for each in unit.actions.of_case(case.id)
    )
    if case.state is CaseState.FINISHING and waits and (case.due_at is None or case.due_at > now):
        unit.cases.save(replace(case, due_at=now))


def _end_sibling(unit: UnitOfWork, context: Context, case: RecoveryCase, *, by_us: bool, now: Instant) -> None:
    """One case of a cancelled subscription (C8: cancelled once, the others are judged anew, not acted on twice)."""
    if case.state is CaseState.FINISHING:
        _look_now(unit, case, now)
        return
    if _under_way(unit, case):
        return
    if not by_us:
        endings.closed(
            unit, case, "subscription_cancelled_by_other", "the subscription was cancelled by somebody else", now
        )
        return
    end_with_sibling(unit, context, case, now)


def end_with_sibling(unit: UnitOfWork, context: Context, case: RecoveryCase, now: Instant) -> None:
    """A cancellation of ours, for another invoice or scheduled before a new card came, ends this recovery (G16)."""
    if case.decline_kind in (DeclineKind.OPERATOR, DeclineKind.UNKNOWN, None) or case.state in (
        CaseState.PARKED,
        CaseState.NEEDS_REVIEW,
    ):
        endings.closed(unit, case, "subscription_cancelled", "its subscription was cancelled by us meanwhile", now)
        return
    words = "its subscription was cancelled by us meanwhile"
    plan_next.supersede_planned(unit, case, words, now)
    case = move_cases.bring(context, unit, case, now)
    finishing.begin(
        unit, case, Stop(ended_by=EndedBy.NO_LEGAL_MOMENT, because=(words,)), context.pinned(case.revision), now
    )


def _under_way(unit: UnitOfWork, case: RecoveryCase) -> bool:
    return any(each.state in BLOCKING_STATES for each in unit.attempts.of_invoice(case.account, case.invoice))


def follow_customer(
    context: Context,
    integration: Integration,
    account: AccountId,
    customer_id: CustomerId,
    *,
    card_updated: bool,
) -> str:
    """A new default card re-opens the decision at once; a card merely attached wakes nothing (A20)."""
    with context.store.reading() as view:
        cases = [each for each in view.cases.live_for_customer(account, customer_id) if _may_reopen(each)]
    if not cases:
        return "no_case"
    reader = context.readers(integration, account)
    customer = reader.customer(customer_id)
    woken = 0
    for case in cases:
        invoice, subscription = reader.invoice(case.invoice), reader.subscription(case.subscription)
        if invoice is None or subscription is None or customer is None or customer.deleted:
            continue
        chosen = payment_method_for(invoice, subscription, customer)
        changed = chosen is not None and chosen != case.payment_method
        updated = card_updated and case.decline_kind is DeclineKind.CREDENTIAL
        if chosen is not None and (changed or updated):
            woken += _reopen(context, account, case, chosen, NEW_CARD if changed else CARD_UPDATED)
    return f"woken_{woken}"


def _may_reopen(case: RecoveryCase) -> bool:
    """Whether a new card changes anything: also where the account's own settings refused the old one."""
    return case.state in _REOPENS or (case.state is CaseState.PARKED and case.closed_because == "operator")


def _reopen(context: Context, account: AccountId, seen: RecoveryCase, chosen: PaymentMethodId, word: str) -> int:
    """Bind the case to the card that would now be charged, and decide again."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or not _may_reopen(case) or _under_way(unit, case) or _final_action_begun(unit, case):
            return 0
        plan_next.supersede_planned(unit, case, "the customer's card has changed", now)
        finishing.take_back(unit, case, "the customer's card has changed", now)
        bind_card(unit, case, account, chosen, word, now)
    return 1


def bind_card(
    unit: UnitOfWork, case: RecoveryCase, account: AccountId, chosen: PaymentMethodId, word: str, now: Instant
) -> RecoveryCase:
    """The case opened again for another card; what is known of that card comes from the ledger alone."""
    row = unit.cards.of_payment_method(account, chosen)
    text = "The customer has a new card: deciding again" if word == NEW_CARD else "The card was updated: deciding again"
    unit.journal.append(
        Entry(case_id=case.id, at=now, kind=EntryKind.NOTE, text=text, facts={"payment_method": chosen})
    )
    opened = case if case.state is CaseState.OPENED else move(case, CaseState.OPENED)
    return unit.cases.save(
        replace(
            opened,
            due_at=now,
            window_until=max(case.window_until, now.plus(FRESH_CARD_WINDOW)),
            payment_method=chosen,
            card_key=row.charge.card_key() if row else chosen,
            network=row.charge.network if row else None,
            decline_kind=DeclineKind.SOFT,
            decline_reason=word,
            wait_until=None,
            wait_because=None,
            ended_by=None,
            ended_at=None,
            closed_because=None,
            next_attempt_at=None,
            next_attempt_number=None,
        )
    )


def _final_action_begun(unit: UnitOfWork, case: RecoveryCase) -> bool:
    """A cancellation that is only scheduled can be taken back, so a new card is still tried."""
    return any(
        each.state is ActionState.CALLING
        or (each.state is ActionState.DONE and each.kind is not ActionKind.SCHEDULE_CANCEL)
        for each in unit.actions.of_case(case.id)
    )
