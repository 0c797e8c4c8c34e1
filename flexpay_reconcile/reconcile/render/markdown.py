"""A plan as Markdown for a pull-request comment, from the public JSON alone. Never longer than one may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flexpay_reconcile.reconcile.render import impact, text
from flexpay_reconcile.reconcile.render.words import REASONS, SYMBOLS, line

MARKER: Final = "<!-- flexpay-reconcile plan -->"
"""First line, so that a pipeline finds its comment and updates it instead of adding another."""
MOST: Final = 60_000
"""Characters; GitHub refuses comments above 65,536."""
_HEAD: Final = 15_000
"""Characters for the impact, for the checks and for the table, each: the rest belongs to the whole text."""
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
    body = "\n".join(_fitting(body.rstrip("\n").split("\n"), room, "{} more lines, which the plan's JSON has")) + "\n"
    return head + f"\n<details><summary>The whole plan</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n"


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
        meant = [f"{'  ' * (_depth(each) // 2)}- {cell(each.strip())}" for each in told[1:]]
        yield from _fitting(meant, _HEAD, "- {} more lines of it, which the plan's JSON has")
        yield ""
    bad = [each for each in document["checks"] if each["status"] in _BAD]
    checks = [f"- **{e['status'].replace('_', ' ')}**: {cell(e['address'])}: {cell(e['message'])}" for e in bad]
    yield from _fitting(checks, _HEAD, "- {} more checks, which the plan's JSON has")
    for each in document["guards"]:
        if each["refused"]:
            yield f"- **refused by guard** {each['id']}: {cell(each['message'])}"
    if not document["complete"]:
        yield "- **not complete**: something could not be seen"
    if work:
        yield ""
        yield "| | Resource | Why | Where |"
        yield "|---|---|---|---|"
        yield from _fitting(
            [_row(each) for each in work], _HEAD, "| | {} more changes, which the plan's JSON has | | |"
        )
    if summary["manual"]:
        yield ""
        yield f"{summary['manual']} manual step(s) in the Dashboard; see below."


def _depth(text: str) -> int:
    return max(0, (len(text) - len(text.lstrip()) - 2) // 2)


def _row(change: Mapping[str, Any]) -> str:
    """One line of the table."""
    actions, source = change["change"]["actions"], change["source"]
    verb = "import" if change["change"].get("importing") else "replace" if len(actions) > 1 else actions[0]
    where = f"{source['file']}:{source['line']}" if source else ""
    reason = REASONS.get(change["action_reason"], change["action_reason"])
    return f"| `{SYMBOLS[verb]}` | {cell(change['address'])} | {cell(reason)} | {cell(where)} |"


def _fitting(lines: Sequence[str], room: int, rest: str) -> Iterator[str]:
    """The lines that fit into so many characters, whole ones only, and then how many were left out."""
    used, most = 0, room - len(rest) - 10
    for at, each in enumerate(lines):
        used += len(each) + 1
        if used > (room if at == len(lines) - 1 else most):
            yield rest.format(len(lines) - at)
            return
        yield each


def cell(words: str) -> str:
    """Other people's words in a table: no markup, no line break, no mention of anybody."""
    return "".join(f"&#{ord(char)};" if char in _MARKUP else char for char in line(words))
