"""The offline work on a state file: copies, the check of it, a new key. Never charges and asks Stripe nothing."""

from __future__ import annotations

import contextlib
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flexpay_reconcile import __version__
from flexpay_reconcile.adapters.armed_file import ArmedFile
from flexpay_reconcile.adapters.process_lock import ProcessLock
from flexpay_reconcile.adapters.secret_sources import SecretSources
from flexpay_reconcile.adapters.sqlite_store import OpenState, copies, open_store, upkeep
from flexpay_reconcile.adapters.state_cipher import NewKey, open_cipher
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.bootstrap.control import ControlParts
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.operations.check_health import Machine
from flexpay_reconcile.values import state_address
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef


@contextlib.contextmanager
def _opened(state_path: str) -> Iterator[OpenState]:
    state = open_store(_file(state_path), open_cipher(_file(state_path)), create=False)
    try:
        yield state
    finally:
        state.close()


def _file(state_path: str) -> Path:
    if state_address.is_door(state_path) or state_path == ":memory:":
        raise OperatorError(
            "this is done on the daemon's host, on the state's file",
            code="E-state-file",
            hint="name the file with --state",
            kind=ErrorKind.USAGE,
        )
    return Path(state_path)


@contextlib.contextmanager
def _alone(state_path: str) -> Iterator[None]:
    """No daemon of this machine works on the file meanwhile."""
    lock = ProcessLock(_file(state_path))
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def back_up(state_path: str, target: str) -> dict[str, Any]:
    """A copy of the state at this moment; a daemon may go on working. The key and the note are not part of it."""
    with _opened(state_path) as state:
        copies.back_up(state.database, Path(target))
        identity = state.control.identity()
        return {"backup": target, "lineage": identity.lineage, "serial": identity.serial}


def restore(backup: str, state_path: str, *, replace: bool) -> dict[str, Any]:
    """Put a backup in the state's place. It is not armed: it takes events in, and charges nothing."""
    target = _file(state_path)
    if not Path(backup).is_file():
        raise OperatorError(f"there is no backup at {backup}", code="E-state-missing", hint="name a file")
    with _alone(state_path):
        kept = copies.restore(Path(backup), target, replace=replace, disarm=ArmedFile(target).remove)
    with _opened(state_path) as state:
        identity = state.control.identity()
    return {
        "state": state_path,
        "lineage": identity.lineage,
        "serial": identity.serial,
        "kept": str(kept) if kept else None,
        "armed": False,
    }


def verify(state_path: str) -> dict[str, Any]:
    """Everything that can be told of a state without Stripe. Keys: faults (sentences), lineage, serial, revision,
    armed, rows (by table).
    """
    with _opened(state_path) as state:
        faults = list(upkeep.unsound(state.database))
        identity, latest = state.control.identity(), state.control.latest()
        numbers = range(1, (latest.revision if latest else 0) + 1)
        missing = [number for number in numbers if state.control.revision(number) is None]
        faults += [f"configuration revision {number} is missing" for number in missing]
        faults += [
            f"the signing secret {name} does not open with the state's key" for name in state.control.closed_secrets()
        ]
        note = ArmedFile(_file(state_path)).read()
        return {
            "state": state_path,
            "sound": not faults,
            "faults": faults,
            "lineage": identity.lineage,
            "serial": identity.serial,
            "revision": latest.revision if latest else None,
            "armed": note == state.control.instance_id(),
            "rows": upkeep.row_counts(state.database),
        }


def rekey(state_path: str, reference: SecretRef | None) -> dict[str, Any]:
    """Seal every secret with a new key, a fresh one or one given by reference; killed anywhere, run it again."""
    path = _file(state_path)
    with _alone(state_path), _opened(state_path) as state:
        if (held := state.control.lock()) is not None and held.expires_at > SystemClock().now():
            raise TryLater(
                f"{held.owner} on {held.host} is applying",
                code="E-lock-held",
                hint="wait for it",
                kind=ErrorKind.LOCK_HELD,
            )
        key = SecretSources().resolve(reference) if reference else None
        draft = NewKey(path)
        _finish_earlier(path, draft)
    with _alone(state_path), _opened(state_path) as state:
        closed = state.control.closed_secrets()
        if closed:
            raise OperatorError(
                f"the signing secret {closed[0]} does not open with the present key",
                code="E-state-key-wrong",
                hint="bring back the key this state was made with",
                kind=ErrorKind.KEY_REFUSED,
            )
        number = state.control.reseal(draft.begin(key))
        draft.finish()
        return {"state": state_path, "resealed": number}


def _finish_earlier(path: Path, draft: NewKey) -> None:
    """A run that was killed: its key is in force if the secrets open with it, else it never was."""
    cipher = draft.begun()
    if cipher is None:
        return
    state = open_store(path, cipher, create=False)
    try:
        in_force = not state.control.closed_secrets()
    finally:
        state.close()
    if in_force:
        draft.finish()
    else:
        draft.drop()


def machine(parts: ControlParts, state_path: str, verified: dict[str, Any]) -> Machine:
    """What this machine says of itself; `verified` is what `verify` found."""
    return Machine(
        free_bytes=shutil.disk_usage(_file(state_path).absolute().parent).free,
        faults=tuple(verified["faults"]),
        armed=verified["armed"],
        versions={
            "flexpay": __version__,
            "python": platform.python_version(),
            "sqlite": upkeep.library_version(),
            "stripe api": API_VERSION,
        },
        skew=lambda: Span(0) if parts.gateways.connection.simulator_clock else parts.gateways.connection.skew,
    )
