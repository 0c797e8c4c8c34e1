"""Inside one unit of work: ask the brakes of an integration, from stored rows alone. Calls nothing outside."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.configuration import Brakes
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import brakes as rules
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.brakes import Braked, BreakerState
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.final_action import FinalAction
from flexpay_reconcile.values import digest
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

SPREAD_SECONDS = 300
TURN_SECONDS = 3_600
"""Over how long final actions that wait for their budget are spread; what a case has begun goes before them."""
_TELL_AGAIN = Span.of(hours=1)


def attempts(unit: UnitOfWork, brakes: Brakes, attempt: Attempt, now: Instant) -> Braked | None:
    """Budget and breaker for one attempt; what waits is spread by the invoice's hash, so that no herd forms (F4)."""
    where = attempt.integration_id
    braked = rules.ask_attempts(
        brakes,
        last_minute=unit.attempts.sent_since(where, now.minus(rules.MINUTE)),
        last_day=unit.attempts.sent_since(where, now.minus(rules.DAY)),
        now=now,
    ) or rules.ask_breaker(_turned(unit, brakes, where, now), now)
    if braked is None:
        return None
    spread = Span.of(seconds=digest.fraction_of(attempt.invoice, SPREAD_SECONDS))
    return Braked(until=braked.until.plus(spread), because=braked.because)


def open_breaker(unit: UnitOfWork, brakes: Brakes, where: IntegrationId, now: Instant) -> None:
    """Open it outright: a key or a permission is gone, so no other call of this integration can go well (E8)."""
    _keep(unit, where, BreakerState(open_until=now.plus(brakes.breaker.half_open_after)))


def open_until(view: UnitOfWork, where: IntegrationId) -> Instant | None:
    """Until when the breaker is open, as it was last stored; None where it is closed."""
    return _stored(view, where).open_until


def _turned(unit: UnitOfWork, brakes: Brakes, where: IntegrationId, now: Instant) -> BreakerState:
    """The stored breaker, brought up to date and stored again where it moved."""
    stored = _stored(unit, where)
    since = min(now.minus(brakes.breaker.window), stored.open_until or now)
    turned = rules.turn_breaker(brakes, stored, unit.attempts.ended_since(where, since), now)
    if turned != stored:
        _keep(unit, where, turned)
    return turned


def _stored(unit: UnitOfWork, where: IntegrationId) -> BreakerState:
    text = unit.marks.get(f"breaker:{where}")
    if not text:
        return BreakerState()
    word, _, at = text.partition(" ")
    instant = Instant.from_text(at)
    return BreakerState(open_until=instant) if word == "open" else BreakerState(counted_from=instant)


def _keep(unit: UnitOfWork, where: IntegrationId, state: BreakerState) -> None:
    if state.open_until is not None:
        unit.marks.set(f"breaker:{where}", f"open {state.open_until.text()}")
    elif state.counted_from is not None:
        unit.marks.set(f"breaker:{where}", f"closed {state.counted_from.text()}")


def final_actions(unit: UnitOfWork, brakes: Brakes, where: IntegrationId, now: Instant) -> Braked | None:
    """The budget of final actions."""
    return rules.ask_final_actions(
        brakes,
        last_hour=unit.actions.called_since(where, now.minus(rules.HOUR)),
        last_day=unit.actions.called_since(where, now.minus(rules.DAY)),
        now=now,
    )


def wait_turn(unit: UnitOfWork, case: RecoveryCase, action: FinalAction, braked: Braked, now: Instant) -> bool:
    """A finishing case comes back when the budget may have room. True when nobody was told of it for an hour (A13).

    Those who wait come back one by one, in an order that changes: as a herd they would all be looked at for the few
    that may go. Nothing is dropped.
    """
    begun = action.order > 0
    parts = SPREAD_SECONDS if begun else TURN_SECONDS
    turn = Span.of(seconds=digest.fraction_of(f"{case.id} {now.text()}", parts))
    unit.cases.save(replace(case, due_at=braked.until.plus(turn)))
    told = _waiting(unit, action.integration_id)
    again = told is None or now.since(told[0]) >= _TELL_AGAIN
    told_at = now if told is None or again else told[0]
    name = _WAITING.format(action.integration_id)
    unit.marks.set(name, f"{told_at.text()} {braked.until.text()} {braked.because}")
    return again


def waiting(view: UnitOfWork, where: IntegrationId, now: Instant) -> str | None:
    """Why final actions of an integration wait for their budget at this moment; None where none does."""
    told = _waiting(view, where)
    return told[2] if told is not None and told[1] > now else None


_WAITING = "final_actions_wait:{}"


def _waiting(view: UnitOfWork, where: IntegrationId) -> tuple[Instant, Instant, str] | None:
    """When it was told, until when it was known to last, and why."""
    text = view.marks.get(_WAITING.format(where))
    if not text:
        return None
    told, until, because = text.split(" ", 2)
    return Instant.from_text(told), Instant.from_text(until), because
