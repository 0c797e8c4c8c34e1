"""`flexpay explain`: the story of one invoice, for people who have never seen the engine. Reads the state only."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import options


@click.command("explain")
@click.argument("invoice", metavar="INVOICE")
@options.state
@options.output_format("text", "json")
def command(invoice: str, state_path: str, format_: str) -> None:
    """What happened to an invoice, what was decided and why, what comes next, and how it ends.

    INVOICE may also be a case, a subscription or a customer, where that stands for one invoice only.
    """
    from flexpay_reconcile.cli import _casebook as casebook

    casebook.tell(state_path, invoice, format_)
