"""Steps of apply runs as rows. Carries none out."""

from __future__ import annotations

import orjson

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import parse
from flexpay_reconcile.adapters.sqlite_store.session import Row, Session
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.control_state import Step, StepState
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("control")


def put_step(session: Session, step: Step) -> None:
    """Write a step. Its idempotency key is its own for ever, and a step that is done is not intended again."""
    known = session.one(_SQL["step_state"], {"run_id": step.run_id, "number": step.number})
    if known is not None:
        if known[1] != step.idempotency_key:
            raise BrokenInvariant(f"step {step.run_id}/{step.number} changed its idempotency key")
        if known[0] == StepState.DONE and step.state is not StepState.DONE:
            raise BrokenInvariant(f"step {step.run_id}/{step.number} is done and cannot become {step.state.value}")
    row = {
        "run_id": step.run_id,
        "number": step.number,
        "address": step.address,
        "action": step.action,
        "state": step.state.value,
        "idempotency_key": step.idempotency_key,
        "detail": orjson.dumps(step.detail).decode(),
        "at": step.at.ms,
        "message": step.message,
    }
    session.change(_SQL["put_step"], row)


def read_step(row: Row) -> Step:
    """The step of a row."""
    return Step(
        run_id=row[0],
        number=row[1],
        address=row[2],
        action=row[3],
        state=StepState(row[4]),
        idempotency_key=row[5],
        detail=parse(row[6]),
        at=Instant(row[7]),
        message=row[8],
    )
