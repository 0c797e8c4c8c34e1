"""Holds a manifest against its JSON Schema and lists every finding. Words nothing, decodes nothing.

The only home of `jsonschema`. It is imported when there is something to explain: its import costs more than all of a
sound manifest, and `fits` says quicker that nothing is wrong (the tests hold the two verdicts equal).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexpay_reconcile.manifest.data import manifest_schema
from flexpay_reconcile.manifest.faults import UNREAD, Path
from flexpay_reconcile.manifest.fits import fits, matches

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where the schema is not kept: `keyword` with its value `rule`, in the schema object `within`, for the value
    `instance`.
    """

    path: Path
    keyword: str
    rule: Any
    within: dict[str, Any]
    instance: Any


def findings(value: Any) -> list[Finding]:
    """Every place where a plain value breaks the manifest's schema, UNREAD values apart."""
    return [] if fits(value, manifest_schema()) else explained(value)


def explained(value: Any) -> list[Finding]:
    """What `jsonschema` finds, whatever the quick look says."""
    found: list[Finding] = []
    for problem in _validator().iter_errors(value):
        found.extend(_narrowed(problem))
    return found


def _narrowed(problem: ValidationError) -> Iterator[Finding]:
    """The finding, or for alternatives those of the one alternative of the value's own shape."""
    if problem.validator == "anyOf":
        branches: dict[Any, list[ValidationError]] = {}
        for inner in problem.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
        for inners in branches.values():
            if isinstance(problem.instance, dict | list) and not any(_about_shape(each, problem) for each in inners):
                for each in inners:
                    yield from _narrowed(each)
                return
    yield Finding(
        path=tuple(problem.absolute_path),
        keyword=str(problem.validator),
        rule=problem.validator_value,
        within=problem.schema if isinstance(problem.schema, dict) else {},
        instance=problem.instance,
    )


def _about_shape(inner: ValidationError, whole: ValidationError) -> bool:
    """Whether an alternative does not fit at all, rather than in a detail."""
    return inner.absolute_path == whole.absolute_path and inner.validator in {"type", "enum"}


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # noqa: PLC0415 - see above
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415

    def pattern(_validator: Any, rule: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not matches(rule, instance):
            yield ValidationError("the pattern does not fit")

    checks: dict[str, Callable[..., Any]] = {**Draft7Validator.VALIDATORS, "pattern": pattern}
    lenient = {name: _unless_unread(check) for name, check in checks.items()}
    strict: Any = extend(Draft7Validator, lenient)  # type: ignore[no-untyped-call]
    return strict(manifest_schema())


def _unless_unread(check: Callable[..., Any]) -> Callable[..., Any]:
    """A check that leaves alone what has been reported as unreadable."""

    def run(validator: Any, rule: Any, instance: Any, schema: Any) -> Any:
        return () if instance is UNREAD else (check(validator, rule, instance, schema) or ())

    return run
