"""`flexpay import`: a manifest from the account that two keys open. Changes nothing but the file it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexpay_reconcile.cli import options, output

if TYPE_CHECKING:
    from flexpay_reconcile.values.secret import SecretRef


@click.command("import")
@click.option(
    "--primary",
    required=True,
    callback=options.secret_reference,
    metavar="REF",
    help="Where the primary key is: env:NAME, file:PATH.",
)
@click.option(
    "--fallback", required=True, callback=options.secret_reference, metavar="REF", help="Where the fallback key is."
)
@click.option(
    "--name", default="acme", show_default=True, metavar="ID", help="The integration's id, where no endpoint tells it."
)
@click.option("--company", default="acme", show_default=True, metavar="ID", help="The company's id.")
@click.option("--url", metavar="URL", help="Where Stripe shall post, where no endpoint of ours is there.")
@click.option("--account", metavar="ACCT", help="The account, where Stripe does not tell whose keys these are.")
@click.option(
    "--out", default=options.DEFAULT_MANIFEST, show_default=True, metavar="FILE", help="The file to write; - prints it."
)
@click.option("--overwrite", is_flag=True, help="Write over the file, if it is there.")
@options.state
@options.stripe_api
def command(
    primary: SecretRef,
    fallback: SecretRef,
    name: str,
    company: str,
    url: str | None,
    account: str | None,
    out: str,
    overwrite: bool,
    state_path: str,
    stripe_api: str | None,
) -> int:
    """Write a manifest for an account that exists; adopts what is there, and changes nothing."""
    from flexpay_reconcile.cli import files, importing

    if out != "-" and not overwrite:
        files.refuse_existing(out)
    text = importing.manifest_of(
        primary=primary,
        fallback=fallback,
        name=name,
        company=company,
        url=url,
        account=account,
        state_path=state_path,
        stripe_api=stripe_api,
    )
    if out == "-":
        output.result(text.rstrip("\n"))
        return 0
    files.write_manifest(out, text, overwrite=overwrite)
    output.result(f"wrote {out}")
    output.note("next: read it, then `flexpay plan`")
    return 0
