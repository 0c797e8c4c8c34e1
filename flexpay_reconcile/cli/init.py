"""`flexpay init`: a first manifest to edit. Never writes over a file that is there."""

from __future__ import annotations

from pathlib import Path

import click

from flexpay_reconcile.cli import options, output


@click.command("init")
@click.argument("path", type=click.Path(dir_okay=False), default=options.DEFAULT_MANIFEST)
def command(path: str) -> int:
    """Write a first manifest to PATH (default: flexpay.yaml)."""
    from flexpay_reconcile.errors import OperatorError
    from flexpay_reconcile.manifest.starter import starter_manifest

    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(starter_manifest())
    except FileExistsError:
        raise OperatorError(
            f"{path} is there already and was left as it is", code="E-init-exists", hint="name another file"
        ) from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}", code="E-file-write") from None
    output.result(f"wrote {path}")
    output.note("next: edit it, then `flexpay validate`, then `flexpay plan`")
    return 0
