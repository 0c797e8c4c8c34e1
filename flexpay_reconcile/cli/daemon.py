"""`flexpay daemon`: the long-running process, put together and started. Decides nothing and charges nothing itself."""

from __future__ import annotations

import logging
import socket
import sys
from typing import TYPE_CHECKING

import click

from flexpay_reconcile.cli import _control_listen, options, output
from flexpay_reconcile.cli._control_listen import DoorOptions
from flexpay_reconcile.cli._listening import Address, AddressType, bind
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater

if TYPE_CHECKING:
    from flexpay_reconcile import bootstrap

LOG = logging.getLogger("flexpay")


@click.command("daemon")
@click.option(
    "--listen",
    type=AddressType(),
    default="127.0.0.1:8787",
    show_default=True,
    help="Where webhooks come in; put TLS in front of it.",
)
@options.state
@options.stripe_api
@options.secret_commands
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    default="INFO",
    show_default=True,
)
@_control_listen.options
def command(
    listen: Address,
    state_path: str,
    stripe_api: str | None,
    allow_secret_commands: bool,
    log_level: str,
    control_listen: Address | None,
    control_tokens: tuple[str, ...],
    control_tls_cert: str | None,
    control_tls_key: str | None,
    behind_proxy: bool,
) -> None:
    """Take webhooks in, and recover failed payments as the applied configuration says.

    Logs go to standard error, one JSON object a line. SIGTERM ends it gently with 143, Ctrl-C with 130: the turn under
    way is finished and the lease given back. Killed instead, it loses nothing. A second daemon on one state ends
    with 6.
    """
    _refuse_optimised(sys.flags.optimize)
    from flexpay_reconcile import bootstrap

    _refuse_door(state_path)
    door = DoorOptions(
        listen=control_listen,
        tokens=control_tokens,
        certificate=control_tls_cert,
        key=control_tls_key,
        behind_proxy=behind_proxy,
    )
    _control_listen.refuse_unsafe(door)
    parts = bootstrap.open_control(state_path, stripe_api, allow_secret_commands, create=control_listen is not None)
    try:
        _refuse_live_keys(parts, stripe_api)
        _refuse_missing_secrets(parts)
        _refuse_other_accounts(parts)
        parts.gateways.seal()  # a key that changes while we run is asked the same
        lock = bootstrap.process_lock(state_path)
        lock.acquire()
        try:
            _run(parts, listen, stripe_api, log_level.upper(), door)
        finally:
            lock.release()
    finally:
        parts.close()


def _run(
    parts: bootstrap.ControlParts, listen: Address, stripe_api: str | None, log_level: str, wanted: DoorOptions
) -> None:
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.daemon import logs, run

    # One name a machine: a daemon that follows a killed one takes its lease over, as the process lock allows.
    holder = f"daemon on {socket.gethostname()}"
    engine = bootstrap.open_engine(parts, holder=holder, guarded=True)
    _take_lease(engine)
    with bind(listen.host, listen.port) as listening, _control_listen.opened(parts, wanted) as door:
        if stripe_api:
            now = parts.clock.now().short_text()
            output.note(f"flexpay daemon: Stripe is the simulator at {stripe_api}; time is taken from it ({now})")
        logs.configure(parts.clock.now, log_level)
        address = Address(host=listen.host, port=listening.getsockname()[1]).text()
        latest = parts.state.latest()
        facts = {"listen": address, "revision": latest.revision if latest else "none applied yet"}
        if door is not None and wanted.listen is not None:
            port = door.listening.getsockname()[1]
            facts["control_listen"] = Address(host=wanted.listen.host, port=port).text()
        run.serve(
            run.Parts(
                app=bootstrap.listener_app(engine),
                loops=engine.loops,
                release=engine.release,
                follow=bootstrap.follower(parts, holder) if stripe_api else None,
                door=door,
            ),
            listening=listening,
            on_ready=lambda: LOG.info("ready", extra=facts),
        )


