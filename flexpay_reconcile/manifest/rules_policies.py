"""Rules of retry policies that a schema cannot say: what cannot fit, and what the networks do not allow.
Plans no attempt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines.networks import default_ceiling, network_limit
from flexpay_reconcile.manifest.durations import span_of
from flexpay_reconcile.manifest.faults import Path, error
from flexpay_reconcile.manifest.rules_companies import time_zone_rule
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic
from flexpay_reconcile.values.instant import Span

_HOUR = Span.of(hours=1)
_LONGEST_WINDOW = Span.of(days=90)
_DEFAULT = RetryPolicy(id="default")


def policy_rules(tree: Tree) -> Iterator[Diagnostic]:
    """All rules of each policy."""
    for policy, written in tree.maps("retry_policies"):
        here: Path = ("retry_policies", policy)
        yield from _lengths(tree, here)
        yield from _timing(tree, here)
        yield from _fits(tree, here, written)
        yield from _quiet_hours(tree, here)
        for network, _ in tree.maps(*here, "network_ceilings"):
            yield from _ceiling(tree, (*here, "network_ceilings", network), network)


def _lengths(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    spacing = span_of(tree.get(*here, "minimum_spacing"))
    if spacing is not None and spacing < _HOUR:
        path = (*here, "minimum_spacing")
        yield error("E-spacing", f"minimum_spacing is {spacing.text()}; at least 1h", place=tree.place(path), path=path)
    window = span_of(tree.get(*here, "window"))
    if window is not None and not _HOUR <= window <= _LONGEST_WINDOW:
        path = (*here, "window")
        yield error("E-window", f"window is {window.text()}; from 1h to 90d", place=tree.place(path), path=path)


def _timing(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    """A fixed schedule belongs to fixed timing, and the other way round."""
    timing = tree.get(*here, "timing") if tree.has(*here, "timing") else _DEFAULT.timing.value
    schedule = (*here, "fixed_schedule")
    if timing == "fixed" and not tree.has(*schedule):
        path = (*here, "timing")
        hint = "add fixed_schedule: [{days: 3}, {days: 5}, {days: 7}], or use even"
        yield error(
            "E-schedule-missing", "timing fixed needs a fixed_schedule", place=tree.place(path), path=path, hint=hint
        )
    if timing in ("even", "learned") and tree.has(*schedule):
        hint = "delete it, or use timing: fixed"
        message = f"fixed_schedule says nothing with timing {timing}"
        yield error("E-schedule-unused", message, place=tree.place(schedule), path=schedule, hint=hint)


def _fits(tree: Tree, here: Path, written: dict[str, Any]) -> Iterator[Diagnostic]:
    """Every attempt must have its place in the window.

    Fields that are badly written are reported elsewhere and skipped here.
    """
    window = _span(written, "window", _DEFAULT.window)
    spacing = _span(written, "minimum_spacing", _DEFAULT.minimum_spacing)
    attempts = written.get("max_attempts", _DEFAULT.max_attempts)
    if window is None or spacing is None or type(attempts) is not int or attempts < 1:
        return
    if written.get("timing") == "fixed":
        yield from _schedule_fits(tree, (*here, "fixed_schedule"), window=window, spacing=spacing, attempts=attempts)
        return
    needed = spacing.times(attempts)
    if needed > window:
        path = next(((*here, key) for key in ("max_attempts", "minimum_spacing", "window") if key in written), here)
        yield error(
            "E-policy-fit",
            f"{attempts} attempts {spacing.text()} apart need {needed.text()}; the window is {window.text()}",
            place=tree.place(path),
            path=path,
            hint="fewer attempts, less spacing or a longer window",
        )


def _schedule_fits(tree: Tree, here: Path, *, window: Span, spacing: Span, attempts: int) -> Iterator[Diagnostic]:
    steps = tree.items(*here)
    total = Span(0)
    for position, step in enumerate(steps):
        span = span_of(step)
        if span is None:
            return
        path = (*here, position)
        total = total.plus(span)
        if span < spacing:
            message = f"step {position + 1} is {span.text()}, less than minimum_spacing, {spacing.text()}"
            yield error("E-schedule-spacing", message, place=tree.place(path), path=path)
        if total > window:
            message = f"step {position + 1} lies {total.text()} after the first decline; the window is {window.text()}"
            yield error(
                "E-policy-fit", message, place=tree.place(path), path=path, hint="shorter steps or a longer window"
            )
            return
    if len(steps) > attempts:
        message = f"fixed_schedule has {len(steps)} steps, max_attempts is {attempts}: the last would never be tried"
        yield error(
            "E-schedule-attempts", message, place=tree.place(here), path=here, hint=f"max_attempts: {len(steps)}"
        )


def _span(written: dict[str, Any], key: str, default: Span) -> Span | None:
    return span_of(written[key]) if key in written else default


def _quiet_hours(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    quiet = (*here, "quiet_hours")
    start, end = tree.text(*quiet, "from"), tree.text(*quiet, "to")
    if start is not None and start == end:
        message = "quiet_hours begin and end at the same minute: all day, or never?"
        yield error("E-quiet-hours", message, place=tree.place((*quiet, "to")), path=(*quiet, "to"))
    if tree.text(*quiet, "time_zone") != "customer":
        yield from time_zone_rule(tree, (*quiet, "time_zone"))


def _ceiling(tree: Tree, here: Path, network: str) -> Iterator[Diagnostic]:
    """Above the network's own figure never; above the shipped default with a reason only."""
    limit, default = network_limit(network), default_ceiling(network)
    because = tree.text(*here, "because")
    asked = False
    for key, most, shipped in (
        ("per_24_hours", limit.per_24h, default.per_24h),
        ("per_30_days", limit.per_30d, default.per_30d),
    ):
        path = (*here, key)
        asked = asked or tree.has(*path)
        count = tree.whole(*path)
        if count is None:
            continue
        if most is not None and count > most:
            message = f"{network} allows {most} attempts {_per(key)} on one card; {count} is above"
            yield error("E-ceiling-network", message, place=tree.place(path), path=path, hint=f"at most {most}")
        elif shipped is not None and count > shipped and not (because and because.strip()):
            message = (
                f"{count} attempts {_per(key)} is above the default for {network}, {shipped}, and no reason is given"
            )
            hint = 'add because: "who agreed, and when"'
            yield error("E-ceiling-because", message, place=tree.place(path), path=path, hint=hint)
    if not asked and tree.has(*here, "because"):
        message = f"the ceiling of {network} says because, but neither per_24_hours nor per_30_days"
        yield error("E-ceiling-empty", message, place=tree.place(here), path=here)


def _per(key: str) -> str:
    return "in 24 hours" if key == "per_24_hours" else "in 30 days"
