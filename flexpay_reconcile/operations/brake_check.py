"""Inside one unit of work: ask the brakes of an integration, from stored rows alone. Calls nothing outside."""

from __future__ import annotations

from flexpay_reconcile.config.configuration import Brakes
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import brakes as rules
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.brakes import Braked
from flexpay_reconcile.values import digest
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span


def attempts(unit: UnitOfWork, brakes: Brakes, attempt: Attempt, now: Instant) -> Braked | None:
    """Budget and breaker for one attempt; what waits is spread by the invoice's hash, so that no herd forms (F4)."""
    where = attempt.integration_id
    braked = rules.ask_attempts(
        brakes,
        last_minute=unit.attempts.sent_since(where, now.minus(rules.MINUTE)),
        last_day=unit.attempts.sent_since(where, now.minus(rules.DAY)),
        now=now,
    )
    if braked is None:
        horizon = max(brakes.breaker.window, brakes.breaker.half_open_after)
        braked = rules.ask_breaker(brakes, unit.attempts.ended_since(where, now.minus(horizon)), now)
    if braked is None:
        return None
    spread = Span.of(seconds=digest.fraction_of(attempt.invoice, 300))
    return Braked(until=braked.until.plus(spread), because=braked.because)


def final_actions(unit: UnitOfWork, brakes: Brakes, where: IntegrationId, now: Instant) -> Braked | None:
    """The budget of final actions."""
    return rules.ask_final_actions(
        brakes,
        last_hour=unit.actions.called_since(where, now.minus(rules.HOUR)),
        last_day=unit.actions.called_since(where, now.minus(rules.DAY)),
        now=now,
    )
