"""THE ONE PLACE where ports meet adapters. Hands finished parts up; thinks nothing itself.

Both doors to Stripe are chosen here and nowhere else: its own address, a simulator over HTTP (`stripe_api`), or a
simulator in process (`http_client`, used by the rehearsal).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexpay_reconcile.adapters.identifiers import RandomIdentifiers
from flexpay_reconcile.adapters.process_lock import ProcessLock
from flexpay_reconcile.adapters.secret_sources import SecretSources
from flexpay_reconcile.adapters.simulator_clock import SimulatorClock
from flexpay_reconcile.adapters.sqlite_store import OpenState, open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, ManagedBy, Status
from flexpay_reconcile.daemon import listener
from flexpay_reconcile.daemon.loops import Loop, Loops
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.operations import (
    backfill_events,
    finish_case,
    process_inbox,
    receive_event,
    resolve_attempt,
    schedule_retries,
    stop_stripe_retries,
    submit_attempt,
)
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.operations.receive_event import Received
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.account_writer import AccountWriterFor
from flexpay_reconcile.ports.billing_writer import BillingWriter
from flexpay_reconcile.ports.charger import Charger
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.configurations import Configurations
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.ports.identifiers import Identifiers
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlParts:
    """What the control plane's commands need. `close()` ends the state's connections."""

    clock: Clock
    state: ControlState
    store: Store
    reader_for: AccountReaderFor
    writer_for: AccountWriterFor
    identifiers: Identifiers
    secrets: SecretReader
    gateways: StripeGateways
    learn: Callable[[Configuration], None]
    """Tell which account each company of a manifest that is not applied yet stands for."""
    close: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The data plane, ready to turn: its loops, its way in for webhooks, and the context the loops share."""

    context: Context
    loops: Loops
    receive: Callable[[str, bytes, str], Received]
    health: Callable[[], dict[str, Any]]
    release: Callable[[], None]


def clock_for(stripe_api: str | None) -> Clock:
    """The simulator's clock when a simulator is our Stripe, else this machine's."""
    return SimulatorClock(stripe_api) if stripe_api else SystemClock()


def open_control(
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool = False,
    *,
    create: bool = True,
    clock: Clock | None = None,
    http_client: Any = None,
    environ: dict[str, str] | None = None,
    durable: bool = True,
) -> ControlParts:
    """Open the state at a path (or `:memory:`) and bind Stripe's gateways to it.

    `durable=False` does not sync the file: only where money and Stripe are simulated in this very process.
    """
    if not durable and http_client is None:
        raise BrokenInvariant("only a rehearsal may keep its state without syncing it")
    present = clock or clock_for(stripe_api)
    path = None if state_path == ":memory:" else Path(state_path)
    state: OpenState = open_store(
        path or ":memory:", open_cipher(path), create=create, now=present.now(), durable=durable
    )
    secrets = SecretSources(environ=environ, allow_commands=allow_secret_commands, state=state.control.secret)
    virtual = stripe_api is not None or http_client is not None
    accounts = _Accounts(state.control)
    gateways = StripeGateways(
        secrets, present, accounts.of, base_url=stripe_api, http_client=http_client, wait=_no_wait if virtual else _wait
    )
    return ControlParts(
        clock=present,
        state=state.control,
        store=state.store,
        reader_for=gateways.account_reader,
        writer_for=gateways.account_writer,
        identifiers=RandomIdentifiers(),
        secrets=secrets,
        gateways=gateways,
        learn=accounts.learn,
        close=state.close,
    )


MAX_SKEW = Span.of(minutes=5)
"""More than this between our clock and Stripe's `Date`, and nothing is charged or cancelled (F3)."""


class _Proven:
    """Hands out what charges or cancels only for accounts proven or accepted when the keys were applied (G11)."""

    def __init__(self, parts: ControlParts) -> None:
        self._parts = parts

    def charger(self, integration: Integration) -> Charger:
        """The charger; OperatorError where it was never shown whose account the keys open."""
        self._check(integration)
        return self._parts.gateways.charger(integration)

    def writer(self, integration: Integration) -> BillingWriter:
        """The writer, under the same conditions: it cancels."""
        self._check(integration)
        return self._parts.gateways.billing_writer(integration)

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


