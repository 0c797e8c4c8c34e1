"""`flexpay state`: what is done to the state itself, offline. Never charges."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flexpay_reconcile.cli import options, output, state_copies
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater

if TYPE_CHECKING:
    from flexpay_reconcile import bootstrap

_QUESTION = (
    "Every other copy of this state will charge no more. Go on only if no other daemon runs on one. "
    "Only `yes` is a yes: "
)


@click.group("state")
def group() -> None:
    """The state itself: backup, restore, verify, rekey, rearm, erase."""


for _each in (state_copies.backup, state_copies.restore, state_copies.verify, state_copies.rekey):
    group.add_command(_each)


@group.command("rearm")
@options.state
@options.stripe_api
@options.secret_commands
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
def rearm(state_path: str, stripe_api: str | None, allow_secret_commands: bool, yes: bool) -> int:
    """Let this copy of a copied or restored state charge, and no other one. Stop the daemon first."""
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.operations.rearm_state import rearm_state

    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OperatorError("state rearm needs --yes, or a terminal to ask on", code="E-approval", kind=ErrorKind.USAGE)
    parts = bootstrap.open_control(state_path, stripe_api, allow_secret_commands, create=False)
    try:
        _refuse_running(parts)
        lock = bootstrap.process_lock(state_path)
        lock.acquire()
        try:
            if not yes:
                _ask()
            marked = rearm_state(
                state=parts.state,
                note=parts.armed,
                writers=parts.writer_for,
                identifiers=parts.identifiers,
                progress=output.note,
            )
        finally:
            lock.release()
    finally:
        parts.close()
    output.result(f"armed: this copy may charge, {marked} endpoint{'' if marked == 1 else 's'} at Stripe say so")
    return 0


@group.command("erase")
@click.argument("customer", metavar="CUSTOMER")
@options.state
@options.output_format("text", "json")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
def erase(customer: str, state_path: str, format_: str, yes: bool) -> int:
    """Erase what is kept of CUSTOMER (cus_…) as a person: name, link to pay, card digits. Stop the daemon first."""
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.operations.erase_customer import erase_customer
    from flexpay_reconcile.values import plain
    from flexpay_reconcile.values.ids import CustomerId

    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OperatorError("state erase needs --yes, or a terminal to ask on", code="E-approval", kind=ErrorKind.USAGE)
    parts = bootstrap.open_control(state_path, None, create=False)
    try:
        lock = bootstrap.process_lock(state_path)
        lock.acquire()
        try:
            if not yes:
                _ask("This cannot be undone, and backups keep what they have. Only `yes` is a yes: ")
            erased = erase_customer(parts.store, CustomerId(customer))
        finally:
            lock.release()
    finally:
        parts.close()
    if format_ == "json":
        output.result_json({"customer": customer, **plain.to_plain(erased)})
    else:
        output.result(f"{erased.known} case(s) of {customer}: {erased.cases} and {erased.charges} charge(s) erased")
        output.note("backups made before keep it: delete them, or erase there too")
    return 0


def _ask(question: str = _QUESTION) -> None:
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise OperatorError("not approved; nothing was changed", code="E-not-approved")


def _refuse_running(parts: bootstrap.ControlParts) -> None:
    with parts.store.reading() as view:
        lease = view.leases.current()
    if lease is not None and lease.expires_at > parts.clock.now():
        raise TryLater(
            f"a daemon holds this state: {lease.holder}, until {lease.expires_at.short_text()}",
            code="E-daemon-running",
            hint="stop it first; a dead one's lease ends by itself",
            kind=ErrorKind.LOCK_HELD,
        )
