"""What `plan` and `apply` share: the loaded manifest, the opened state, and a plan made from both. Prints no plan."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli import files, output
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.operations.adopted_secrets import adopted_secrets
from flexpay_reconcile.operations.apply_steps import beating
from flexpay_reconcile.operations.check_drift import check_drift
from flexpay_reconcile.operations.forecast_impact import Forecaster
from flexpay_reconcile.operations.plan_manifest import key_faults, plan_manifest
from flexpay_reconcile.operations.read_history import revision_of
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.reconcile.targets import Part, Selection, part_of
from flexpay_reconcile.values import state_address
from flexpay_reconcile.values.diagnostic import Place
from flexpay_reconcile.values.instant import Instant

MEMORY = ":memory:"
NONE = "none"
"""`--state none`: a plan of manifest and Stripe alone, which says so and cannot be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything at hand to plan. `has_state` is False where there is none yet and none may be made."""

    loaded: Loaded
    configuration: Configuration
    parts: bootstrap.ControlParts
    has_state: bool

    def plan(
        self,
        *,
        accepted: frozenset[str],
        write_probes: bool,
        as_of: str | None = None,
        accepted_impacts: Sequence[str] = (),
        beat: Callable[[], None] | None = None,
        selection: Selection | None = None,
    ) -> Plan:
        """A plan of now, or of the instant given, of the part selected. `beat` keeps a lock that is held meanwhile."""
        part = self.part(selection or Selection())
        live = self.parts.facts.live_cases() if self.has_state else {}
        present = Instant.from_text(as_of) if as_of else self.parts.clock.now()
        reasons = reasons_of(accepted_impacts)
        forecaster = Forecaster(
            books=self.parts.gateways.book_reader,
            facts=self.parts.facts if self.has_state else None,
            configurations=self.parts.state if self.has_state else None,
        )
        return plan_manifest(
            configuration=part.configuration,
            places=self.loaded.places,
            manifest_digest=part.configuration.digest(),
            readers=beating(self.parts.reader_for, beat) if beat else self.parts.reader_for,
            state=self.parts.state if self.has_state else None,
            as_of=present,
            write_probes=write_probes,
            accepted_accounts=accepted,
            live_cases=live,
            left_alone=self._left_alone(part.configuration),
            diagnostics=self.loaded.diagnostics,
            together=bootstrap.SideBySide(output.progress("looking at Stripe")),
            impacts=forecaster.impacts(part.configuration, present),
            accepted_impacts=reasons,
            overlay=self.loaded.overlay,
            selection=part.selection,
        )

    def _left_alone(self, wanted: Configuration) -> dict[str, tuple[str, ...]]:
        """The invoices of open cases whose integration is removed, or hears other accounts then."""
        latest = self.parts.state.latest() if self.has_state else None
        before = latest.configuration.integrations if latest else {}
        scopes = {str(name): each.webhook.listen_to for name, each in wanted.integrations.items()}
        moved = [str(name) for name, each in before.items() if scopes.get(str(name)) is not each.webhook.listen_to]
        return {name: tuple(str(each.case.invoice) for each in self.parts.facts.cases_of(name)) for name in moved}

    def part(self, selection: Selection) -> Part:
        """What a selection leaves of the manifest; OperatorError (USAGE) for a pattern that matches nothing."""
        if not selection:
            return Part(configuration=self.configuration, selection=selection)
        latest = self.parts.state.latest() if self.has_state else None
        return part_of(self.configuration, latest.configuration if latest else None, selection)

    def unready(self, plan: Plan) -> OperatorError | None:
        """Why apply would refuse for the signing secret of an endpoint to be adopted; None where it is there."""
        try:
            adopted_secrets(plan, self.configuration, self.parts.secrets)
        except OperatorError as problem:
            return problem
        return None

    def drift(self) -> Plan:
        """A plan of now, made without a probe, for what it says of drift; OperatorError where nothing was applied."""
        return check_drift(
            readers=self.parts.reader_for,
            state=self.parts.state,
            as_of=self.parts.clock.now(),
            wanted=self.configuration,
            places=self.loaded.places,
        )


def reasons_of(given: Sequence[str]) -> dict[str, str]:
    """`NAME=REASON` of `--accept-impact`; OperatorError (USAGE) without a reason."""
    found: dict[str, str] = {}
    for each in given:
        name, _, reason = each.partition("=")
        if not name or not reason.strip():
            raise OperatorError(
                "--accept-impact takes the guard and the reason, which is recorded",
                code="E-accept-impact",
                hint='for example --accept-impact max_certain_cancellations="agreed with finance, ticket 417"',
                kind=ErrorKind.USAGE,
            )
        found[name] = reason.strip()
    return found


@contextlib.contextmanager
def bench(
    *, manifests: Sequence[str], state_path: str, stripe_api: str | None, allow_secret_commands: bool, create: bool
) -> Iterator[Bench]:
    """Load, open, check the keys. Without `create` a missing state is none, and nothing is written (invariant E1)."""
    loaded = files.load_manifest(manifests, allow_secret_commands=allow_secret_commands)
    configuration = loaded.configuration
    if configuration is None:  # pragma: no cover - load_manifest has raised
        raise files.invalid(loaded)
    if create and state_path == NONE:
        raise OperatorError(
            "nothing is applied without a state",
            code="E-state-none",
            hint="name a file or the control door with --state",
            kind=ErrorKind.USAGE,
        )
    if create and state_path == MEMORY:
        raise OperatorError(
            "what is applied has to be kept: a state in memory would lose the webhook's signing secret",
            code="E-state-memory",
            hint="name a file with --state",
            kind=ErrorKind.USAGE,
        )
    with opened(state_path, stripe_api, allow_secret_commands, create=create) as (parts, has_state):
        _ready(parts, loaded, configuration, stripe_api)
        yield Bench(loaded=loaded, configuration=configuration, parts=parts, has_state=has_state)


@contextlib.contextmanager
def opened(
    state_path: str, stripe_api: str | None, allow_secret_commands: bool = False, *, create: bool = False
) -> Iterator[tuple[bootstrap.ControlParts, bool]]:
    """The parts, and whether there is a state: without `create` a missing one is none, and nothing is written (E1)."""
    has_state = create or _is_there(state_path)
    parts = bootstrap.open_control(
        state_path if has_state else MEMORY, stripe_api, allow_secret_commands, create=create or not has_state
    )
    try:
        yield parts, has_state
    finally:
        parts.close()


def _ready(parts: bootstrap.ControlParts, loaded: Loaded, configuration: Configuration, stripe_api: str | None) -> None:
    """Tell the gateways of the configuration, and check the keys; nothing is sent when one is wrong."""
    parts.learn(configuration)
    if stripe_api:
        output.note(f"Stripe is the simulator at {stripe_api}, and so is the time")
    bootstrap.agree_on_time(parts.state, parts.clock)
    check_keys(parts, configuration, loaded.places)


def check_keys(parts: bootstrap.ControlParts, configuration: Configuration, places: Mapping[str, Place]) -> None:
    """Every fault of the keys is told; OperatorError (exit 4) when there is one, before anything is sent."""
    faults = key_faults(configuration, places, parts.secrets)
    if faults:
        for each in faults:
            output.note(output.printable(each.text()))
        raise OperatorError(
            f"{len(faults)} fault{'' if len(faults) == 1 else 's'} in the API keys; nothing was sent",
            code="E-keys",
            kind=ErrorKind.KEY_REFUSED,
        )


@contextlib.contextmanager
def bench_of_revision(
    *, number: int, state_path: str, stripe_api: str | None, allow_secret_commands: bool
) -> Iterator[Bench]:
    """A bench for the configuration that was applied as revision `number`; no manifest is read."""
    parts = bootstrap.open_control(state_path, stripe_api, allow_secret_commands, create=False)
    try:
        found = revision_of(parts.state, number)
        loaded = Loaded(
            configuration=found.configuration, diagnostics=(), places={}, digest=found.configuration.digest()
        )
        _ready(parts, loaded, found.configuration, stripe_api)
        yield Bench(loaded=loaded, configuration=found.configuration, parts=parts, has_state=True)
    finally:
        parts.close()


def _is_there(state_path: str) -> bool:
    """False only where there is surely none yet; what cannot be looked at is told when it is opened."""
    if state_address.is_door(state_path):
        return True
    if state_path == NONE:
        return False
    try:
        Path(state_path).stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
