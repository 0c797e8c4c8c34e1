"""Answering the control door: one question at a time, against the control state and the facts. Never charges.

Whoever asks is known by scope only; tokens are the door's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError
from flexpay_reconcile.ports import control_wire
from flexpay_reconcile.ports.cipher import SealedPost
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.control_facts import ControlFacts
from flexpay_reconcile.ports.control_state import ControlState, Lock
from flexpay_reconcile.ports.control_wire import Hello, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDesk:
    """What the door hands its questions to."""

    state: ControlState
    facts: ControlFacts
    post: SealedPost
    clock: Clock

    def answer(self, scope: Scope, name: str, data: Any) -> Any:
        """The answer as a plain value.

        OperatorError for an unknown question, a scope too small, arguments of another version; else what the state
        raises.
        """
        call = control_wire.CALLS.get(name)
        if call is None:
            raise _unlike(f"no question {name[:40]!r}")
        if call.scope is Scope.APPLY and scope is not Scope.APPLY:
            raise OperatorError(
                f"this token may plan, and {name} needs the scope apply",
                code="E-door-scope",
                hint="give apply the token of the scope apply",
                kind=ErrorKind.GUARD_REFUSED,
            )
        try:
            arguments = control_wire.read_arguments(name, data)
        except (BrokenInvariant, OperatorError) as problem:
            raise _unlike(problem.message) from None
        return control_wire.write_answer(self._ask(name, arguments))

    def _ask(self, name: str, given: dict[str, Any]) -> Any:
        match name:
            case "hello":
                return Hello(version=control_wire.VERSION, now=self.clock.now(), seal_for=self.post.address())
            case "live_cases" | "sample_account" | "cases_of" | "take_over_of":
                return getattr(self.facts, name)(**given)
            case "acquire_lock":
                return self._acquire(given["lock"])
            case "refresh_lock":
                return self.state.refresh_lock(given["nonce"], self.clock.now(), given["ttl"])
            case "receipt":
                return self._receipt(**given)
            case _:
                return getattr(self.state, name)(**given)

    def _acquire(self, lock: Lock) -> None:
        """The lock's times are told by our clock: it is the daemon's host that they are compared on."""
        now = self.clock.now()
        lasts = lock.expires_at.since(lock.acquired_at)
        self.state.acquire_lock(replace(lock, acquired_at=now, expires_at=now.plus(lasts)), now)

    def _receipt(
        self, *, step: Any, sealed_secret: str | None, secret_name: str | None, integration_id: str | None, **rest: Any
    ) -> None:
        secret = None
        if sealed_secret is not None:
            context = control_wire.secret_context(str(secret_name), str(integration_id))
            secret = self.post.open(sealed_secret, context)
        self.state.receipt(step, secret_name=secret_name, secret=secret, integration_id=integration_id, **rest)


def _unlike(because: str) -> OperatorError:
    return OperatorError(
        f"the control door does not understand this: {because}",
        code="E-door-version",
        hint="use the same version of flexpay here and for the daemon",
        kind=ErrorKind.FAILED,
    )
