"""The control plane's memory: last applied, lock, runs with intents and receipts, configurations, signing secrets.

Apart from `ports/store` from the first day: this one may later be reached over HTTP; nothing here can charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.ports.configurations import AppliedConfiguration, Configurations
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class StateIdentity:
    """`lineage` names this state for ever; `serial` counts control-plane writes only."""

    lineage: str
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedResource:
    """What apply last made of one address; `attributes` are plain values without secrets."""

    address: str
    kind: str
    attributes: dict[str, Any]
    remote_id: str | None
    revision: int | None
    applied_at: Instant


class StepState(StrEnum):
    """Where one step of an apply run stands."""

    INTENDED = "intended"
    """The intent is on disk; the call may or may not have been made."""
    DONE = "done"
    """The receipt is on disk."""
    FAILED = "failed"
    """It surely failed; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run. `idempotency_key` belongs to the step for ever; `detail` is plain and holds no secret."""

    run_id: str
    number: int
    address: str
    action: str
    state: StepState
    idempotency_key: str
    detail: dict[str, Any]
    at: Instant
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who holds the apply lock."""

    owner: str
    host: str
    pid: int
    nonce: str
    acquired_at: Instant
    expires_at: Instant


class ControlState(Configurations, Protocol):
    """All methods commit before they return; each write method is one transaction and raises the serial by one.

    `nonce` fences a write of an apply: TryLater (LOCK_HELD), and nothing written, unless that lock is still held.
    """

    def identity(self) -> StateIdentity:
        """Lineage and serial."""
        ...

    def instance_id(self) -> str:
        """The random id of this copy of the state (invariant A18)."""
        ...

    def rearm(self, instance_id: str) -> None:
        """Give this copy a new id: every other copy is disarmed once endpoints and note carry it."""
        ...

    def applied(self) -> dict[str, AppliedResource]:
        """Everything last applied, by address."""
        ...

    def secret(self, name: str) -> Secret | None:
        """A sealed secret opened, for example `webhook_endpoint.acme-us-live`."""
        ...

    def knows_secret(self, name: str) -> bool:
        """Whether a sealed secret of that name is there; it is not opened."""
        ...

    def secrets_for(self, integration_id: str) -> tuple[Secret, ...]:
        """Every signing secret the listener accepts for an integration now (two while an endpoint is replaced)."""
        ...

    def acquire_lock(self, lock: Lock, now: Instant) -> None:
        """Take the lock if free or expired; TryLater (LOCK_HELD) naming the holder otherwise. Raises no serial."""
        ...

    def refresh_lock(self, nonce: str, now: Instant, ttl: Span) -> None:
        """Heartbeat; TryLater (LOCK_HELD) when the lock is no longer ours. Raises no serial."""
        ...

    def release_lock(self, nonce: str) -> None:
        """Give the lock back; no-op when it is not ours. Raises no serial."""
        ...

    def lock(self) -> Lock | None:
        """The present holder."""
        ...

    def intend(self, step: Step, *, nonce: str | None = None) -> None:
        """Record that a step is about to be called (state INTENDED)."""
        ...

    def receipt(
        self,
        step: Step,
        *,
        resource: AppliedResource | None = None,
        forget: bool = False,
        secret_name: str | None = None,
        secret: Secret | None = None,
        integration_id: str | None = None,
        nonce: str | None = None,
    ) -> None:
        """In one transaction: the step's end, the applied resource (or its removal), and a secret, sealed."""
        ...

    def unfinished_steps(self) -> tuple[Step, ...]:
        """Steps INTENDED and not yet DONE or FAILED, oldest first: where the last apply was killed."""
        ...

    def publish(
        self, configuration: Configuration, *, manifest_digest: str, at: Instant, by: str, nonce: str | None = None
    ) -> AppliedConfiguration:
        """Write the next configuration revision: the last step of an apply."""
        ...
