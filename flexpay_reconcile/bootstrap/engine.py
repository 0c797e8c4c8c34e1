"""The data plane's parts: its operations bound into loops, the way in for webhooks, and what its health shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexpay_reconcile.adapters.process_lock import ProcessLock
from flexpay_reconcile.adapters.simulator_clock import SimulatorClock
from flexpay_reconcile.adapters.steady_clock import SteadyClock
from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.bootstrap.control import CLOCK_FLOOR, ControlParts
from flexpay_reconcile.bootstrap.watch import drift_watch
from flexpay_reconcile.config.integration import Integration, ManagedBy, Status
from flexpay_reconcile.daemon import listener
from flexpay_reconcile.daemon.loops import Loop, Loops
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import (
    backfill_events,
    brake_check,
    finish_case,
    follow_accounts,
    move_cases,
    process_inbox,
    receive_event,
    reduce_inbox,
    resolve_attempt,
    schedule_retries,
    stop_stripe_retries,
    submit_attempt,
    sweep_history,
    take_in_again,
    take_over,
)
from flexpay_reconcile.operations.check_armed import Armed
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.operations.receive_event import Received
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.billing_writer import BillingWriter
from flexpay_reconcile.ports.charger import Charger
from flexpay_reconcile.ports.history_reader import HistoryReader
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The data plane, ready to turn: its loops, its way in for webhooks, and the context the loops share."""

    context: Context
    loops: Loops
    receive: Callable[[str, bytes, str], Received]
    health: Callable[[], dict[str, Any]]
    release: Callable[[], None]


_FLOOR_EVERY = Span.of(minutes=1)
MAX_SKEW = Span.of(minutes=5)
"""More than this between our clock and Stripe's `Date`, and nothing is charged or cancelled (F3)."""


class _Proven:
    """Hands out what charges or cancels only for accounts proven or accepted when the keys were applied (G11)."""

    def __init__(self, parts: ControlParts) -> None:
        self._parts = parts

    def reader(self, integration: Integration, account: AccountId) -> BillingReader:
        """The reader; OperatorError where the integration as it is applied now does not act for the account (D9)."""
        self._scope(integration, account)
        return self._parts.gateways.billing_reader(integration, account)

    def history(self, integration: Integration, account: AccountId) -> HistoryReader:
        """What happened at the account, under the same condition."""
        self._scope(integration, account)
        return self._parts.gateways.history_reader(integration, account)

    def stopper(self, integration: Integration, account: AccountId) -> BillingWriter:
        """What stops Stripe's own retries, which neither charges nor cancels."""
        self._scope(integration, account)
        return self._parts.gateways.billing_writer(integration, account)

    def charger(self, integration: Integration, account: AccountId) -> Charger:
        """The charger; OperatorError where it was never shown whose account the keys open."""
        self._scope(integration, account)
        self._check(integration)
        return self._parts.gateways.charger(integration, account)

    def writer(self, integration: Integration, account: AccountId) -> BillingWriter:
        """The writer, under the same conditions: it cancels."""
        self._scope(integration, account)
        self._check(integration)
        return self._parts.gateways.billing_writer(integration, account)

    def _scope(self, integration: Integration, account: AccountId) -> None:
        latest = self._parts.state.latest()
        if latest is None or integration.id not in latest.configuration.integrations:
            return  # removed: what is under way is still read
        if not latest.configuration.acts_for(integration, account):
            words = f"{integration.id} acts no more for {account}"
            raise OperatorError(words, code="E-account-scope", hint="give the integration its former scope again")

    def _check(self, integration: Integration) -> None:
        skew = self._parts.gateways.connection.skew
        if skew is not None and abs(skew.ms) > MAX_SKEW.ms:
            raise TryLater(
                f"our clock and Stripe's differ by {skew.text()}: no attempt is made",
                code="E-clock-skew",
                hint="set this machine's clock (NTP)",
            )
        applied = self._parts.state.applied().get(f"key_pair.{integration.id}")
        identity = applied.attributes.get("identity") if applied is not None else None
        if identity not in ("proven", "accepted"):
            raise OperatorError(
                f"{integration.id}: whose account its keys open was neither proven nor accepted",
                code="E-account-unproven",
                hint="run `flexpay plan`; accept the account with --accept-account where Stripe cannot prove it",
            )


