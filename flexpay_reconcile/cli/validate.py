"""`flexpay validate`: every fault of a manifest at once. Needs no secret, no network and no state."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import exit_codes, options, output


@click.command("validate")
@options.manifest
@options.secret_commands
@options.output_format("text", "json")
def command(manifests: tuple[str, ...], allow_secret_commands: bool, format_: str) -> int:
    """Check a manifest; needs no secret, network or state."""
    from flexpay_reconcile.cli.files import invalid, read_and_load
    from flexpay_reconcile.values import plain

    loaded = read_and_load(manifests, allow_secret_commands=allow_secret_commands)
    configuration = loaded.configuration
    if format_ == "json":
        diagnostics = [plain.to_plain(each) for each in loaded.diagnostics]
        output.result_json({"valid": configuration is not None, "digest": loaded.digest, "diagnostics": diagnostics})
        return exit_codes.DONE if configuration is not None else exit_codes.MANIFEST_INVALID
    for each in loaded.diagnostics:
        output.note(output.printable(each.text()))
    if configuration is None:
        raise invalid(loaded)
    output.result(
        f"valid: companies {' '.join(configuration.companies)}; integrations {' '.join(configuration.integrations)}; "
        f"retry policies {' '.join(configuration.retry_policies)}; currencies {' '.join(configuration.currencies)}"
    )
    return exit_codes.DONE
