"""`flexpay rollback --to N`: plans the way back to an applied revision, and applies it as a new one. Never charges."""

from __future__ import annotations

import sys

import click

from flexpay_reconcile.cli import apply, exit_codes, options, output
from flexpay_reconcile.errors import ErrorKind, OperatorError


@click.command("rollback")
@click.option(
    "--to", "number", type=click.IntRange(min=1), required=True, metavar="N", help="The revision to go back to."
)
@options.state
@options.stripe_api
@options.secret_commands
@options.color
@options.output_format("text", "json")
@options.write_probes
@options.accept_account
@click.option("--plan", "plan_only", is_flag=True, help="Only show the plan; change nothing.")
@click.option("--auto-approve", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
def command(
    number: int,
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    color: str,
    format_: str,
    write_probes: bool,
    accepted: tuple[str, ...],
    plan_only: bool,
    auto_approve: bool,
) -> int:
    """Go back to the configuration of revision N, as a new revision.

    The manifest in Git is not changed: revert it too, or the next apply of it goes forward again.
    """
    from flexpay_reconcile.cli import planning
    from flexpay_reconcile.reconcile import codec
    from flexpay_reconcile.reconcile.render.text import render

    asking = not plan_only and not auto_approve
    if asking and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OperatorError(
            "rollback needs --plan, --auto-approve, or a terminal to ask on", code="E-approval", kind=ErrorKind.USAGE
        )
    with planning.bench_of_revision(
        number=number, state_path=state_path, stripe_api=stripe_api, allow_secret_commands=allow_secret_commands
    ) as bench:
        plan = bench.plan(accepted=frozenset(accepted), write_probes=write_probes)
        document = codec.to_json(plan)
        if format_ == "text":
            output.result(render(document, colour=output.colour(color)))
        if plan_only:
            if format_ == "json":
                output.result_json(document)
            return exit_codes.worst(exit_codes.of_kind(each) for each in plan.faults)
        if asking and plan.has_changes and not plan.refusals:
            apply.ask()
        report = apply.carry_out(bench, plan)
    apply.tell(report, document, format_)
    output.note("the manifest in Git still says otherwise: revert it too, or the next apply of it goes forward again")
    return exit_codes.DONE
