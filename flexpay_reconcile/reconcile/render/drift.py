"""A drift report as text and as Markdown, from its public JSON alone. Adds no judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flexpay_reconcile.reconcile.render.markdown import cell
from flexpay_reconcile.reconcile.render.words import REASONS, Pen, count, line, value

MARKER: Final = "<!-- flexpay-reconcile drift -->"
"""First line, so that a pipeline finds its comment and updates it instead of adding another."""

EVENTS: Final = {
    "changed": "changed at Stripe since the last apply",
    "deleted": "deleted at Stripe since the last apply",
    "contradicted": "attested as switched off, and live invoices show that Stripe still retries",
    "unsupported_api_version": "sends events in an API version this release cannot read",
}
CAUSES: Final = {
    "drift": "drift",
    "conflict": "conflict: the manifest changed too, and wins",
    "pending": "the manifest changed",
    "agreed": "as the manifest wants it by now",
    "new": "",
}
REPAIRS: Final = {
    "manual": "in the Dashboard, Billing, Revenue recovery, Retries",
    "no-op": "nothing to repair; the next apply records it",
    "update": "`flexpay apply` puts it back in place",
    "create": "`flexpay apply` makes a new one",
    "replace": "`flexpay apply` makes a new one and deletes this one",
    "delete": "`flexpay apply` deletes it",
    "forget": "`flexpay apply` removes our record of it",
}


def render(document: Mapping[str, Any], *, colour: bool = False) -> str:
    """The whole report, ending in a newline."""
    pen = Pen(colour=colour)
    return "\n".join(_lines(document, pen)) + "\n"


def _lines(document: Mapping[str, Any], pen: Pen) -> Iterator[str]:
    wanted = "the manifest" if document["against"] == "manifest" else "what was last applied"
    yield pen.paint(f"Drift as of {document['as_of']}, compared with {wanted}", "bold")
    for each in document["resource_drift"]:
        known = f"  ({line(each['provider_id'])})" if each["provider_id"] else ""
        yield f"{pen.symbol('~' if each['event'] == 'changed' else '-')} {each['address']}{known}"
        yield f"        {EVENTS[each['event']]}; {REPAIRS[each['repair']]}"
        for field in each["fields"]:
            tail = f"  ({CAUSES[field['cause']]})" if CAUSES[field["cause"]] else ""
            yield f"        {field['path']}  {value(field['applied'])} → {value(field['at_stripe'])}{tail}"
    for each in document["unseen"]:
        yield pen.paint(f"  ? {each['address']}: could not be seen: {line(each['because'])}", "red")
    found = len(document["resource_drift"])
    words = f"{count(found, 'resource')} drifted." if found else "No drift."
    if not document["complete"]:
        words += " Not everything could be seen."
    if document["pending"]:
        words += f" {count(len(document['pending']), 'change')} of the manifest not applied yet (no drift)."
    yield pen.paint(words, "bold")


def markdown(document: Mapping[str, Any]) -> str:
    """For a comment or an issue; other people's words cannot break the table."""
    return "\n".join(_markdown(document)) + "\n"


def _markdown(document: Mapping[str, Any]) -> Iterator[str]:
    found = document["resource_drift"]
    yield MARKER
    yield f"### Drift: {count(len(found), 'resource') if found else 'none'}"
    yield ""
    if found:
        yield "| Resource | Field | Applied | At Stripe | Cause |"
        yield "|---|---|---|---|---|"
    for each in found:
        fields: list[dict[str, Any]] = each["fields"] or [{"path": "", "applied": None, "at_stripe": None, "cause": ""}]
        for field in fields:
            cause = CAUSES.get(field["cause"], "") or EVENTS[each["event"]]
            cells = (each["address"], field["path"], _short(field["applied"]), _short(field["at_stripe"]), cause)
            yield "| " + " | ".join(cell(text) for text in cells) + " |"
    for each in document["unseen"]:
        yield f"- **could not be seen**: {cell(each['address'])}: {cell(each['because'])}"
    for each in document["pending"]:
        because = REASONS.get(each["because"], each["because"])
        yield f"- not drift: {cell(each['address'])} awaits an apply ({cell(because)})"


def _short(thing: Any) -> str:
    text = "" if thing is None else value(thing)
    return text if len(text) <= 120 else text[:119] + "…"
