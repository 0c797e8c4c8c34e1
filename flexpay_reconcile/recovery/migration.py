"""Moving an open case to a changed policy (`migrate: true`): what would change for it. Pure; plans and sends nothing.

`operations.move_cases` carries it out and the forecast tells it, both with `moved`, so that there is one rule. What a
case was promised at its opening is its terms; what guards the account now (keys, scope, status, brakes, declared
currencies) is none of them and is always asked of the configuration in force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, Status, StopStripeRetries, WhenRecoveryFails
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import FRESH_CARD
from flexpay_reconcile.recovery.final_action import ActionKind, FinalAction
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

TRIED_ANEW = (CaseState.OPENED, CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER)
"""States in which a case that moves is decided anew; the others stay what they are, under the new terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a revision agrees for the cases of one integration. `policy.migrate` is no term: it says who moves."""

    revision: int
    policy: RetryPolicy
    agreed: WhenRecoveryFails
    stop_stripe_retries: StopStripeRetries
    include_first_invoice: bool
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A case as it would be under the new terms, nothing decided yet, and what differs, in words for its journal.

    `stays_ended`: recovery has ended already; it is not begun again, only its final actions are planned anew.
    """

    case: RecoveryCase
    what: tuple[str, ...]
    stays_ended: bool


def terms_of(configuration: Configuration, integration_id: IntegrationId, revision: int) -> Terms | None:
    """The terms of a revision for an integration; None where it has no such integration."""
    integration: Integration | None = configuration.integrations.get(integration_id)
    if integration is None:
        return None
    return Terms(
        revision=revision,
        policy=configuration.policy_of(integration),
        agreed=integration.when_recovery_fails,
        stop_stripe_retries=integration.smart_retries.stop_stripe_retries,
        include_first_invoice=integration.include_first_invoice,
        enabled=integration.status is Status.ENABLED,
    )


def differences(old: Terms, new: Terms) -> tuple[str, ...]:
    """What a case would notice, one sentence part each; empty when the terms are the same."""
    pairs = (
        ("attempts", str(old.policy.max_attempts), str(new.policy.max_attempts)),
        ("window", old.policy.window.text(), new.policy.window.text()),
        ("timing", old.policy.timing.value, new.policy.timing.value),
        ("spacing", old.policy.minimum_spacing.text(), new.policy.minimum_spacing.text()),
        ("subscription", old.agreed.subscription.value, new.agreed.subscription.value),
        ("delay", old.agreed.delay.text(), new.agreed.delay.text()),
        ("delay from", old.agreed.delay_from.value, new.agreed.delay_from.value),
        ("invoice", old.agreed.invoice.value, new.agreed.invoice.value),
        ("Stripe's own retries", old.stop_stripe_retries.value, new.stop_stripe_retries.value),
    )
    named = [f"{name} {before} -> {after}" for name, before, after in pairs if before != after]
    others = (
        ("quiet hours", old.policy.quiet_hours, new.policy.quiet_hours),
        ("fixed schedule", old.policy.fixed_schedule, new.policy.fixed_schedule),
        ("ceilings", old.policy.network_ceilings or {}, new.policy.network_ceilings or {}),
        ("first invoices", old.include_first_invoice, new.include_first_invoice),
    )
    return (*named, *(f"{name} changed" for name, before, after in others if before != after))


def moved(
    case: RecoveryCase, old: Terms, new: Terms, actions: tuple[FinalAction, ...] = (), *, blocked: bool = False
) -> Move | None:
    """What applying `new` does to an open case of `old`, or None where it keeps what it began under.

    It stays: unless the new policy says `migrate: true`; when the terms are the same; where the integration is not
    enabled (its open cases run to their end as they began, G14); once a final action of it was called (what has begun
    ends as it began). `blocked` (an attempt is under way) and ATTEMPTING: not now; the decision after the answer is
    taken under the new terms. `actions` are the case's own.
    """
    if case.is_final() or not (new.policy.migrate and new.enabled) or new.revision <= case.revision:
        return None
    what = differences(old, new)
    if not what or blocked or case.state is CaseState.ATTEMPTING:
        return None
    if case.state is CaseState.FINISHING and begun(actions):
        return None
    fresh = replace(
        case,
        revision=new.revision,
        window_until=_window_until(case, old.policy, new.policy),
        stripe_retries_stopped=case.stripe_retries_stopped and old.stop_stripe_retries is new.stop_stripe_retries,
    )
    return Move(case=fresh, what=what, stays_ended=case.state is CaseState.FINISHING)


def begun(actions: tuple[FinalAction, ...]) -> bool:
    """Whether anything at Stripe was, or may have been, changed to end this case."""
    return any(each.called_at is not None for each in actions if each.kind is not ActionKind.TAKE_BACK)


def _window_until(case: RecoveryCase, old: RetryPolicy, new: RetryPolicy) -> Instant:
    """From the same start; what it was longer by (parked, blocked, a new card) stays added, and a changed card that
    waits for its try loses none of its time.
    """
    planned = case.window_from.plus(old.window)
    longer = case.window_until.since(planned) if case.window_until > planned else Span(0)
    until = case.window_from.plus(new.window).plus(longer)
    return max(until, case.window_until) if case.decline_reason in FRESH_CARD else until
