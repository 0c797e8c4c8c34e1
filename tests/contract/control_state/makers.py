"""Values for the control state's tests."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.ports.control_state import AppliedResource, Lock, Step, StepState
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span

T0 = Instant.from_text("2026-11-22T09:00:00Z")
TTL = Span.of(seconds=30)
ADDRESS = "webhook_endpoint.acme-us"


def at(seconds: int) -> Instant:
    """Seconds after the start of every test."""
    return T0.plus(Span.of(seconds=seconds))


def lock_of(nonce: str, *, seconds: int = 0) -> Lock:
    """A lock taken some seconds after the start."""
    return Lock(
        owner="ada", host="build-7", pid=4711, nonce=nonce, acquired_at=at(seconds), expires_at=at(seconds).plus(TTL)
    )


def step_of(number: int = 1, state: StepState = StepState.INTENDED, **changes) -> Step:
    """A step of a run."""
    step = Step(
        run_id="run-1",
        number=number,
        address=ADDRESS,
        action="create",
        state=state,
        idempotency_key=f"fp1:apply:run-1:{number}",
        detail={"url": "https://acme.example/hook", "events": ["invoice.paid"]},
        at=at(number),
    )
    return dataclasses.replace(step, **changes)


def resource_of(**changes) -> AppliedResource:
    """What apply made of the address."""
    resource = AppliedResource(
        address=ADDRESS,
        kind="webhook_endpoint",
        attributes={"url": "https://acme.example/hook", "events": ["invoice.paid"], "count": 2, "none": None},
        remote_id="we_1",
        revision=1,
        applied_at=T0,
    )
    return dataclasses.replace(resource, **changes)


def configuration_of(name: str = "Acme") -> Configuration:
    """A small configuration."""
    acme = Company(id="acme", name=name, stripe_account=AccountId("acct_1"))
    return Configuration(currencies=("USD",), companies={"acme": acme}, integrations={}, retry_policies={})
