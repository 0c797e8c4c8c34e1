"""A plan as text for a terminal or a log, from the public JSON alone. Adds no judgement and hides no refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flexpay_reconcile.reconcile.render import impact
from flexpay_reconcile.reconcile.render.words import CAUSES, REASONS, SYMBOLS, Pen, count, line, value

_SHOWN_LIST = 6
_OPEN = frozenset({"outstanding", "expired", "contradicted"})


def render(document: Mapping[str, Any], *, colour: bool = False) -> str:
    """The whole plan, ending in a newline."""
    pen = Pen(colour=colour)
    blocks = (
        _changes(document, pen),
        _deferred(document, pen),
        _checks(document, pen),
        impact.lines(document),
        _guards(document, pen),
        _manual(document, pen),
        _diagnostics(document, pen),
        _end(document, pen),
    )
    return "\n\n".join("\n".join(block) for each in blocks if (block := list(each))) + "\n"


def _changes(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    state = document["binds"]["state"]
    known = f"state {state['lineage'][:8]} at {state['serial']}" if state else "no state yet"
    yield pen.paint(f"Plan as of {document['as_of']}, {known}", "bold")
    for resource in document["resource_changes"]:
        actions = resource["change"]["actions"]
        if actions == ["no-op"]:
            continue
        verb = "replace" if len(actions) > 1 else actions[0]
        yield from _change(resource, verb, pen)


def _change(resource: Mapping[str, Any], verb: str, pen: Pen) -> Iterator[str]:
    where = resource["source"]
    facts = [REASONS.get(resource["action_reason"], resource["action_reason"])]
    if resource["provider_id"]:
        facts.append(line(resource["provider_id"]))
    if where:
        facts.append(f"{line(where['file'])}:{where['line']}")
    note = pen.paint("  (" + ", ".join(each for each in facts if each) + ")", "dim")
    symbol = SYMBOLS["import" if resource["change"].get("importing") else verb]
    yield f"{pen.symbol(symbol)} {resource['address']}{note}"
    if verb == "create":
        yield from _attributes(resource["change"])
    elif verb in {"update", "replace"}:
        for each in resource["fields"]:
            yield f"        {_field(each)}"
    if verb == "replace":
        yield "        a new one is made, its secret stored, both accepted, then the old one deleted"


def _attributes(change: Mapping[str, Any]) -> Iterator[str]:
    rows = [(path, shown) for path, shown in _flat(change["after"]) if shown not in {"null", '""', "[]", "{}"}]
    rows += [(name, "(sensitive)") for name in sorted(change["after_sensitive"])]
    rows += [(n, "(known after apply)") for n in sorted(change["after_unknown"]) if n not in change["after_sensitive"]]
    width = max((len(path) for path, _ in rows), default=0)
    for path, shown in rows:
        yield f"        {path.ljust(width)}  {shown}"


def _flat(attributes: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, item in sorted(attributes.items()):
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{name}.")
        elif isinstance(item, list) and len(item) > _SHOWN_LIST:
            yield f"{prefix}{name}", f"{len(item)} entries: {value(item[0])} … {value(item[-1])}"
        else:
            yield f"{prefix}{name}", value(item)


def _field(each: Mapping[str, Any]) -> str:
    cause = CAUSES.get(each.get("cause", ""), "")
    tail = f"  ({cause})" if cause else ""
    match each["op"]:
        case "add":
            return f"{each['path']}  + {value(each['after'])}{tail}"
        case "remove":
            return f"{each['path']}  - {value(each['before'])}{tail}"
    return f"{each['path']}  {value(each['before'])} → {value(each['after'])}{tail}"


def _deferred(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    for each in document["deferred_changes"]:
        yield pen.paint(
            f"  ? {each['address']}: not planned, because it could not be seen: {line(each['because'])}", "red"
        )


def _checks(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    counted = Counter(each["status"] for each in document["checks"])
    if not counted:
        return
    words = {"pass": "passed", "fail": "failed", "unknown": "without answer", "needs_acceptance": "to accept"}
    yield "Checks: " + ", ".join(f"{counted[each]} {words.get(each, each)}" for each in sorted(counted))
    for each in document["checks"]:
        if each["id"] == "surplus_permissions" and each["details"].get("permission"):
            yield "  " + pen.paint("NOTE", "yellow") + f" {each['address']}: {line(each['message'])}"
        if each["status"] in {"pass", "skipped"}:
            continue
        style = "yellow" if each["status"] == "needs_acceptance" else "red"
        yield (
            "  "
            + pen.paint(each["status"].upper().replace("_", " "), style)
            + f" {each['address']}: {line(each['message'])}"
        )
        if each["hint"]:
            yield f"      {line(each['hint'])}"


def _guards(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    for each in document["guards"]:
        if each["refused"]:
            yield "  " + pen.paint("REFUSED", "red") + f" by guard {each['id']}: {line(each['message'])}"
        elif each["accepted"]:
            yield f"  accepted: guard {each['id']}, because: {line(each['accepted'])}"


def _manual(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    shown = [each for each in document["manual_steps"] if each["status"] != "attested"]
    if not shown:
        return
    yield "By hand, because Stripe has no API for it:"
    for each in shown:
        note = {
            "expired": " [attestation expired]",
            "contradicted": " [attested, but Stripe still retries]",
            "unverifiable": " [once; cannot be checked]",
        }.get(each["status"], "")
        yield f"{pen.symbol('!')} {each['integration']}: {line(each['title'])}{note}"
        if each["url"]:
            yield f"        {each['url']}"
        for number, step in enumerate(each["steps"], 1):
            yield f"        {number}. {line(step)}"
        if each.get("evidence"):
            yield "        Seen at Stripe (e-mails leave no trace there, so nothing is said of them):"
        for seen in each.get("evidence", ()):
            yield f"          {line(seen)}"


def _diagnostics(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    for each in document["diagnostics"]:
        place = each["range"]
        where = f"{line(place['filename'])}:{place['start']['line']}:{place['start']['column']}: " if place else ""
        style = "red" if each["severity"] == "error" else "yellow"
        yield where + pen.paint(each["severity"], style) + f"[{each['code']}]: {line(each['summary'])}"
        if each["detail"]:
            yield f"    hint: {line(each['detail'])}"


def _end(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    summary = document["summary"]
    work = sum(summary[name] for name in ("create", "update", "replace", "delete", "forget"))
    if document["needs"]["accept_account"]:
        accounts = " ".join(f"--accept-account {each}" for each in document["needs"]["accept_account"])
        yield f"The first apply needs: {accounts}"
    if not document["complete"]:
        yield pen.paint("This plan is not complete: something could not be seen.", "red")
    steps = sum(1 for each in document["manual_steps"] if each["status"] in _OPEN)
    by_hand = f" {count(steps, 'manual step')} outstanding." if steps else ""
    if not work:
        yield pen.paint("No changes.", "bold") + by_hand
        return
    parts = [
        f"{summary['create']} to create",
        f"{summary['update']} to change",
        f"{summary['replace']} to replace",
        f"{summary['delete']} to delete",
    ]
    if summary["forget"]:
        parts.append(f"{summary['forget']} to forget")
    drift = f" {count(summary['drift'], 'resource')} changed outside." if summary["drift"] else ""
    yield pen.paint("Plan: " + ", ".join(parts) + ".", "bold") + drift + by_hand
