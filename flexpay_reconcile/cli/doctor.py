"""`flexpay doctor`: is everything well, and if not, what to do. Changes nothing."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import exit_codes, options, output


@click.command("doctor")
@options.state
@options.stripe_api
@options.secret_commands
@options.color
@options.output_format("text", "json")
@options.write_probes
def command(
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    color: str,
    format_: str,
    write_probes: bool,
) -> int:
    """Check clock, keys, permissions, webhooks, disk, database; say what to do. Exit 1 when something is not well."""
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.bootstrap import upkeep
    from flexpay_reconcile.operations.check_health import Health, check_health
    from flexpay_reconcile.values import plain

    verified = upkeep.verify(state_path)
    parts = bootstrap.open_control(state_path, stripe_api, allow_secret_commands, create=False)
    try:
        found = check_health(
            state=parts.state,
            store=parts.store,
            readers=parts.reader_for,
            machine=upkeep.machine(parts, state_path, verified),
            now=parts.clock.now(),
            write_probes=write_probes,
        )
    finally:
        parts.close()
    bad = [each for each in found if each.health in (Health.SICK, Health.UNKNOWN)]
    if format_ == "json":
        output.result_json({"well": not bad, "findings": [plain.to_plain(each) for each in found]})
        return exit_codes.FAILED if bad else exit_codes.DONE
    paint = output.colour(color)
    styles = {Health.WELL: "green", Health.ALARM: "yellow", Health.SICK: "red", Health.UNKNOWN: "red"}
    for each in found:
        subject = f" {each.subject}" if each.subject else ""
        mark = output.paint(each.health.value.ljust(7), styles[each.health], paint)
        output.result(f"{mark} {each.what}{subject}: {output.printable(each.words)}")
        if each.remedy:
            output.result(f"        {output.printable(each.remedy)}")
    alarms = sum(each.health is Health.ALARM for each in found)
    output.result(f"{len(bad)} not well, {alarms} to see to" if bad or alarms else "all well")
    return exit_codes.FAILED if bad else exit_codes.DONE
