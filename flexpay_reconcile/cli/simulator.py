"""`flexpay simulator`: start a small Stripe on this machine, and do to it what customers, issuers and time do.

Only `serve` imports the simulator; the other commands speak HTTP to one that runs.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from flexpay_reconcile.cli import _simulator_acts, options, output
from flexpay_reconcile.errors import FlexpayError

F = TypeVar("F", bound=Callable[..., Any])
_HOUR = 3600
_DAY = 24 * _HOUR
_ADVANCE_SECONDS = 3600.0
_POLL_SECONDS = 0.5


@click.group("simulator")
def group() -> None:
    """A small Stripe on this machine, with its own clock, to practise on."""


def _customer(command: F) -> F:
    return click.option(
        "--customer", required=True, metavar="NAME", help="As in the scenario, acct_…/NAME, or a cus_ id."
    )(command)


@group.command("serve")
@click.option("--port", type=click.IntRange(0, 65_535), default=4242, show_default=True, help="0 takes any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--scenario",
    "scenario_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="A scenario's file, or the name of a packaged one.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Instead of the scenario's own.")
@click.option("--list", "list_", is_flag=True, help="List the packaged scenarios and serve nothing.")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the scenario's API keys go, as NAME=value (readable by you only).",
)
def serve(
    port: int, host: str, scenario_file: Path | None, seed: int | None, list_: bool, env_file: Path | None
) -> None:
    """Serve until stopped; prints `ready URL` when it listens. Ctrl-C ends with 130, SIGTERM with 143."""
    from flexpay_reconcile.cli import _simulator_serve

    if list_:
        output.result("\n".join(f"{name:<24} {words}" for name, words in _simulator_serve.packaged()))
        return
    if scenario_file is None:
        raise click.UsageError("say which scenario: --scenario FILE; --list shows the packaged ones")
    _simulator_serve.run(host, port, scenario_file, env_file, seed=seed)


@group.command("advance")
@click.option("--days", type=click.IntRange(min=0), help="Days of 24 hours.")
@click.option("--hours", type=click.IntRange(min=0), help="May stand beside --days.")
@click.option(
    "--to", "instant", type=options.InstantType(), metavar="INSTANT", help="For example 2026-02-01T00:00:00Z."
)
@click.option("--next", "next_", is_flag=True, help="To the next thing that happens by itself.")
@options.stripe_api
@options.output_format("text", "json")
def advance(
    days: int | None, hours: int | None, instant: str | None, next_: bool, stripe_api: str | None, format_: str
) -> None:
    """Let virtual time pass; returns when everything up to then has happened and the daemon has done its work."""
    from flexpay_reconcile.values.instant import Instant

    if (instant is not None) + (days is not None or hours is not None) + next_ != 1:
        raise click.UsageError("say how far: --days and --hours, or --to, or --next")
    if next_:
        body: dict[str, Any] = {"until": "next_event"}
    elif instant is None:
        body = {"seconds": (days or 0) * _DAY + (hours or 0) * _HOUR}
    else:
        body = {"to": Instant.from_text(instant).seconds}
    answer = _advance(stripe_api, body)
    if format_ == "json":
        output.result_json(answer)
        return
    now = Instant.from_seconds(answer["now"]).short_text()
    failed = answer["failed_deliveries"]
    happened = f"{answer['events']} events, {answer['deliveries']} webhook deliveries, {failed} failed"
    output.result(f"It is {now}: {happened}.")
    if failed:
        output.note("Failed deliveries are tried again later; is the daemon running where the endpoint points to?")


def _advance(stripe_api: str | None, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for it, and on a terminal show how far the clock is."""
    from flexpay_reconcile.cli import _simulator_client as client

    url = stripe_api or client.DEFAULT_URL
    start = int(client.ask(url, "GET", "clock")["now"])
    target = body["to"] if "to" in body else start + body.get("seconds", 0)
    answers: list[dict[str, Any] | FlexpayError] = []

    def work() -> None:
        try:
            answers.append(client.ask(url, "POST", "advance", body, timeout=_ADVANCE_SECONDS))
        except FlexpayError as problem:
            answers.append(problem)

    worker = threading.Thread(target=work, name="advance", daemon=True)
    worker.start()
    _show_progress(worker, target - start, lambda: int(client.ask(url, "GET", "clock")["now"]) - start)
    worker.join()
    if isinstance(answers[0], FlexpayError):
        raise answers[0]
    return answers[0]


