"""THE ONE PLACE where ports meet adapters. Hands finished parts up; thinks nothing itself."""

from __future__ import annotations

from flexpay_reconcile.bootstrap.control import ControlParts, clock_for, open_control
from flexpay_reconcile.bootstrap.door import control_app
from flexpay_reconcile.bootstrap.engine import Engine, follower, listener_app, open_engine, process_lock
from flexpay_reconcile.bootstrap.remote import agree_on_time
from flexpay_reconcile.bootstrap.side_by_side import SideBySide

__all__ = [
    "ControlParts",
    "Engine",
    "SideBySide",
    "agree_on_time",
    "clock_for",
    "control_app",
    "follower",
    "listener_app",
    "open_control",
    "open_engine",
    "process_lock",
]
