"""`flexpay schema`: the published JSON schemas, from the package itself. Checks nothing against them."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import output


@click.command("schema")
@click.argument("which", type=click.Choice(["manifest", "plan"]), default="manifest")
def command(which: str) -> int:
    """Print the JSON schema of manifests (default) or of plans."""
    import json

    if which == "manifest":
        from flexpay_reconcile.manifest.data import manifest_schema as schema
    else:
        from flexpay_reconcile.reconcile.data import plan_schema as schema
    output.result(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
