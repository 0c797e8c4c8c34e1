"""`flexpay completion SHELL`: the script that lets a shell complete commands, options and resource addresses."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import output


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script; bash: eval "$(flexpay completion bash)"."""
    from click.shell_completion import get_completion_class

    from flexpay_reconcile.cli.main import cli

    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - the choices are those that click knows
        raise click.BadParameter("no such shell")
    # BashComplete.source() would start bash to ask its version; the script itself needs none of that.
    complete = found(cli, {}, "flexpay", "_FLEXPAY_COMPLETE")
    output.result(complete.source_template % complete.source_vars())
    return 0
