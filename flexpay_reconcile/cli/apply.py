"""`flexpay apply`: makes a plan true, after somebody said yes. Never charges; no command does."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from flexpay_reconcile.cli import exit_codes, options, output
from flexpay_reconcile.errors import ErrorKind, OperatorError

if TYPE_CHECKING:
    from flexpay_reconcile.cli.planning import Bench
    from flexpay_reconcile.operations.apply_plan import ApplyReport
    from flexpay_reconcile.reconcile.plan import Plan


@click.command("apply")
@click.argument("plan_file", required=False, type=click.Path(dir_okay=False, readable=False), metavar="[FILE]")
@options.manifest
@options.state
@options.stripe_api
@options.secret_commands
@options.color
@options.output_format("text", "json")
@options.write_probes
@options.accept_account
@options.lock_timeout
@options.accept_impact
@options.selection
@click.option("--auto-approve", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
def command(
    plan_file: str | None,
    manifests: tuple[str, ...],
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    color: str,
    format_: str,
    write_probes: bool,
    accepted: tuple[str, ...],
    lock_timeout: int,
    accepted_impacts: tuple[str, ...],
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
    auto_approve: bool,
) -> int:
    """Apply a plan saved by `flexpay plan --out FILE`, or plan, ask, and apply."""
    from flexpay_reconcile.cli import files, planning
    from flexpay_reconcile.reconcile import codec, impact, stale
    from flexpay_reconcile.reconcile.render.text import render
    from flexpay_reconcile.reconcile.targets import Selection

    asking = plan_file is None and not auto_approve
    if asking and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OperatorError(
            "apply needs a saved plan, --auto-approve, or a terminal to ask on",
            code="E-approval",
            hint="flexpay plan --out plan.json, look at it, then: flexpay apply plan.json",
            kind=ErrorKind.USAGE,
        )
    saved = codec.read_saved(files.read_text(plan_file)) if plan_file is not None else None
    chosen = Selection(target=targets, exclude=excluded)
    if saved is not None:
        _refuse_selection(given=bool(chosen))
        chosen = codec.selection_of(saved)
    with planning.bench(
        manifests=manifests,
        state_path=state_path,
        stripe_api=stripe_api,
        allow_secret_commands=allow_secret_commands,
        create=True,
    ) as bench:
        agreed = frozenset(accepted) | (stale.accepted_accounts(saved) if saved else frozenset())
        reasons = [*stale.accepted_impacts(saved), *accepted_impacts] if saved else accepted_impacts
        hand = _Hand(bench=bench, lock_timeout=lock_timeout)
        # Nobody holds a lock while a person thinks; who does not ask holds it from before the look at Stripe.
        with contextlib.nullcontext() if asking else hand.locked():
            plan = bench.plan(
                accepted=agreed,
                write_probes=write_probes,
                beat=hand.beat,
                accepted_impacts=reasons,
                selection=chosen,
            )
            document = codec.to_json(plan)
            if saved is not None:
                _refuse_stale(stale.differences(saved, document))
                _refuse_grown(impact.grown(saved, document, bench.configuration.guards.impact_growth_percent))
            if format_ == "text":
                output.result(render(document, colour=output.colour(color)))
            if asking and plan.has_changes and not plan.refusals:
                ask()
            report = hand.apply(plan)
    tell(report, document, format_)
    return exit_codes.DONE


def _refuse_selection(*, given: bool) -> None:
    if given:
        raise OperatorError(
            "a saved plan says itself what it is for",
            code="E-target",
            hint="give --target and --exclude to `flexpay plan --out FILE`",
            kind=ErrorKind.USAGE,
        )


def _refuse_stale(moved: tuple[str, ...]) -> None:
    if moved:
        raise OperatorError(
            "the saved plan no longer fits: " + "; ".join(moved),
            code="E-plan-stale",
            hint="plan again, look, and apply that; nothing was changed",
            kind=ErrorKind.PLAN_STALE,
        )


def _refuse_grown(why: str | None) -> None:
    if why is not None:
        raise OperatorError(why, code="E-impact-grown", hint="nothing was changed", kind=ErrorKind.GUARD_REFUSED)


def ask() -> None:
    """Go on only for `yes`; OperatorError for anything else."""
    sys.stderr.write("Apply these changes? Only `yes` is a yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise OperatorError("not approved; nothing was changed", code="E-not-approved")


def carry_out(bench: Bench, plan: Plan) -> ApplyReport:
    """Apply a plan made at this bench, in the name of who runs this."""
    return _Hand(bench=bench, lock_timeout=0).apply(plan)


class _Hand:
    """Who applies: takes the lock, keeps it, carries out. Waits for a lock as long as it was told to."""

    def __init__(self, *, bench: Bench, lock_timeout: int) -> None:
        from flexpay_reconcile.operations.apply_steps import Holder, Patience
        from flexpay_reconcile.values.instant import Span

        self._bench = bench
        self._holder = Holder(owner=_user(), host=socket.gethostname(), pid=os.getpid())
        self._patience = Patience(
            timeout=Span.of(seconds=lock_timeout), pause=lambda span: time.sleep(span.ms / 1000), told=output.note
        )
        self._held: str | None = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock from here on."""
        from flexpay_reconcile.operations.apply_steps import lock_held

        parts = self._bench.parts
        nonce = parts.identifiers.fresh()
        with lock_held(parts.state, parts.clock, self._holder, nonce, self._patience):
            self._held = nonce
            yield

    def beat(self) -> None:
        """Keep the lock, if it is held."""
        from flexpay_reconcile.operations.apply_steps import LOCK_TTL

        if self._held is not None:
            self._bench.parts.state.refresh_lock(self._held, self._bench.parts.clock.now(), LOCK_TTL)

    def apply(self, plan: Plan) -> ApplyReport:
        """Carry the plan out."""
        from flexpay_reconcile.operations.apply_plan import World, apply_plan

        parts = self._bench.parts
        return apply_plan(
            plan=plan,
            configuration=self._bench.part(plan.selection).configuration,
            world=World(
                readers=parts.reader_for,
                writers=parts.writer_for,
                state=parts.state,
                clock=parts.clock,
                identifiers=parts.identifiers,
                secrets=parts.secrets,
            ),
            holder=self._holder,
            progress=output.note,
            held=self._held,
            patience=self._patience,
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return f"uid {os.getuid()}"


def tell(report: ApplyReport, document: dict[str, Any], format_: str) -> None:
    """Say what came of it."""
    if format_ == "json":
        output.result_json({"plan_id": document["plan_id"], "applied": list(report.done), "revision": report.revision})
    elif report.revision is not None:
        output.result(f"Applied. Configuration revision {report.revision} is in force.")
    elif report.done:
        output.result("Applied.")
