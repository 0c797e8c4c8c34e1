"""Inside one unit of work: ask the brakes of an integration, from stored rows alone. Calls nothing outside."""

from __future__ import annotations

from flexpay_reconcile.config.configuration import Brakes
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import brakes as rules
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.brakes import Braked, BreakerState
from flexpay_reconcile.values import digest
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

SPREAD_SECONDS = 300


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
