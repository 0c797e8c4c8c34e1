"""`flexpay demo`: the whole product on a simulated merchant, in under a minute. Parses, calls the rehearsal, prints."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from flexpay_reconcile.errors import OperatorError

_STATES = ("even.db", "fixed.db")
_SUFFIXES = ("", "-wal", "-shm", ".key")
_LINE_EVERY_DAYS = 15


@click.command("demo")
@click.option("--days", type=click.IntRange(1, 365), default=60, show_default=True, help="Simulated days.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Folder with scenario.yaml and manifests."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("flexpay-demo"),
    show_default=True,
    help="Where the two state files go; those of an earlier demo are replaced.",
)
def command(days: int, folder: Path | None, into: Path) -> None:
    """Run a simulated merchant through plan, apply and sixty days of recovery."""
    from flexpay_reconcile.rehearsal import demo, merchant

    _clear(into)
    told = demo.Told(say=_say, progress=_progress)
    demo.run(folder or merchant.EXAMPLE, into, told, days=days, program=_program())


def _program() -> str:
    """How to call us again: by name where that is on the path, else as we were called."""
    called = Path(sys.argv[0])
    if shutil.which("flexpay") is not None or called.name != "flexpay":
        return "flexpay"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _say(text: str) -> None:
    """A result on stdout, below any moving line."""
    if sys.stderr.isatty():
        click.echo("", err=True)
    click.echo(text)


def _clear(into: Path) -> None:
    """Make the folder, and remove only files an earlier demo made."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name in _STATES:
            for suffix in _SUFFIXES:
                (into / f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as problem:
        raise OperatorError(f"{into} cannot be used: {problem.strerror}", code="E-demo-folder") from problem


def _progress(title: str, day: object) -> None:
    """One moving line on a terminal; a line now and then elsewhere. On stderr: stdout holds the result."""
    number, failed, recovered = (int(getattr(day, name)) for name in ("number", "failed", "recovered"))
    text = f"{title}: day {number:>2}   failed payments {failed:>3}   recovered {recovered:>3}"
    if sys.stderr.isatty():
        click.echo(f"\r{text}", nl=False, err=True)
    elif number % _LINE_EVERY_DAYS == 0:
        click.echo(text, err=True)
