"""`flexpay force-unlock`: releases the lock of an apply that is surely dead. Needs the nonce that names it."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import options, output
from flexpay_reconcile.errors import OperatorError


@click.command("force-unlock")
@click.argument("nonce")
@options.state
@options.stripe_api
def command(nonce: str, state_path: str, stripe_api: str | None) -> int:
    """Release the lock with this NONCE (`flexpay status` shows it); no other lock is touched."""
    from flexpay_reconcile import bootstrap

    parts = bootstrap.open_control(state_path, stripe_api, create=False)
    try:
        held = parts.state.lock()
        if held is None or held.nonce != nonce:
            raise OperatorError(
                "no lock with this nonce is held", code="E-lock-nonce", hint="`flexpay status` shows the present one"
            )
        parts.state.release_lock(nonce)
    finally:
        parts.close()
    output.result(f"released the lock of {held.owner} on {held.host} (pid {held.pid})")
    return 0
