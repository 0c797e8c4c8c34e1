"""`flexpay version`. Prints one line and looks at nothing."""

from __future__ import annotations

import click

from flexpay_reconcile import __version__
from flexpay_reconcile.cli import output


@click.command("version")
def command() -> int:
    """Print the version."""
    output.result(f"flexpay {__version__}")
    return 0
