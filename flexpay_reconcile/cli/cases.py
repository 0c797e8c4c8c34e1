"""`flexpay cases`: recovery cases, listed and shown. Reads the state only."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import options, output
from flexpay_reconcile.recovery.case import CaseState


@click.group("cases")
def group() -> None:
    """Recovery cases: one for each invoice that failed."""


@group.command("list")
@options.state
@click.option(
    "--state-is",
    "states",
    type=click.Choice([each.value for each in CaseState]),
    multiple=True,
    help="Only cases in this state; may be given several times.",
)
@click.option("--integration", metavar="ID", help="Only cases of this integration.")
@options.output_format("text", "json")
def list_(state_path: str, states: tuple[str, ...], integration: str | None, format_: str) -> None:
    """List cases, newest first, with the date of the next attempt."""
    from flexpay_reconcile.cli import _casebook as casebook
    from flexpay_reconcile.cli._tables import columns
    from flexpay_reconcile.recovery import report_text

    with casebook.opened(state_path) as parts:
        cases = casebook.listed(parts, [CaseState(each) for each in states], integration)
    if format_ == "json":
        output.result_json(casebook.list_json(cases))
    elif not cases:
        output.note("no cases")
    else:
        rows = [report_text.LIST_HEAD, *(report_text.list_row(each) for each in cases)]
        output.result(output.printable("\n".join(columns(rows))))


@group.command("show")
@click.argument("case", metavar="CASE|INVOICE")
@options.state
@options.output_format("text", "json")
def show(case: str, state_path: str, format_: str) -> None:
    """One case with all that happened, as `flexpay explain` tells it."""
    from flexpay_reconcile.cli import _casebook as casebook

    casebook.tell(state_path, case, format_)
