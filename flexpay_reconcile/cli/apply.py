"""`flexpay apply`: makes a plan true, after somebody said yes. Never charges; no command does."""

from __future__ import annotations

import getpass
import os
import socket
import sys
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
    auto_approve: bool,
) -> int:
    """Apply a plan saved by `flexpay plan --out FILE`, or plan, ask, and apply."""
    from flexpay_reconcile.cli import files, planning
    from flexpay_reconcile.reconcile import codec, stale
    from flexpay_reconcile.reconcile.render.text import render

    asking = plan_file is None and not auto_approve
    if asking and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OperatorError(
            "apply needs a saved plan, --auto-approve, or a terminal to ask on",
            code="E-approval",
            hint="flexpay plan --out plan.json, look at it, then: flexpay apply plan.json",
            kind=ErrorKind.USAGE,
        )
    saved = codec.read_saved(files.read_text(plan_file)) if plan_file is not None else None
    with planning.bench(
        manifests=manifests,
        state_path=state_path,
        stripe_api=stripe_api,
        allow_secret_commands=allow_secret_commands,
        create=True,
    ) as bench:
        agreed = frozenset(accepted) | (stale.accepted_accounts(saved) if saved else frozenset())
        plan = bench.plan(accepted=agreed, write_probes=write_probes)
        document = codec.to_json(plan)
        if saved is not None:
            _refuse_stale(stale.differences(saved, document))
        if format_ == "text":
            output.result(render(document, colour=output.colour(color)))
        if asking and plan.has_changes and not plan.refusals:
            ask()
        report = carry_out(bench, plan)
    tell(report, document, format_)
    return exit_codes.DONE


def _refuse_stale(moved: tuple[str, ...]) -> None:
    if moved:
        raise OperatorError(
            "the saved plan no longer fits: " + "; ".join(moved),
            code="E-plan-stale",
            hint="plan again, look, and apply that; nothing was changed",
            kind=ErrorKind.PLAN_STALE,
        )


def ask() -> None:
    """Go on only for `yes`; OperatorError for anything else."""
    sys.stderr.write("Apply these changes? Only `yes` is a yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise OperatorError("not approved; nothing was changed", code="E-not-approved")


def carry_out(bench: Bench, plan: Plan) -> ApplyReport:
    """Apply a plan made at this bench, in the name of who runs this."""
    from flexpay_reconcile.operations.apply_plan import World, apply_plan
    from flexpay_reconcile.operations.apply_steps import Holder

    parts = bench.parts
    return apply_plan(
        plan=plan,
        configuration=bench.configuration,
        world=World(
            readers=parts.reader_for,
            writers=parts.writer_for,
            state=parts.state,
            clock=parts.clock,
            identifiers=parts.identifiers,
        ),
        holder=Holder(owner=_user(), host=socket.gethostname(), pid=os.getpid()),
        progress=output.note,
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
