"""What crosses the control door: each question with its scope, its arguments and its answer, as plain values.

One table for both sides. What is not in it cannot be asked from outside: nothing here charges, nothing hands a
secret out, and a secret that Stripe gave at an apply crosses sealed for the daemon alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.control_facts import CaseFacts
from flexpay_reconcile.ports.control_state import AppliedResource, Lock, StateIdentity, Step
from flexpay_reconcile.values import plain
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span

VERSION: Final = 1
"""Raised when a question, an argument or an answer changes so that an older side would misread it."""
PATH: Final = f"/control/v{VERSION}/"


class Scope(StrEnum):
    """What a token of the control door allows."""

    PLAN = "plan"
    """Questions only."""
    APPLY = "apply"
    """Questions, and the writes of an apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question: the scope it needs, its arguments with their types, the type of its answer (None: nothing).

    `again` says that asking twice does what asking once does, so that a lost answer may be asked for again.
    """

    scope: Scope
    arguments: Mapping[str, Any]
    answer: Any
    again: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """How the door introduces itself: the daemon's present, and the key that secrets are sealed for."""

    version: int
    now: Instant
    seal_for: str


_OPTIONAL_STEP: Final = {
    "resource": AppliedResource | None,
    "forget": bool,
    "secret_name": str | None,
    "sealed_secret": str | None,
    "integration_id": str | None,
    "nonce": str | None,
}

CALLS: Final[Mapping[str, Call]] = {
    "hello": Call(scope=Scope.PLAN, arguments={}, answer=Hello),
    "identity": Call(scope=Scope.PLAN, arguments={}, answer=StateIdentity),
    "instance_id": Call(scope=Scope.PLAN, arguments={}, answer=str),
    "applied": Call(scope=Scope.PLAN, arguments={}, answer=dict[str, AppliedResource]),
    "knows_secret": Call(scope=Scope.PLAN, arguments={"name": str}, answer=bool),
    "lock": Call(scope=Scope.PLAN, arguments={}, answer=Lock | None),
    "unfinished_steps": Call(scope=Scope.PLAN, arguments={}, answer=tuple[Step, ...]),
    "latest": Call(scope=Scope.PLAN, arguments={}, answer=AppliedConfiguration | None),
    "revision": Call(scope=Scope.PLAN, arguments={"number": int}, answer=AppliedConfiguration | None),
    "live_cases": Call(scope=Scope.PLAN, arguments={}, answer=dict[str, int]),
    "cases_of": Call(scope=Scope.PLAN, arguments={"integration_id": str}, answer=tuple[CaseFacts, ...]),
    "take_over_of": Call(scope=Scope.PLAN, arguments={"integration_id": str}, answer=str | None),
    "sample_account": Call(scope=Scope.PLAN, arguments={"integration_id": str}, answer=AccountId | None),
    "acquire_lock": Call(scope=Scope.APPLY, arguments={"lock": Lock}, answer=None),
    "refresh_lock": Call(scope=Scope.APPLY, arguments={"nonce": str, "ttl": Span}, answer=None),
    "release_lock": Call(scope=Scope.APPLY, arguments={"nonce": str}, answer=None),
    "intend": Call(scope=Scope.APPLY, arguments={"step": Step, "nonce": str | None}, answer=None),
    "receipt": Call(scope=Scope.APPLY, arguments={"step": Step, **_OPTIONAL_STEP}, answer=None),
    "publish": Call(
        scope=Scope.APPLY,
        arguments={
            "configuration": Configuration,
            "manifest_digest": str,
            "at": Instant,
            "by": str,
            "nonce": str | None,
        },
        answer=AppliedConfiguration,
        again=False,
    ),
}
STAYS_INSIDE: Final = frozenset({"secret", "secrets_for", "rearm"})
"""Methods of the control state that do not cross: they hand secrets out, or decide which copy may charge."""


_SORTS: Final[Mapping[str, type[FlexpayError]]] = {
    "bug": BrokenInvariant,
    "later": TryLater,
    "operator": FlexpayError,
}


def secret_context(name: str, integration_id: str) -> str:
    """What a crossing secret is sealed with: it opens as the secret of this name and integration only."""
    return f"control door: {name} of {integration_id}"


def write_arguments(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as plain values; every argument of the call is given."""
    wanted = CALLS[name].arguments
    if values.keys() != wanted.keys():
        raise BrokenInvariant(f"{name} takes {', '.join(wanted) or 'nothing'}")
    return {key: plain.to_plain(value) for key, value in values.items()}


def read_arguments(name: str, data: Any) -> dict[str, Any]:
    """The arguments of a call; BrokenInvariant where they are not its own (the door answers 400)."""
    wanted = CALLS[name].arguments
    if not isinstance(data, dict) or data.keys() != wanted.keys():
        raise BrokenInvariant(f"{name} takes {', '.join(wanted) or 'nothing'}")
    return {key: plain.from_plain(kind, data[key]) for key, kind in wanted.items()}


def write_answer(value: Any) -> Any:
    """An answer as a plain value."""
    return plain.to_plain(value)


def read_answer(name: str, data: Any) -> Any:
    """The answer of a call; BrokenInvariant where it is none."""
    kind = CALLS[name].answer
    if kind is None:
        if data is not None:
            raise BrokenInvariant(f"{name} answers nothing")
        return None
    return plain.from_plain(kind, data)


def write_error(error: FlexpayError) -> dict[str, Any]:
    """An error of ours as a plain value: message, code, hint and kind; none of them ever holds a secret."""
    return {
        "sort": next(name for name, sort in _SORTS.items() if isinstance(error, sort)),
        "kind": error.kind.value,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
    }


def read_error(data: Any) -> FlexpayError | None:
    """The error again; None where the value is no error of ours."""
    if not isinstance(data, dict) or not isinstance(data.get("code"), str) or not isinstance(data.get("message"), str):
        return None
    try:
        kind = ErrorKind(str(data.get("kind")))
    except ValueError:
        return None
    hint = data["hint"] if isinstance(data.get("hint"), str) else None
    if data.get("sort") == "bug":
        return BrokenInvariant(data["message"], code=data["code"], hint=hint)
    sort = TryLater if data.get("sort") == "later" else OperatorError
    return sort(data["message"], code=data["code"], hint=hint, kind=kind)
