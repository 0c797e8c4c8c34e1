"""The daemon's watch for drift, with what it reads and repairs by. Thinks nothing itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from flexpay_reconcile.bootstrap.control import ControlParts
from flexpay_reconcile.operations.apply_plan import World
from flexpay_reconcile.operations.apply_steps import Holder
from flexpay_reconcile.operations.watch_drift import Watch


def drift_watch(parts: ControlParts, may_write: Callable[[], bool]) -> Watch:
    """The watch; `may_write` says whether this copy of the state may change anything at Stripe."""
    return Watch(
        world=World(
            readers=parts.reader_for,
            writers=parts.writer_for,
            state=parts.state,
            clock=parts.clock,
            identifiers=parts.identifiers,
            secrets=parts.secrets,
        ),
        store=parts.store,
        holder=Holder(owner="daemon (drift_policy: heal)", host=socket.gethostname(), pid=os.getpid()),
        may_write=may_write,
    )
