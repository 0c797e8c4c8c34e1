"""One arm of a rehearsal: plan, apply, and the daemon's engine through the days, on its own world and state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.operations.apply_plan import World as Applying
from flexpay_reconcile.operations.apply_plan import apply_plan
from flexpay_reconcile.operations.apply_steps import Holder
from flexpay_reconcile.operations.plan_manifest import plan_manifest
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.rehearsal import account
from flexpay_reconcile.rehearsal.account import Account
from flexpay_reconcile.rehearsal.stage import Stage
from flexpay_reconcile.values.instant import Instant, Span

_HOLDER = Holder(owner="rehearsal", host="rehearsal", pid=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Where an arm stands: for a progress line."""

    number: int
    failed: int
    recovered: int


def plan(stage: Stage, loaded: Loaded) -> Plan:
    """Plan the manifest against the stage's Stripe and state, as `flexpay plan` does."""
    if loaded.configuration is None:
        raise OperatorError("the manifest of the rehearsal is not valid", code="E-rehearsal")
    stage.parts.learn(loaded.configuration)
    return plan_manifest(
        configuration=loaded.configuration,
        places=loaded.places,
        manifest_digest=loaded.digest,
        readers=stage.parts.reader_for,
        state=stage.parts.state,
        as_of=stage.now,
        diagnostics=loaded.diagnostics,
    )


def apply(stage: Stage, loaded: Loaded) -> Plan:
    """Plan and apply, as `flexpay apply --auto-approve` does; returns the plan that was carried out."""
    made = plan(stage, loaded)
    parts = stage.parts
    world = Applying(
        readers=parts.reader_for,
        writers=parts.writer_for,
        state=parts.state,
        clock=parts.clock,
        identifiers=parts.identifiers,
        secrets=parts.secrets,
    )
    if loaded.configuration is not None:
        apply_plan(plan=made, configuration=loaded.configuration, world=world, holder=_HOLDER, progress=lambda _: None)
    return made


def live(stage: Stage, days: int, on_day: Callable[[Day], None] | None = None) -> None:
    """Let `days` pass with the engine at work; tells `on_day` at the end of each."""
    start = stage.now
    for number in range(1, days + 1):
        stage.run_until(start.plus(Span.of(days=number)))
        if on_day is not None:
            on_day(_day(stage, number))


def _day(stage: Stage, number: int) -> Day:
    with stage.parts.store.reading() as view:
        counts = view.cases.counts()
    recovered = sum(count for (_, state), count in counts.items() if state == CaseState.RECOVERED.value)
    return Day(number=number, failed=sum(counts.values()), recovered=recovered)


def settle(stage: Stage, cohort_until: Instant) -> tuple[Account, int]:
    """The figures of an arm, after holding them against the simulator's own ledger; and how many were compared."""
    with stage.parts.store.reading() as view:
        cases = view.cases.list(limit=1_000_000)
    compared = account.check_ledger(stage.world, cases)
    return account.account_of(stage.parts.store, cohort_until, stage.now), compared


def build(scenario: dict[str, Any], state: str, *, durable: bool = True) -> Stage:
    """A stage over a copy of the scenario, so that two arms meet the same customers."""
    return Stage(scenario, state=state, durable=durable)
