"""The journal of an apply run: intent before each call, receipt after it, the lock kept alive. Calls nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.account_reader import AccountReader, AccountReaderFor
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.control_state import AppliedResource, ControlState, Lock, Step, StepState
from flexpay_reconcile.reconcile.resource import Kind
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import Secret

LOCK_TTL: Final = Span.of(minutes=3)
"""Longer than the longest single call; each step renews it."""
LOOK_EVERY: Final = Span.of(seconds=1)
"""How often somebody who waits for the lock asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who applies: for the lock and the record of the revision."""

    owner: str
    host: str
    pid: int


def _no_pause(span: Span) -> None:
    """Without a way to wait there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a lock that somebody holds; `pause` lets a span pass. Counted in pauses, by no clock."""

    timeout: Span = Span(ms=0)
    pause: Callable[[Span], None] = _no_pause
    told: Callable[[str], None] = lambda _: None


@contextmanager
def lock_held(
    state: ControlState, clock: Clock, holder: Holder, nonce: str, patience: Patience | None = None
) -> Iterator[None]:
    """Hold the apply lock; TryLater (LOCK_HELD) when somebody else still does at the end of our patience."""
    _acquire(state, clock, holder, nonce, patience or Patience())
    try:
        yield
    finally:
        state.release_lock(nonce)


def _acquire(state: ControlState, clock: Clock, holder: Holder, nonce: str, patience: Patience) -> None:
    left = patience.timeout.ms
    while True:
        now = clock.now()
        lock = Lock(
            owner=holder.owner,
            host=holder.host,
            pid=holder.pid,
            nonce=nonce,
            acquired_at=now,
            expires_at=now.plus(LOCK_TTL),
        )
        try:
            return state.acquire_lock(lock, now)
        except TryLater as held:
            if held.kind is not ErrorKind.LOCK_HELD or left <= 0:
                raise
            if left == patience.timeout.ms:
                patience.told(f"waiting: {held.message}")
        patience.pause(Span(ms=min(left, LOOK_EVERY.ms)))
        left -= LOOK_EVERY.ms


def beating(readers: AccountReaderFor, beat: Callable[[], None]) -> AccountReaderFor:
    """The same readers; the lock is renewed before each integration is read, however many there are."""

    def read(integration: Integration) -> AccountReader:
        beat()
        return readers(integration)

    return read


class Run:
    """One run: numbers its steps and gives each its idempotency key."""

    def __init__(
        self, state: ControlState, clock: Clock, *, run_id: str, nonce: str, progress: Callable[[str], None]
    ) -> None:
        """`run_id` is fresh; `nonce` is the lock's; `progress` hears of each step. `receipts` counts what was done."""
        self.state = state
        self.clock = clock
        self.progress = progress
        self._run_id = run_id
        self.nonce = nonce
        self._number = 0
        self.receipts = 0

    def beat(self) -> None:
        """Keep the lock; TryLater (LOCK_HELD) when it was taken from us, and then nothing more may be called."""
        self.state.refresh_lock(self.nonce, self.clock.now(), LOCK_TTL)

    def intend(self, address: str, action: str, detail: dict[str, Any]) -> Step:
        """Put the intent of a step on disk."""
        self.beat()
        self._number += 1
        step = Step(
            run_id=self._run_id,
            number=self._number,
            address=address,
            action=action,
            state=StepState.INTENDED,
            idempotency_key=f"fp-apply:{self._run_id}:{self._number}",
            detail=detail,
            at=self.clock.now(),
        )
        self.state.intend(step, nonce=self.nonce)
        return step

    def done(
        self,
        step: Step,
        *,
        resource: AppliedResource | None = None,
        forget: bool = False,
        secret_name: str | None = None,
        secret: Secret | None = None,
        integration_id: str | None = None,
    ) -> None:
        """The receipt of a step that was carried out; `secret_name` without `secret` removes that secret.

        TryLater (LOCK_HELD) when the lock was taken from us meanwhile: what is on record is somebody else's by now, and
        the intent stays, for the next apply to settle.
        """
        self.state.receipt(
            replace(step, state=StepState.DONE),
            resource=resource,
            forget=forget,
            secret_name=secret_name,
            secret=secret,
            integration_id=integration_id,
            nonce=self.nonce,
        )
        self.receipts += 1

    def failed(self, step: Step, message: str) -> None:
        """The receipt of a step that surely changed nothing, or whose question is settled; LOCK_HELD as in `done`."""
        self.state.receipt(replace(step, state=StepState.FAILED, message=message), nonce=self.nonce)

    def record(
        self, kind: Kind, address: str, attributes: dict[str, Any], *, remote_id: str | None = None
    ) -> AppliedResource:
        """What this run made of an address."""
        return AppliedResource(
            address=address,
            kind=kind.value,
            attributes=attributes,
            remote_id=remote_id,
            revision=None,
            applied_at=self.clock.now(),
        )


def stale(message: str) -> OperatorError:
    """What the plan rests on has moved."""
    return OperatorError(
        message, code="E-plan-stale", hint="plan again, look, and apply that", kind=ErrorKind.PLAN_STALE
    )
