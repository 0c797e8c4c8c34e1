"""What one rehearsal came to, counted from the product's store and checked against the simulator's own ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.simulator.world import World
from flexpay_reconcile.values import money
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

_UNPAID = frozenset({CaseState.EXHAUSTED, CaseState.HARD_DECLINED, CaseState.CLOSED, CaseState.RELEASED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A number of payments and their money, one sum per currency."""

    count: int
    totals: tuple[Money, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The figures of one arm. `cohort` are the payments that failed early enough to have had their whole window."""

    failed: Line
    recovered: Line
    elsewhere: Line
    unpaid: Line
    still_open: Line
    cancelled: int
    attempts: int
    cohort: Line
    cohort_recovered: Line
    invoice_days: int


def line(cases: Iterable[RecoveryCase]) -> Line:
    """Count and sum."""
    kept = list(cases)
    return Line(count=len(kept), totals=tuple(money.totals([each.amount for each in kept])))


def account_of(store: Store, cohort_until: Instant, now: Instant) -> Account:
    """Count one arm."""
    with store.reading() as view:
        cases = view.cases.list(limit=1_000_000)
        cancelled = sum(_cancelled(view.actions.of_case(case.id)) for case in cases)
        attempts = sum(
            attempt.state in (AttemptState.APPROVED, AttemptState.DECLINED)
            for case in cases
            for attempt in view.attempts.of_invoice(case.account, case.invoice)
        )
    cohort = [each for each in cases if each.first_declined_at < cohort_until]
    return Account(
        failed=line(cases),
        recovered=line(each for each in cases if each.state is CaseState.RECOVERED),
        elsewhere=line(each for each in cases if each.state is CaseState.RECOVERED_ELSEWHERE),
        unpaid=line(each for each in cases if each.state in _UNPAID),
        still_open=line(each for each in cases if not each.is_final()),
        cancelled=cancelled,
        attempts=attempts,
        cohort=line(cohort),
        cohort_recovered=line(each for each in cohort if each.state is CaseState.RECOVERED),
        invoice_days=sum(_days(each, now) for each in cases),
    )


def _cancelled(actions: tuple[FinalAction, ...]) -> bool:
    """Whether a case of ours ended its subscription: at once, or by a schedule that was waited for."""
    done = {each.kind for each in actions if each.state is ActionState.DONE}
    return ActionKind.CANCEL_SUBSCRIPTION in done or {ActionKind.SCHEDULE_CANCEL, ActionKind.AWAIT_END} <= done


def _days(case: RecoveryCase, now: Instant) -> int:
    """Days a case was under recovery, rounded down."""
    return (case.ended_at or now).since(case.opened_at).seconds // 86_400


def check_ledger(world: World, cases: Sequence[RecoveryCase]) -> int:
    """Hold the store against the simulator's ledger; returns how many it compared. BrokenInvariant on a gap."""
    successes = world.sim.ledger.successes_by_invoice()
    doubled = sorted(invoice for invoice, count in successes.items() if count > 1)
    if doubled:
        raise BrokenInvariant(f"charged more than once: {', '.join(doubled)} (A1)")
    for case in cases:
        paid = successes.get(case.invoice, 0) == 1
        if case.state is CaseState.RECOVERED and not paid:
            raise BrokenInvariant(f"{case.invoice} counts as recovered, but the ledger has no payment of it")
        if case.state in _UNPAID and paid:
            raise BrokenInvariant(f"{case.invoice} counts as lost, but the ledger has a payment of it")
    return len(cases)
