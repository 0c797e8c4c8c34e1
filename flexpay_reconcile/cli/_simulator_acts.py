"""Commands of `flexpay simulator` beyond the tour: any control verb, the judge, a fresh start. They speak HTTP only."""

from __future__ import annotations

import json
from typing import Any

import click

from flexpay_reconcile.cli import exit_codes, options, output

_VERB_WIDTH = 20


@click.command("do")
@click.argument("verb", required=False)
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@options.stripe_api
@options.output_format("text", "json")
def do(verb: str | None, fields: tuple[str, ...], stripe_api: str | None, format_: str) -> None:
    """Carry out one control verb, such as `do card customer=ada token=pm_card_visa`; without a verb, list them all."""
    from flexpay_reconcile.cli import _simulator_client as client

    url = stripe_api or client.DEFAULT_URL
    verbs = client.ask(url, "GET", "verbs")["verbs"]
    if verb is None:
        output.result(output.printable("\n".join(_listed(name, told) for name, told in verbs.items())))
        return
    if verb not in verbs:
        raise click.UsageError(f"no verb {verb!r}; `flexpay simulator do` lists them")
    answer = client.ask(url, "POST", verb, _document(fields, {**verbs[verb]["required"], **verbs[verb]["optional"]}))
    if format_ == "json":
        output.result_json(answer)
        return
    said = {name: value for name, value in answer.items() if name != "now"}
    output.result(output.printable(json.dumps(said, ensure_ascii=False) if said else f"{verb}: done"))


def _listed(name: str, told: dict[str, Any]) -> str:
    fields = [*told["required"], *(f"[{field}]" for field in told["optional"])]
    return f"{name:<{_VERB_WIDTH}} {told['words']}\n{'':<{_VERB_WIDTH}} {' '.join(fields)}"


def _document(fields: tuple[str, ...], kinds: dict[str, str]) -> dict[str, Any]:
    """The fields as the verb wants them: numbers, texts, or (`any`) JSON where it is JSON."""
    document: dict[str, Any] = {}
    for each in fields:
        name, equals, text = each.partition("=")
        if not equals or name in document:
            raise click.UsageError(f"{each!r} is no FIELD=VALUE, or stands twice")
        document[name] = _value(name, text, kinds.get(name, "text"))
    return document


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "number":
        try:
            return int(text)
        except ValueError:
            raise click.UsageError(f"{name} must be a whole number, not {text!r}") from None
    if kind == "any":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


@click.command("judge")
@click.option(
    "--visa", type=click.IntRange(min=1), metavar="N", help="Refusals of a Visa card in 30 days.  [default: 15]"
)
@click.option("--mastercard", type=click.IntRange(min=1), metavar="N", help="The same for Mastercard.  [default: 35]")
@options.stripe_api
@options.output_format("text", "json")
def judge(visa: int | None, mastercard: int | None, stripe_api: str | None, format_: str) -> int:
    """What in the simulator's ledger should never have happened; exits with 1 when something is wrong."""
    from flexpay_reconcile.cli import _simulator_client as client
    from flexpay_reconcile.cli import _simulator_tables as tables

    given = {"visa": visa, "mastercard": mastercard}
    query = "&".join(f"{name}={number}" for name, number in given.items() if number is not None)
    document = client.pages(stripe_api or client.DEFAULT_URL, "findings", query)
    if format_ == "json":
        output.result_json(document)
    else:
        output.result(output.printable("\n".join(tables.lines("findings", document))))
    return exit_codes.FAILED if document["wrong"] else exit_codes.DONE


@click.command("reset")
@options.stripe_api
def reset(stripe_api: str | None) -> None:
    """Begin again from the scenario: clock, objects and ledger. Daemons that followed have to be started anew."""
    from flexpay_reconcile.cli import _simulator_client as client
    from flexpay_reconcile.values.instant import Instant

    answer = client.ask(stripe_api or client.DEFAULT_URL, "POST", "reset", {})
    output.result(f"It is {Instant.from_seconds(answer['now']).short_text()} again.")
