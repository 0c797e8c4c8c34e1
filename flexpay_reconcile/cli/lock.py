"""`flexpay lock`: who is applying. Reads the state only; `flexpay force-unlock` releases a lock."""

from __future__ import annotations

from typing import Any

import click

from flexpay_reconcile.cli import options, output


@click.group("lock")
def group() -> None:
    """The lock of an apply: show."""


@group.command("show")
@options.state
@options.output_format("text", "json")
def show(state_path: str, format_: str) -> int:
    """Who holds the apply lock, since when, and whether it has run out."""
    from flexpay_reconcile import bootstrap

    parts = bootstrap.open_control(state_path, None, create=False)
    try:
        document = document_of(parts)
    finally:
        parts.close()
    if format_ == "json":
        output.result_json({"lock": document})
    elif document is None:
        output.result("no lock is held")
    else:
        output.result(line_of(document) + f"\n  if it is surely dead: flexpay force-unlock {document['nonce']}")
    return 0


def document_of(parts: Any) -> dict[str, Any] | None:
    """The lock as plain values, or None."""
    held = parts.state.lock()
    if held is None:
        return None
    return {
        "owner": held.owner,
        "host": held.host,
        "pid": held.pid,
        "nonce": held.nonce,
        "acquired_at": held.acquired_at.text(),
        "expires_at": held.expires_at.text(),
    }


def line_of(lock: dict[str, Any]) -> str:
    """The lock in one line."""
    who = output.printable(f"{lock['owner']} on {lock['host']} (pid {lock['pid']})")
    return f"lock: {who}, until {lock['expires_at']}, nonce {lock['nonce']}"
