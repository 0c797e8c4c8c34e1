"""The demo: two schedules on the same simulated customers, sixty days each, told in figures a merchant understands.

Yields text and progress; prints nothing and reads no wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.render import text as plan_text
from flexpay_reconcile.rehearsal import arm, merchant, story
from flexpay_reconcile.rehearsal.account import Account, Line
from flexpay_reconcile.rehearsal.stage import Stage
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.money import Money

DAYS = 60
COHORT = Span.of(days=31)
"""Payments that failed in the first 31 days have had a whole 28-day window by day 60 (less the last hours)."""
ARMS = {"even": "flexpay.yaml", "fixed": "flexpay-fixed.yaml"}
TITLES = {"even": "even spacing, 28 days", "fixed": "fixed 3/5/7 days"}
_WIDTH = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where the demo hands its words: results, and progress of one arm."""

    say: Callable[[str], None]
    progress: Callable[[str, arm.Day], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the demo came to: the figures of each arm, and how many stores were held against the ledger."""

    accounts: dict[str, Account]
    compared: int
    days: int


def run(folder: Path, states: Path, told: Told, *, days: int = DAYS, program: str = "flexpay") -> Figures:
    """Run both arms with their states in the folder `states`; OperatorError when the files are not there or wrong."""
    cast = merchant.read(folder, ARMS)
    accounts: dict[str, Account] = {}
    compared = 0
    tale: list[str] = []
    for name, file in ARMS.items():
        loaded = cast.manifests[name]
        stage = arm.build(cast.scenario, str(states / f"{name}.db"), durable=False)  # nothing real to lose
        made = arm.apply(stage, loaded)
        if name == "even":
            told.say(f"$ flexpay plan -f {cast.folder.name}/{file}\n")
            told.say(plan_text.render(codec.to_json(made)))
        told.say(
            f"Applied {file}; the second plan is {'empty' if not arm.plan(stage, loaded).has_changes else 'NOT empty'}."
        )
        cohort_until = stage.now.plus(COHORT)
        arm.live(stage, days, lambda day, name=name: told.progress(TITLES[name], day))  # type: ignore[misc]
        accounts[name], count = arm.settle(stage, cohort_until)
        compared += count
        if name == "even":
            tale = _tale(stage, f"{program} {{}} --state {states / 'even.db'}")
        stage.engine.release()
    figures = Figures(accounts=accounts, compared=compared, days=days)
    for line in (*summary(figures), "", *tale):
        told.say(line)
    return figures


def _tale(stage: Stage, command: str) -> list[str]:
    """One case as a story, and commands (a pattern with a place for the verb) that show more."""
    chosen = story.choose(stage.parts.store)
    if chosen is None:
        return []
    who = chosen.customer_name or chosen.customer
    head = f"One case, from first decline to end ({who}, {chosen.invoice}; times in UTC):"
    return [head, *(f"  {line}" for line in story.tell(stage.parts.store, chosen)), "", *_next(chosen.invoice, command)]


def _next(invoice: str, command: str) -> list[str]:
    return [
        "Where to look next:",
        f"  {command.format('cases list')}",
        f"  {command.format(f'explain {invoice}')}",
        "  examples/01-one-account/README.md: drive a simulator and a real daemon yourself",
    ]


def summary(figures: Figures) -> list[str]:
    """The table, one column an arm, and what it says."""
    even, fixed = figures.accounts["even"], figures.accounts["fixed"]
    lines = ["", f"After {figures.days} simulated days, the same customers twice:", ""]
    lines.append(_row("", [TITLES["even"], TITLES["fixed"]]))
    rows: Sequence[tuple[str, Line, Line]] = (
        ("failed payments", even.failed, fixed.failed),
        ("  recovered by a retry", even.recovered, fixed.recovered),
        ("  paid another way", even.elsewhere, fixed.elsewhere),
        ("  ended without payment", even.unpaid, fixed.unpaid),
        ("  still in recovery", even.still_open, fixed.still_open),
    )
    for title, left, right in rows:
        lines += _line_rows(title, left, right)
    lines.append(_row("subscriptions cancelled", [str(even.cancelled), str(fixed.cancelled)]))
    lines.append(_row("attempts made", [str(even.attempts), str(fixed.attempts)]))
    lines += [
        "",
        f"Of the payments that failed in the first {COHORT.seconds // 86_400} days (their whole window is over):",
    ]
    lines += _line_rows("  failed", even.cohort, fixed.cohort)
    lines += _line_rows("  recovered", even.cohort_recovered, fixed.cohort_recovered)
    lines.append(_row("  share recovered", [_share(even), _share(fixed)]))
    lines += ["", _verdict(even, fixed)]
    lines.append(
        f"Checked against the simulator's own ledger: {figures.compared} invoices, no difference, none charged twice."
    )
    lines.append("The customers are synthetic: these figures rank schedules, they do not forecast revenue.")
    return lines


def _line_rows(title: str, left: Line, right: Line) -> list[str]:
    """Counts on one row, then a row per currency."""
    rows = [_row(title, [str(left.count), str(right.count)])]
    codes = sorted({each.currency.code for each in (*left.totals, *right.totals)})
    rows += [_row("", [_money(left.totals, code), _money(right.totals, code)]) for code in codes]
    return rows


def _money(totals: Sequence[Money], code: str) -> str:
    return next((each.text() for each in totals if each.currency.code == code), f"0 {code}")


def _row(title: str, cells: Sequence[str]) -> str:
    return f"{title:<{_WIDTH}}" + "".join(f"{cell:>26}" for cell in cells)


def _share(account: Account) -> str:
    """Per mille in whole numbers, shown as per cent with one digit."""
    if not account.cohort.count:
        return "-"
    mille = account.cohort_recovered.count * 1000 // account.cohort.count
    return f"{mille // 10}.{mille % 10} %"


def _verdict(even: Account, fixed: Account) -> str:
    """What the comparison says, whichever way it falls."""
    more = even.cohort_recovered.count - fixed.cohort_recovered.count
    if even.cohort.count != fixed.cohort.count:
        return f"The two arms saw different failures ({even.cohort.count} and {fixed.cohort.count}): not comparable."
    words = "more than" if more >= 0 else "fewer than"
    return f"Even spacing recovered {abs(more)} {words} the fixed schedule, out of {even.cohort.count} failed payments."
