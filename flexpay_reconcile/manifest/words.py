"""Findings of the schema in words for people, each at the exact key or value. Checks nothing;
never shows what may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flexpay_reconcile.manifest.faults import Path, error, show
from flexpay_reconcile.manifest.fits import matches
from flexpay_reconcile.manifest.not_built import LATER_SECTIONS, later_section
from flexpay_reconcile.manifest.schema import Finding
from flexpay_reconcile.manifest.suggest import did_you_mean
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic

_KINDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}
_SECRET_KEYS: Final = frozenset({"primary", "fallback", "signing_secret"})
_OLD_BOOLEANS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def worded(tree: Tree, found: Iterable[Finding], *, whole: bool = True) -> list[Diagnostic]:
    """The findings as diagnostics. `whole` is False where a file could not be read, and then sections are not
    missed.
    """
    out: list[Diagnostic] = []
    for finding in found:
        if finding.keyword == "required" and not finding.path and not whole:
            continue
        say = _SAYERS.get(finding.keyword, _other)
        out.extend(say(tree, finding))
    return list(dict.fromkeys(out))


def name_of(path: Path) -> str:
    """How a message names a place: its key, or `item 2 of currencies`."""
    if not path:
        return "a manifest"
    last = path[-1]
    if isinstance(last, int):
        return f"item {last + 1} of {name_of(path[:-1])}"
    return last if last.isprintable() else repr(last)


def _seen(finding: Finding) -> str:
    """The value as a message may show it: where a secret belongs, text is never repeated."""
    if isinstance(finding.instance, str) and not _SECRET_KEYS.isdisjoint(finding.path):
        return "a text (not shown)"
    return show(finding.instance)


def _type(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    wanted = _KINDS.get(str(finding.rule), str(finding.rule))
    value = finding.instance
    hint = None
    if not _SECRET_KEYS.isdisjoint(finding.path):
        hint = "write where the secret is, for example {env: ACME_US_STRIPE_PRIMARY}"
    elif finding.rule == "boolean" and isinstance(value, str) and value.lower() in _OLD_BOOLEANS:
        hint = f"in YAML 1.2 {value} is text; write {_OLD_BOOLEANS[value.lower()]}"
    elif finding.rule == "integer" and isinstance(value, str) and re.fullmatch(r"[0-9][0-9_,]*", value):
        hint = f"write {re.sub('[_,]', '', value)[:20]} without quotes"
    elif finding.rule == "string" and (value is None or isinstance(value, bool | int)):
        hint = "quote it" if value is not None else "write a value after the colon"
    elif "days" in finding.within.get("properties", {}):
        hint = "a duration is a map: {days: 3, hours: 12}"
    yield _at_value(tree, finding, "E-type", f"{name_of(finding.path)} must be {wanted}, not {_seen(finding)}", hint)


def _required(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    for key in finding.rule:
        if key in finding.instance:
            continue
        owner = f"{name_of(finding.path)} lacks" if finding.path else "the manifest lacks"
        place = tree.place(finding.path)
        says = finding.within.get("properties", {}).get(key, {}).get("description")
        yield error("E-missing", f"{owner} {key}", place=place, path=(*finding.path, key), hint=says)


def _unknown(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    """A key the schema does not have: misspelt, of a later version, or no id."""
    known = finding.within.get("properties", {})
    patterns = finding.within.get("patternProperties", {})
    for key in finding.instance:
        if key in known or any(matches(pattern, key) for pattern in patterns):
            continue
        path = (*finding.path, key)
        place = tree.key_place(path)
        if patterns:
            rule = "lower-case letters, digits and hyphens, beginning with a letter, at most 63"
            yield error("E-id", f"{show(key)} is no id in {name_of(finding.path)}", place=place, path=path, hint=rule)
        elif not finding.path and key in LATER_SECTIONS:
            yield later_section(key, place)
        else:
            owner = f"{name_of(finding.path)} has" if finding.path else "a manifest has"
            missing = [each for each in known if each not in finding.instance]
            hint = did_you_mean(key, missing) or did_you_mean(key, known)
            if hint is None and len(known) <= 12:
                hint = f"known here: {', '.join(sorted(known))}"
            yield error("E-unknown-key", f"{owner} no key {show(key)}", place=place, path=path, hint=hint)


def _enum(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    choices = [str(each) for each in finding.rule]
    wanted = choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
    hint = did_you_mean(finding.instance, choices) if isinstance(finding.instance, str) else None
    yield _at_value(tree, finding, "E-choice", f"{name_of(finding.path)} must be {wanted}, not {_seen(finding)}", hint)


def _const(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    yield _at_value(
        tree,
        finding,
        "E-version",
        f"{name_of(finding.path)} must be {show(finding.rule)}, not {_seen(finding)}",
        "this program reads version 1 of the format",
    )


def _range(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    side = "at least" if finding.keyword == "minimum" else "at most"
    message = f"{name_of(finding.path)} must be {side} {finding.rule}, not {_seen(finding)}"
    yield _at_value(tree, finding, "E-range", message, None)


def _length(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    if finding.keyword == "minLength":
        yield _at_value(tree, finding, "E-empty", f"{name_of(finding.path)} may not be empty", None)
        return
    message = f"{name_of(finding.path)} has {len(finding.instance)} characters; at most {finding.rule} fit"
    yield _at_value(tree, finding, "E-length", message, None)


def _pattern(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    hint = finding.within.get("patternErrorMessage")
    message = f"{_seen(finding)} is not the form of {name_of(finding.path)}"
    yield _at_value(tree, finding, "E-form", message, hint)


def _count(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    properties = finding.within.get("properties", {})
    name = name_of(finding.path)
    if "env" in properties:
        message = f"{name} must name exactly one place of the secret: {', '.join(properties)}"
    elif finding.keyword == "minProperties":
        message = f"{name} may not be empty; it takes {', '.join(properties)}"
    elif finding.keyword == "minItems":
        message = f"{name} may not be empty"
    else:
        message = f"{name} has {len(finding.instance)} items; at most {finding.rule} fit"
    yield error(
        "E-empty" if finding.keyword.startswith("min") else "E-length",
        message,
        place=tree.place(finding.path),
        path=finding.path,
    )


def _any_of(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    message = f"{name_of(finding.path)} does not take {_seen(finding)}"
    yield _at_value(tree, finding, "E-choice", message, finding.within.get("errorMessage"))


def _nothing(_tree: Tree, _finding: Finding) -> Iterator[Diagnostic]:
    """Said better by a rule: the second of two equal currencies has its own place."""
    return iter(())


def _other(tree: Tree, finding: Finding) -> Iterator[Diagnostic]:
    yield _at_value(
        tree, finding, "E-form", f"{name_of(finding.path)} does not fit the schema ({finding.keyword})", None
    )


def _at_value(tree: Tree, finding: Finding, code: str, message: str, hint: str | None) -> Diagnostic:
    place = tree.values.get(finding.path) or tree.place(finding.path)
    return error(code, message, place=place, path=finding.path, hint=hint)


_SAYERS: Final[dict[str, Callable[[Tree, Finding], Iterator[Any]]]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _unknown,
    "enum": _enum,
    "const": _const,
    "minimum": _range,
    "maximum": _range,
    "minLength": _length,
    "maxLength": _length,
    "pattern": _pattern,
    "minProperties": _count,
    "maxProperties": _count,
    "minItems": _count,
    "maxItems": _count,
    "anyOf": _any_of,
    "uniqueItems": _nothing,
}
