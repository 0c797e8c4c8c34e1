"""`flexpay history`: the applied revisions. Reads the state only; asks Stripe nothing."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import options, output


@click.command("history")
@options.state
@options.output_format("text", "json")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
def command(state_path: str, format_: str, limit: int) -> int:
    """What was applied, when and by whom, newest first; `flexpay rollback --to N` goes back to one."""
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.operations.read_history import history
    from flexpay_reconcile.values import plain

    parts = bootstrap.open_control(state_path, None, create=False)
    try:
        revisions = history(parts.state, limit=limit)
    finally:
        parts.close()
    if format_ == "json":
        output.result_json({"revisions": [plain.to_plain(each) for each in revisions]})
        return 0
    lines = []
    for each in revisions:
        lines.append(
            f"revision {each.revision}, applied {each.applied_at.text()} by {output.printable(each.applied_by)}"
        )
        for sign, addresses in (("+", each.added), ("~", each.changed), ("-", each.removed)):
            lines += [f"  {sign} {address}" for address in addresses]
    output.result("\n".join(lines) or "nothing is applied yet")
    return 0
