"""`flexpay drift`: what moved at Stripe since the last apply. Cannot write, at Stripe or here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexpay_reconcile.cli import exit_codes, options, output

if TYPE_CHECKING:
    from flexpay_reconcile.reconcile.plan import Plan


@click.command("drift")
@options.manifest
@options.state
@options.stripe_api
@options.secret_commands
@options.color
@options.output_format("text", "json", "markdown")
@click.option("--json-into", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the report's JSON here.")
def command(
    manifests: tuple[str, ...],
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    color: str,
    format_: str,
    json_into: str | None,
) -> int:
    """Show what moved at Stripe since the last apply; writes nothing. Exit 2 when something did.

    Compared with the manifest; with what was last applied where there is no manifest at hand.
    """
    from flexpay_reconcile.cli import files
    from flexpay_reconcile.operations.check_drift import APPLIED, MANIFEST
    from flexpay_reconcile.reconcile import codec, drift_report
    from flexpay_reconcile.reconcile.render import drift as rendering

    with_manifest = bool(manifests) or Path(options.DEFAULT_MANIFEST).exists()
    if with_manifest:
        plan = _against_manifest(manifests, state_path, stripe_api, allow_secret_commands)
    else:
        plan = _against_applied(state_path, stripe_api, allow_secret_commands)
    document = drift_report.report(plan, against=MANIFEST if with_manifest else APPLIED)
    if json_into is not None:
        files.write_private(json_into, codec.to_text(document))
    match format_:
        case "json":
            output.result_json(document)
        case "markdown":
            output.result(rendering.markdown(document))
        case _:
            output.result(rendering.render(document, colour=output.colour(color)))
    return _code(plan, found=document["drift_found"])


def _code(plan: Plan, *, found: bool) -> int:
    """Not being able to look is no answer, whatever else was found."""
    codes = [exit_codes.CHANGES_PRESENT] if found else []
    if plan.deferred:
        codes += [exit_codes.of_kind(each) for each in plan.faults] or [exit_codes.FAILED]
    return exit_codes.worst(codes)


def _against_manifest(
    manifests: tuple[str, ...], state_path: str, stripe_api: str | None, allow_secret_commands: bool
) -> Plan:
    from flexpay_reconcile.cli import planning

    with planning.bench(
        manifests=manifests,
        state_path=state_path,
        stripe_api=stripe_api,
        allow_secret_commands=allow_secret_commands,
        create=False,
    ) as bench:
        return bench.drift()


def _against_applied(state_path: str, stripe_api: str | None, allow_secret_commands: bool) -> Plan:
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.operations.check_drift import check_drift

    parts = bootstrap.open_control(state_path, stripe_api, allow_secret_commands, create=False)
    try:
        bootstrap.agree_on_time(parts.state, parts.clock)
        return check_drift(readers=parts.reader_for, state=parts.state, as_of=parts.clock.now())
    finally:
        parts.close()