def open_engine(parts: ControlParts, *, holder: str | None = None, guarded: bool = False) -> Engine:
    """Bind the data plane's operations into loops.

    `guarded`: nothing is charged or cancelled before database, note and Stripe agree that this copy may (A18).
    """
    gateways = parts.gateways
    proven = _Proven(parts)
    context = Context(
        store=parts.store,
        configurations=parts.state,
        clock=parts.clock,
        readers=proven.reader,
        events=StripeEvents(),
        holder=holder or parts.identifiers.fresh(),
    )
    armed = Armed(state=parts.state, note=parts.armed, readers=parts.reader_for, clock=parts.clock)
    accounts = follow_accounts.Accounts(context=context, access=gateways.access)
    watch = drift_watch(parts, lambda: armed.why is None)
    reducer = reduce_inbox.Reducer(context)
    history = sweep_history.HistorySweep(context=context, histories=proven.history)
    turns: tuple[Loop, ...] = (
        *((Loop(name="armed", turn=armed.look),) if guarded else ()),
        Loop(name="clock", turn=lambda: _keep_floor(parts)),
        Loop(name="reduce", turn=reducer.turn),
        Loop(name="inbox", turn=lambda: process_inbox.process_inbox(context)),
        Loop(name="accounts", turn=accounts.turn),
        Loop(name="move", turn=lambda: move_cases.move_due(context)),
        Loop(
            name="stop_stripe",
            turn=lambda: stop_stripe_retries.stop_stripe_retries(context, proven.stopper),
            moves_money=True,
        ),
        Loop(name="take_over", turn=lambda: take_over.take_over_due(context)),
        Loop(name="take_in", turn=lambda: take_in_again.take_in_due(context)),
        Loop(name="schedule", turn=lambda: schedule_retries.schedule_retries(context)),
        Loop(name="resolve", turn=lambda: resolve_attempt.resolve_due(context, proven.charger), moves_money=True),
        Loop(name="submit", turn=lambda: submit_attempt.submit_due(context, proven.charger), moves_money=True),
        Loop(name="finish", turn=lambda: finish_case.finish_due(context, proven.writer), moves_money=True),
        *((Loop(name="drift", turn=watch.turn),) if guarded else ()),
        Loop(name="backfill", turn=lambda: backfill_events.sweep_due(context)),
        Loop(name="history", turn=history.turn),
    )

    def next_due() -> Instant | None:
        dues = [parts.store.next_due(), backfill_events.next_sweep(context), take_over.next_batch(context)]
        dues += [follow_accounts.next_look(context), move_cases.next_move(context), history.next_due()]
        dues.append(take_in_again.next_batch(context))
        found = [each for each in dues if each is not None]
        return min(found, default=None)

    loops = Loops(
        loops=turns, next_due=next_due, now=parts.clock.now, held=(lambda: armed.why) if guarded else lambda: None
    )
    return Engine(
        context=context,
        loops=loops,
        receive=_receiver(parts, context),
        health=lambda: _health(parts, context, loops),
        release=lambda: _release(parts, context),
    )


def _keep_floor(parts: ControlParts) -> int:
    """Once a minute, what Stripe confirmed of our clock goes to disk: the next process does not fall behind it (F2)."""
    floor = parts.clock.floor if isinstance(parts.clock, SteadyClock) else None
    if floor is None:
        return 0
    with parts.store.reading() as view:
        kept = view.marks.get(CLOCK_FLOOR)
    if kept is None or floor.since(Instant.from_text(kept)) >= _FLOOR_EVERY:
        with parts.store.begin() as unit:
            unit.marks.set(CLOCK_FLOOR, floor.text())
    return 0


def process_lock(state_path: str) -> ProcessLock:
    """What keeps a second daemon of this machine away from a state file; not yet taken."""
    return ProcessLock(Path(state_path))


def listener_app(engine: Engine) -> Any:
    """The ASGI app of the daemon."""
    return listener.build_app(engine.receive, engine.health)


def _receiver(parts: ControlParts, context: Context) -> Callable[[str, bytes, str], Received]:
    """The listener's operation with its secrets: ours from the state, or the operator's own."""

    def secrets_of(integration_id: str) -> tuple[Secret, ...]:
        latest = parts.state.latest()
        integration = latest.configuration.integrations.get(integration_id) if latest else None
        if integration is None or integration.status is not Status.ENABLED:
            return ()
        kept = () if integration.webhook.managed_by is ManagedBy.MANUAL else parts.state.secrets_for(integration_id)
        return (*_given(parts, integration, needed=not kept), *kept)

    def receive(integration_id: str, body: bytes, header: str) -> Received:
        return receive_event.receive_event(
            integration_id,
            body,
            header,
            secrets=secrets_of(integration_id),
            store=parts.store,
            configurations=parts.state,
            events=context.events,
            clock=parts.clock,
        )

    return receive


def _given(parts: ControlParts, integration: Integration, *, needed: bool) -> tuple[Secret, ...]:
    """The secret the manifest names. Once an adoption stored it, this host need not have it any more."""
    reference = integration.webhook.signing_secret
    try:
        return () if reference is None else (parts.secrets.resolve(reference),)
    except OperatorError:
        if needed:
            raise
        return ()


def _health(parts: ControlParts, context: Context, loops: Loops) -> dict[str, Any]:
    """What `/readyz` answers: ready means an applied configuration and no stopped charging."""
    latest = parts.state.latest()
    now = context.clock.now()
    with parts.store.reading() as view:
        where = [each.id for each in latest.configuration.integrations.values()] if latest else []
        waiting = {each: brake_check.waiting(view, each, now) for each in where}
    return {
        "ready": latest is not None and loops.charging_stopped is None and loops.held() is None,
        "revision": latest.revision if latest else None,
        "charging_stopped": loops.charging_stopped or loops.held(),
        "loops": {name: at.text() for name, at in sorted(loops.progress.items())},
        "failures": dict(sorted(loops.failures.items())),
        "final_actions_wait": {each: why for each, why in sorted(waiting.items()) if why is not None},
        "clock": now.text(),
    }


def _release(parts: ControlParts, context: Context) -> None:
    with parts.store.begin() as unit:
        unit.leases.release(context.holder)
    parts.close()


def follower(parts: ControlParts, holder: str) -> Callable[[Instant, Instant | None], Instant | None]:
    """How a daemon lives in a simulator's time, which waits for it from now on; OperatorError where there is none."""
    clock = parts.clock
    if not isinstance(clock, SimulatorClock):
        raise OperatorError("there is no simulator to follow", code="E-stripe-api")
    clock.join(holder)
    return lambda as_of, wake_at: clock.follow(holder, as_of, wake_at)
