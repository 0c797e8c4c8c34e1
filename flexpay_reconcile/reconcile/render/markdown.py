"""A plan as Markdown for a pull-request comment, from the public JSON alone. Never longer than one may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flexpay_reconcile.reconcile.render import impact, text
from flexpay_reconcile.reconcile.render.words import REASONS, SYMBOLS, line

MARKER: Final = "<!-- flexpay-reconcile plan -->"
"""First line, so that a pipeline finds its comment and updates it instead of adding another."""
MOST: Final = 60_000
"""Characters; GitHub refuses comments above 65,536."""
_CUT: Final = "\n… cut here; the plan's JSON has all of it.\n"
_MARKUP: Final = frozenset("&<>\\`*_[]|~#@")
_BAD: Final = frozenset({"fail", "unknown", "needs_acceptance"})


def render(document: Mapping[str, Any]) -> str:
    """Summary and table first, the whole text folded below them."""
    head = "\n".join(_head(document)) + "\n"
    room = MOST - len(head) - 100
    body = text.render(document)
    # A longer fence than any in the text, so that nobody's words can end the block.
    fence = "`" * 3
    while fence in body:
        fence += "`"
    if len(body) > room:
        body = body[: max(0, room - len(_CUT))] + _CUT
    return (head + f"\n<details><summary>The whole plan</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n")[:MOST]


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    summary = document["summary"]
    work = [each for each in document["resource_changes"] if each["change"]["actions"] != ["no-op"]]
    yield MARKER
    counts = ", ".join(f"{summary[name]} to {name}" for name in ("create", "update", "replace", "delete"))
    yield f"### Plan: {counts if work else 'no changes'}"
    yield ""
    told = list(impact.lines(document))
    if told:
        yield f"**{told[0]}**"
        yield from (f"{'  ' * (_depth(each) // 2)}- {cell(each.strip())}" for each in told[1:])
        yield ""
    for each in document["checks"]:
        if each["status"] in _BAD:
            yield f"- **{each['status'].replace('_', ' ')}**: {cell(each['address'])}: {cell(each['message'])}"
    for each in document["guards"]:
        if each["refused"]:
            yield f"- **refused by guard** {each['id']}: {cell(each['message'])}"
    if not document["complete"]:
        yield "- **not complete**: something could not be seen"
    if work:
        yield ""
        yield "| | Resource | Why | Where |"
        yield "|---|---|---|---|"
        for each in work:
            verb = "replace" if len(each["change"]["actions"]) > 1 else each["change"]["actions"][0]
            where = f"{each['source']['file']}:{each['source']['line']}" if each["source"] else ""
            reason = REASONS.get(each["action_reason"], each["action_reason"])
            yield f"| `{SYMBOLS[verb]}` | {cell(each['address'])} | {cell(reason)} | {cell(where)} |"
    if summary["manual"]:
        yield ""
        yield f"{summary['manual']} manual step(s) in the Dashboard; see below."


def _depth(text: str) -> int:
    return max(0, (len(text) - len(text.lstrip()) - 2) // 2)


def cell(words: str) -> str:
    """Other people's words in a table: no markup, no line break, no mention of anybody."""
    return "".join(f"&#{ord(char)};" if char in _MARKUP else char for char in line(words))
