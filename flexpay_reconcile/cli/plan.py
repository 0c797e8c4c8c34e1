"""`flexpay plan`: what apply would change. Writes nothing, at Stripe or here, but the files it is told to."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import exit_codes, options, output


@click.command("plan")
@options.manifest
@options.state
@options.stripe_api
@options.secret_commands
@options.color
@options.output_format("text", "json", "markdown")
@options.write_probes
@options.accept_account
@options.accept_impact
@options.as_of
@options.selection
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Save the plan for `flexpay apply FILE`.")
@click.option("--json-into", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the plan's JSON here.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option("--strict", is_flag=True, help="Exit with 10 when manual steps are outstanding.")
def command(
    manifests: tuple[str, ...],
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    color: str,
    format_: str,
    write_probes: bool,
    accepted: tuple[str, ...],
    accepted_impacts: tuple[str, ...],
    as_of: str | None,
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
    out: str | None,
    json_into: str | None,
    detailed_exitcode: bool,
    strict: bool,
) -> int:
    """Show what apply would change; writes nothing."""
    from flexpay_reconcile.cli import files, planning
    from flexpay_reconcile.reconcile import codec
    from flexpay_reconcile.reconcile.render import markdown
    from flexpay_reconcile.reconcile.render.text import render
    from flexpay_reconcile.reconcile.targets import Selection

    chosen = Selection(target=targets, exclude=excluded)

    with planning.bench(
        manifests=manifests,
        state_path=state_path,
        stripe_api=stripe_api,
        allow_secret_commands=allow_secret_commands,
        create=False,
    ) as bench:
        plan = bench.plan(
            accepted=frozenset(accepted),
            write_probes=write_probes,
            as_of=as_of,
            accepted_impacts=accepted_impacts,
            selection=chosen,
        )
        unready = bench.unready(plan)
    document = codec.to_json(plan)
    text = codec.to_text(document)
    for path in (out, json_into):
        if path is not None:
            files.write_private(path, text)
    match format_:
        case "json":
            output.result(text)
        case "markdown":
            output.result(markdown.render(document))
        case _:
            output.result(render(document, colour=output.colour(color)))
    if out:
        output.note(f"saved to {out}; apply exactly this with: flexpay apply {out}")
    codes = [exit_codes.of_kind(each) for each in plan.faults]
    if unready is not None:  # told apart: what the plan says must not depend on where it is made
        output.error(unready)
        codes.append(exit_codes.of_kind(unready.kind))
    if detailed_exitcode and plan.has_changes:
        codes.append(exit_codes.CHANGES_PRESENT)
    if strict and document["summary"]["manual"]:
        codes.append(exit_codes.MANUAL_STEPS)
    return exit_codes.worst(codes)