class _Accounts:
    """Which Stripe account an integration works on: by the manifest at hand, else by what was applied."""

    def __init__(self, applied: Configurations) -> None:
        self._applied = applied
        self._manifest: Configuration | None = None

    def learn(self, configuration: Configuration) -> None:
        """A manifest that is being planned or applied."""
        self._manifest = configuration

    def of(self, integration: Integration) -> AccountId:
        """The account of the integration's company."""
        latest = self._applied.latest()
        for configuration in (self._manifest, latest.configuration if latest else None):
            company = configuration.companies.get(integration.company) if configuration else None
            if company is not None:
                return company.stripe_account
        raise OperatorError(f"company {integration.company!r} is not known", code="E-company-unknown")


def _wait(span: Span) -> None:
    time.sleep(span.ms / 1000)


def _no_wait(span: Span) -> None:
    """A virtual clock does not pass while we wait."""


def open_engine(parts: ControlParts, *, holder: str | None = None) -> Engine:
    """Bind the data plane's operations into loops."""
    gateways = parts.gateways
    context = Context(
        store=parts.store,
        configurations=parts.state,
        clock=parts.clock,
        readers=gateways.billing_reader,
        events=StripeEvents(),
        holder=holder or parts.identifiers.fresh(),
    )
    proven = _Proven(parts)
    turns = (
        Loop(name="inbox", turn=lambda: process_inbox.process_inbox(context)),
        Loop(
            name="stop_stripe", turn=lambda: stop_stripe_retries.stop_stripe_retries(context, gateways.billing_writer)
        ),
        Loop(name="schedule", turn=lambda: schedule_retries.schedule_retries(context)),
        Loop(name="resolve", turn=lambda: resolve_attempt.resolve_due(context, proven.charger), moves_money=True),
        Loop(name="submit", turn=lambda: submit_attempt.submit_due(context, proven.charger), moves_money=True),
        Loop(name="finish", turn=lambda: finish_case.finish_due(context, proven.writer), moves_money=True),
        Loop(name="backfill", turn=lambda: backfill_events.sweep_due(context)),
    )

    def next_due() -> Instant | None:
        found = [each for each in (parts.store.next_due(), backfill_events.next_sweep(context)) if each is not None]
        return min(found, default=None)

    loops = Loops(loops=turns, next_due=next_due, now=parts.clock.now)
    return Engine(
        context=context,
        loops=loops,
        receive=_receiver(parts, context),
        health=lambda: _health(parts, context, loops),
        release=lambda: _release(parts, context),
    )


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
        if integration.webhook.managed_by is ManagedBy.MANUAL and integration.webhook.signing_secret is not None:
            return (parts.secrets.resolve(integration.webhook.signing_secret),)
        return parts.state.secrets_for(integration_id)

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


def _health(parts: ControlParts, context: Context, loops: Loops) -> dict[str, Any]:
    """What `/readyz` answers: ready means an applied configuration and no stopped charging."""
    latest = parts.state.latest()
    return {
        "ready": latest is not None and loops.charging_stopped is None,
        "revision": latest.revision if latest else None,
        "charging_stopped": loops.charging_stopped,
        "loops": {name: at.text() for name, at in sorted(loops.progress.items())},
        "failures": dict(sorted(loops.failures.items())),
        "clock": context.clock.now().text(),
    }


def _release(parts: ControlParts, context: Context) -> None:
    with parts.store.begin() as unit:
        unit.leases.release(context.holder)
    parts.close()


def follower(parts: ControlParts, holder: str) -> Callable[[Instant, Instant | None], Instant | None]:
    """How a daemon lives in a simulator's time; OperatorError where the clock is no simulator's."""
    clock = parts.clock
    if not isinstance(clock, SimulatorClock):
        raise OperatorError("there is no simulator to follow", code="E-stripe-api")
    return lambda as_of, wake_at: clock.follow(holder, as_of, wake_at)