def _show_progress(worker: threading.Thread, total: int, passed: Callable[[], int]) -> None:
    worker.join(_POLL_SECONDS)
    if not worker.is_alive() or total <= 0 or not sys.stderr.isatty():
        return
    with click.progressbar(length=total, label="virtual time", file=sys.stderr) as bar:
        while worker.is_alive():
            try:
                bar.update(max(0, passed() - bar.pos))
            except FlexpayError:
                return  # the worker will say what is wrong
            worker.join(_POLL_SECONDS)


@group.command("decline")
@_customer
@click.option("--code", required=True, metavar="CODE", help="A decline code, or requires_action.")
@click.option("--times", type=click.IntRange(min=1), metavar="N", help="Only the next N charges.  [default: all]")
@click.option("--network-decline-code", metavar="CODE", help="What the network says, such as 51.")
@click.option("--advice-code", metavar="CODE", help="Stripe's advice, such as do_not_try_again.")
@click.option("--network-advice-code", metavar="CODE", help="The network's advice, such as 03.")
@click.option("--outcome-type", type=click.Choice(["issuer_declined", "blocked", "invalid"]))
@click.option("--outcome-reason", metavar="REASON", help="Such as rule or highest_risk_level.")
@options.stripe_api
def decline(stripe_api: str | None, customer: str, code: str, **evidence: Any) -> None:
    """From now on this customer's charges are declined."""
    given = {name: value for name, value in evidence.items() if value is not None}
    _post(stripe_api, "decline", {"customer": customer, "code": code, **given})
    times = evidence.get("times")
    how_long = f"the next {times}" if times else "all"
    output.result(f"{how_long} charges of {customer} are declined with {code}")


@group.command("approve")
@_customer
@options.stripe_api
def approve(stripe_api: str | None, customer: str) -> None:
    """From now on this customer's charges are approved."""
    _post(stripe_api, "approve", {"customer": customer})
    output.result(f"all charges of {customer} are approved")


@group.command("pay-elsewhere")
@_customer
@click.option("--how", type=click.Choice(["card", "out_of_band"]), default="card", show_default=True)
@options.stripe_api
def pay_elsewhere(stripe_api: str | None, customer: str, how: str) -> None:
    """The customer pays the oldest open invoice without us: on Stripe's page, or out of band."""
    answer = _post(stripe_api, "pay-elsewhere", {"customer": customer, "how": how})
    output.result(f"{customer} paid {answer['invoice']}")


@group.command("show")
@click.argument(
    "what", type=click.Choice(["charges", "invoices", "state", "subscriptions", "ledger", "events", "deliveries"])
)
@options.stripe_api
@options.output_format("text", "json")
def show(what: str, stripe_api: str | None, format_: str) -> None:
    """What the simulated accounts hold: every charge ever tried, all invoices, counts, every change of state, ..."""
    from flexpay_reconcile.cli import _simulator_client as client
    from flexpay_reconcile.cli import _simulator_tables as tables

    document = client.pages(stripe_api or client.DEFAULT_URL, what)
    if format_ == "json":
        output.result_json(document)
    else:
        output.result(output.printable("\n".join(tables.lines(what, document))))


for _each in (_simulator_acts.do, _simulator_acts.judge, _simulator_acts.reset):
    group.add_command(_each)


def _post(stripe_api: str | None, name: str, body: dict[str, Any]) -> dict[str, Any]:
    from flexpay_reconcile.cli import _simulator_client as client

    return client.ask(stripe_api or client.DEFAULT_URL, "POST", name, body)
