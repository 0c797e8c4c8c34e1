"""`flexpay show`: a saved plan, or what the state holds of every resource. Asks Stripe nothing, shows no secret."""

from __future__ import annotations

import os
from typing import Any

import click

from flexpay_reconcile.cli import options, output
from flexpay_reconcile.cli.completing import Address
from flexpay_reconcile.errors import ErrorKind, OperatorError


@click.command("show")
@click.argument("what", required=False, metavar="[PLAN.json|ADDRESS]", type=Address())
@options.state
@options.color
@options.output_format("text", "json", "markdown")
def command(what: str | None, state_path: str, color: str, format_: str) -> int:
    """Show a plan saved by `flexpay plan --out`, or the applied resources, all or the one with this address."""
    if what is not None and (what.endswith(".json") or "/" in what or os.path.isfile(what)):  # noqa: PTH113 - Path.is_file raises for names too long
        _plan(what, color, format_)
    elif format_ == "markdown":
        raise OperatorError("Markdown is for plans: name a saved one", code="E-show-format", kind=ErrorKind.USAGE)
    else:
        _state(what, state_path, format_)
    return 0


def _plan(path: str, color: str, format_: str) -> None:
    from flexpay_reconcile.cli import files
    from flexpay_reconcile.reconcile import codec
    from flexpay_reconcile.reconcile.render import markdown
    from flexpay_reconcile.reconcile.render.text import render

    document = codec.read_saved(files.read_text(path))
    match format_:
        case "json":
            output.result(codec.to_text(document))
        case "markdown":
            output.result(markdown.render(document))
        case _:
            output.result(render(document, colour=output.colour(color)))


def _state(address: str | None, state_path: str, format_: str) -> None:
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.operations.read_history import resources_of
    from flexpay_reconcile.reconcile.render.words import value

    parts = bootstrap.open_control(state_path, None, create=False)
    try:
        resources = resources_of(parts.state)
    finally:
        parts.close()
    if address is not None:
        resources = {each: found for each, found in resources.items() if each == address}
        if not resources:
            raise OperatorError(
                f"{address} is neither a saved plan nor an applied resource",
                code="E-show-nothing",
                hint="flexpay show lists the addresses",
            )
    if format_ == "json":
        output.result_json({"resources": resources})
        return
    lines: list[str] = []
    for each, found in resources.items():
        lines.append(each + (f"  ({found['provider_id']})" if found["provider_id"] else ""))
        lines += [f"    {name}  {value(thing)}" for name, thing in _flat(found["attributes"])]
    output.result("\n".join(lines) or "nothing is applied yet")


def _flat(attributes: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, thing in sorted(attributes.items()):
        if isinstance(thing, dict) and thing:
            rows += _flat(thing, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, thing))
    return rows
