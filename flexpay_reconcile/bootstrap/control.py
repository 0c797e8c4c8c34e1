"""The control plane's parts: the state opened, Stripe's gateways bound to it. Thinks nothing itself.

Both doors to Stripe are chosen here and nowhere else: its own address, a simulator over HTTP (`stripe_api`), or a
simulator in process (`http_client`, used by the rehearsal).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexpay_reconcile.adapters.armed_file import ArmedFile, ArmedMemory
from flexpay_reconcile.adapters.identifiers import RandomIdentifiers
from flexpay_reconcile.adapters.secret_sources import SecretSources
from flexpay_reconcile.adapters.simulator_clock import SimulatorClock
from flexpay_reconcile.adapters.sqlite_store import OpenState, open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.adapters.steady_clock import SteadyClock
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.bootstrap.remote import NoStore, open_remote
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import BrokenInvariant, OperatorError
from flexpay_reconcile.operations.control_facts import StoredFacts
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.account_writer import AccountWriterFor
from flexpay_reconcile.ports.armed_copy import ArmedCopy
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.configurations import Configurations
from flexpay_reconcile.ports.control_facts import ControlFacts
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.ports.identifiers import Identifiers
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.ports.store import Store
from flexpay_reconcile.values import state_address
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span


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
    facts: ControlFacts
    """What a plan asks about money in flight."""
    armed: ArmedCopy
    """The note beside the state: which copy of it may charge."""
    learn: Callable[[Configuration], None]
    """Tell which account each company of a manifest that is not applied yet stands for."""
    close: Callable[[], None]


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


def clock_for(stripe_api: str | None) -> Clock:
    """The simulator's clock when a simulator is our Stripe, else this machine's."""
    return SimulatorClock(stripe_api) if stripe_api else SteadyClock(SystemClock().now)


def _armed(path: Path | None, state: ControlState, *, create: bool) -> ArmedCopy:
    """The note; a state nothing was ever applied from is no copy of one that charges, and is armed as it is."""
    note: ArmedCopy = ArmedMemory() if path is None else ArmedFile(path)
    if create and state.latest() is None and note.read() != state.instance_id():
        note.write(state.instance_id())
    return note


CLOCK_FLOOR = "clock_floor"
"""The mark that holds the last present which Stripe's `Date` confirmed (F2)."""


def _remember(clock: SteadyClock, store: Store) -> None:
    with store.reading() as view:
        text = view.marks.get(CLOCK_FLOOR)
    if text is not None:
        clock.remember(Instant.from_text(text))


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
    """Open the state at a path, in `:memory:` or behind a control door, and bind Stripe's gateways to it.

    `durable=False` does not sync the file: only where money and Stripe are simulated in this very process.
    """
    if not durable and http_client is None:
        raise BrokenInvariant("only a rehearsal may keep its state without syncing it")
    present = clock or clock_for(stripe_api)
    home = _home(state_path, present, create=create, durable=durable, environ=environ)
    state = home.state
    secrets = SecretSources(environ=environ, allow_commands=allow_secret_commands, state=state.secret)
    virtual = stripe_api is not None or http_client is not None
    if isinstance(present, SteadyClock) and not state_address.is_door(state_path):
        _remember(present, home.store)
    accounts = _Accounts(state)
    gateways = StripeGateways(
        secrets, present, accounts.of, base_url=stripe_api, http_client=http_client, wait=_no_wait if virtual else _wait
    )
    if isinstance(present, SteadyClock):
        gateways.connection.on_skew = present.observe
    gateways.sample_of = lambda integration: home.facts.sample_account(str(integration.id))
    return ControlParts(
        clock=present,
        state=state,
        store=home.store,
        facts=home.facts,
        reader_for=gateways.account_reader,
        writer_for=gateways.account_writer,
        identifiers=RandomIdentifiers(),
        secrets=secrets,
        gateways=gateways,
        armed=home.armed,
        learn=accounts.learn,
        close=home.close,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    """The state's one home, through one of its doors."""

    state: ControlState
    store: Store
    facts: ControlFacts
    armed: ArmedCopy
    close: Callable[[], None]


def _home(state_path: str, present: Clock, *, create: bool, durable: bool, environ: dict[str, str] | None) -> _Home:
    if state_address.is_door(state_path):
        remote = open_remote(state_path, environ)
        absent: Any = NoStore()
        return _Home(state=remote, store=absent, facts=remote, armed=ArmedMemory(), close=lambda: None)
    path = None if state_path == ":memory:" else Path(state_path)
    state: OpenState = open_store(
        path or ":memory:", open_cipher(path), create=create, now=present.now(), durable=durable
    )
    return _Home(
        state=state.control,
        store=state.store,
        facts=StoredFacts(store=state.store, configurations=state.control, clock=present),
        armed=_armed(path, state.control, create=create),
        close=state.close,
    )
