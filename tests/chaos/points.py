"""The named places where a daemon can die: around each commit and each writing call of the data plane's operations.

The list is read from the operations' own source, so that a new unit of work is a new point. Runs nothing of them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import flexpay_reconcile

OPERATIONS = Path(flexpay_reconcile.__file__).parent / "operations"
CONTROL_PLANE = frozenset(
    {"apply_endpoint", "apply_plan", "apply_steps", "check_armed", "observe_account", "plan_manifest", "rearm_state"}
)
"""Operations that no daemon runs."""
CALLS = frozenset(
    {
        "pay",
        "cancel_now",
        "schedule_cancel",
        "unschedule_cancel",
        "mark_uncollectible",
        "tag_invoice",
        "tag_subscription",
        "stop_auto_advance",
    }
)
"""The methods of the two ports that write: charger and billing writer."""
OUT_OF_REACH: dict[str, str] = {
    "connected.claim": "rounds have no connected accounts",
    "follow_accounts.lose": "rounds have no connected accounts",
    "follow_accounts.hear": "rounds have no connected accounts",
    "follow_accounts._regain": "rounds have no connected accounts",
    "follow_accounts._ask": "rounds have no connected accounts",
    "follow_accounts._list": "rounds have no connected accounts",
    "follow_invoice._missing": "no invoice of a simulated account is ever gone",
    "schedule_retries._put_aside": "only a broken invariant leads there",
}
"""Sites that no round can come to, and why: they are not counted. What can be reached is never listed here."""
_HOLDERS = frozenset({"charger", "writer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One `begin()` or one writing call. `name` such as `submit_attempt._commit_intent` or `submit_attempt._send pay`."""

    name: str
    file: str
    first: int
    last: int
    call: str | None
    """The port's method, None for a unit of work."""

    @property
    def points(self) -> tuple[str, str]:
        """Its two points."""
        what = self.call or "commit"
        return f"{self.name}: before {what}", f"{self.name}: after {what}"


def sites() -> tuple[Site, ...]:
    """All of them, by file and line."""
    found: list[Site] = []
    for path in sorted(OPERATIONS.glob("*.py")):
        if path.stem not in CONTROL_PLANE:
            found += _of_file(path)
    return tuple(found)


def names() -> tuple[str, ...]:
    """Every named point that a round can reach."""
    return tuple(point for site in sites() if site.name not in OUT_OF_REACH for point in site.points)


class Table:
    """From a running frame to the site it stands at."""

    def __init__(self) -> None:
        """Read the operations once."""
        self._sites: dict[str, list[Site]] = {}
        for site in sites():
            self._sites.setdefault(site.file, []).append(site)

    def of(self, frame: FrameType | None, call: str | None) -> Site | None:
        """The site of a frame that begins a unit of work (`call` None) or makes that call; None for other code."""
        if frame is None:
            return None
        for site in self._sites.get(frame.f_code.co_filename, ()):
            if site.call == call and site.first <= frame.f_lineno <= site.last:
                return site
        return None


def _of_file(path: Path) -> list[Site]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[Site] = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        here = [each for node in ast.walk(function) if (each := _site(path, function.name, node)) is not None]
        found += _numbered(sorted(here, key=lambda each: each.first))
    return found


def _site(path: Path, function: str, node: ast.AST) -> Site | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    name, holder = node.func.attr, node.func.value
    last = node.end_lineno or node.lineno
    where = f"{path.stem}.{function}"
    if name == "begin" and _is_store(holder):
        return Site(name=where, file=str(path), first=node.lineno, last=last, call=None)
    if name in CALLS and isinstance(holder, ast.Name) and holder.id in _HOLDERS:
        return Site(name=where, file=str(path), first=node.lineno, last=last, call=name)
    return None


def _is_store(holder: ast.AST) -> bool:
    """`store.begin()`, `context.store.begin()`; other things begin, too."""
    return (isinstance(holder, ast.Attribute) and holder.attr == "store") or (
        isinstance(holder, ast.Name) and holder.id == "store"
    )


def _numbered(here: list[Site]) -> list[Site]:
    """Several of one kind in one function are told apart by their number."""
    made: list[Site] = []
    for site in here:
        alike = [each for each in here if each.call == site.call]
        number = f"#{alike.index(site) + 1}" if len(alike) > 1 else ""
        made.append(Site(name=site.name + number, file=site.file, first=site.first, last=site.last, call=site.call))
    return made
