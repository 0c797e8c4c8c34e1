"""The control door of a daemon, put together: its desk over the state, tokens by reference. Thinks nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexpay_reconcile.adapters.sealed_post import ProcessPost
from flexpay_reconcile.bootstrap.control import ControlParts
from flexpay_reconcile.daemon import control_door
from flexpay_reconcile.operations.serve_control import ControlDesk
from flexpay_reconcile.ports.control_wire import Scope
from flexpay_reconcile.values.secret import SecretRef


def control_app(parts: ControlParts, tokens: Mapping[Scope, SecretRef]) -> Any:
    """The ASGI app of the control door; OperatorError where a token is missing or too short."""
    known = control_door.Tokens({scope: parts.secrets.resolve(each) for scope, each in tokens.items()})
    desk = ControlDesk(state=parts.state, facts=parts.facts, post=ProcessPost(), clock=parts.clock)
    return control_door.build_app(desk.answer, known)