def _refuse_door(state_path: str) -> None:
    from flexpay_reconcile.values import state_address

    if state_address.is_door(state_path):
        raise OperatorError(
            "the daemon keeps its state in a file on its own host",
            code="E-door-inside",
            hint="--state names the file; the control door is how others reach this daemon",
            kind=ErrorKind.USAGE,
        )


def _refuse_optimised(level: int) -> None:
    """Under `python -O` assertions are gone, ours and those of libraries; money is not moved like that (G4)."""
    if level:
        raise OperatorError(
            "the daemon does not run under python -O, which takes safety checks away",
            code="E-optimised",
            hint="start it without -O and without PYTHONOPTIMIZE",
            kind=ErrorKind.GUARD_REFUSED,
        )


def _refuse_live_keys(parts: bootstrap.ControlParts, stripe_api: str | None) -> None:
    latest = parts.state.latest() if stripe_api else None
    live = (
        [each.id for each in latest.configuration.integrations.values() if each.environment.livemode] if latest else []
    )
    if live:
        raise OperatorError(
            f"live integrations do not run against a simulator: {', '.join(sorted(live))}",
            code="E-stripe-api-live-key",
            hint="leave out --stripe-api (FLEXPAY_STRIPE_API), or use another state",
            kind=ErrorKind.KEY_REFUSED,
        )


def _refuse_missing_secrets(parts: bootstrap.ControlParts) -> None:
    """Keys that are not there or do not fit, and signing secrets that do not open, are told before the first event.

    Nothing is sent to find them. A configuration applied later is checked where its keys are first used.
    """
    from flexpay_reconcile.operations.plan_manifest import key_faults

    latest = parts.state.latest()
    if latest is None:
        return
    faults = key_faults(latest.configuration, {}, parts.secrets)
    for each in faults:
        output.note(output.printable(each.text()))
    if faults:
        raise OperatorError(
            f"{len(faults)} fault{'' if len(faults) == 1 else 's'} in the API keys; the daemon was not started",
            code="E-keys",
            hint="give this process the environment and files that the manifest's api_keys name",
            kind=ErrorKind.KEY_REFUSED,
        )
    for name, integration in latest.configuration.integrations.items():
        parts.state.secrets_for(name)  # raises where the state's key is missing or another
        if integration.webhook.signing_secret is not None:
            parts.secrets.resolve(integration.webhook.signing_secret)


def _refuse_other_accounts(parts: bootstrap.ControlParts) -> None:
    """Keys that surely open another account than the one applied would retry strangers' payments (G11).

    Where Stripe cannot be asked now, or does not tell, what was proven or accepted at the apply stands.
    """
    from flexpay_reconcile.operations.observe_account import observe_account
    from flexpay_reconcile.reconcile.resource import Unseen

    latest = parts.state.latest()
    for integration in latest.configuration.integrations.values() if latest else ():
        account = latest.configuration.company_of(integration).stripe_account if latest else None
        seen = observe_account(integration, parts.reader_for, probe=False).identities
        if isinstance(seen, Unseen):
            output.note(output.printable(f"{integration.id}: whose keys these are was not seen: {seen.because}"))
            continue
        for each in seen:
            if each.account not in (None, account):
                raise OperatorError(
                    f"the {each.alias} key of {integration.id} belongs to {each.account}, not to {account}",
                    code="E-account-other",
                    hint="give this process the keys of the account that was applied",
                    kind=ErrorKind.KEY_REFUSED,
                )


def _take_lease(engine: bootstrap.Engine) -> None:
    if engine.context.hold_lease():
        return
    with engine.context.store.reading() as view:
        present = view.leases.current()
    who = f"{present.holder}, until {present.expires_at.short_text()}" if present else "another process"
    raise TryLater(
        f"the lease of this state is held by {who}",
        code="E-daemon-running",
        hint="stop that daemon first; a dead one's lease ends by itself",
        kind=ErrorKind.LOCK_HELD,
    )
