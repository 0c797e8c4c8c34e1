"""One life under one answer, undisturbed or dying at one crash point; and whether both come to the same end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from tests.simulation import truth, worlds
from tests.simulation.sweep import answers
from tests.simulation.sweep.lives import LIVES, SOON, Call, Life
from tests.simulation.sweep.orders import Order, SweepFleet
from tests.simulation.sweep.points import Point

MORE_DAYS = {"processing": 5.0}
"""A debit takes four days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A life, and how one of its calls is answered."""

    life: Life
    call: Call
    answer: str

    def __str__(self) -> str:
        return f"{self.life.name}; {self.call}: {self.answer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A crash at the `number`th crash point that a setting passes."""

    setting: Setting
    number: int
    point: Point
    order: Order

    def __str__(self) -> str:
        return f"{self.setting}; died at {self.number} ({self.point}); {self.order.value}"


def settings() -> Iterator[Setting]:
    """Every life under every answer of its calls."""
    for life in LIVES:
        for call in life.calls:
            for answer in call.answers:
                yield Setting(life=life, call=call, answer=answer)


def run(setting: Setting, *, order: Order = Order.AT_ONCE, die_at: int | None = None) -> SweepFleet:
    """Live it through to its end."""
    life = setting.life

    def before(fleet: Any) -> None:
        life.first(fleet)
        fleet.decline("ada", life.code, life.times)
        if life.late:
            fleet.world.advance_to(fleet.world.now + 2 * 86_400)

    loaded = worlds.manifest(**{"attempts": 2, "window_days": 2, "spacing_hours": 12, **life.manifest})
    book = {"ada": worlds.customer(**{"renews_in_days": SOON, **life.customer})}
    with life.during():
        fleet = SweepFleet(book, loaded, order=order, die_at=die_at, before=before)
        fleet.deeds += [(at, partial(deed, fleet)) for at, deed in life.deeds]
        fleet.watch(answers.Nth(setting.call.method, setting.call.path, setting.call.nth))
        answers.ALL[setting.answer](fleet, setting.call.method, setting.call.path, setting.call.nth)
        fleet.live_through(life.days + MORE_DAYS.get(setting.answer, 0.0))
    truth.agree(fleet)
    return fleet


def ending(fleet: SweepFleet) -> dict[str, Any]:
    """What must not depend on a crash: charges in their order, states at Stripe and with us, actions, what is owed."""
    states = [(row["object"], row["status"]) for row in fleet.world.ledger.rows if row["kind"] == "state"]
    subscription = fleet.subscription("ada")
    return {
        "flag": (subscription["cancel_at_period_end"], subscription["metadata"]),
        "charges": [(row["invoice"], row["status"], row["payment_method"]) for row in fleet.charges()],
        "states": [each for each in states if each[1] in ("paid", "canceled", "uncollectible", "void")],
        "cases": [(each.state, each.attempts_used, each.ended_by, _word(each)) for each in fleet.cases()],
        "actions": [[(each.kind, each.state) for each in fleet.actions(case)] for case in fleet.cases()],
    }


def _word(case: RecoveryCase) -> str | None:
    """Why it is closed or parked; of a recovered case it says how that was learnt, which may differ."""
    return case.closed_because if case.state in (CaseState.CLOSED, CaseState.PARKED) else None


def faults(setting: Setting, fleet: SweepFleet) -> Iterator[Fault]:
    """Every crash point of an undisturbed run, with every order of what follows.

    Where nothing is answered in another way: each time a point is passed. Else the first time since just before that
    answer; what came earlier is the plain life.
    """
    plain = setting.answer == "success"
    met = 0 if plain or fleet.met_at is None else fleet.met_at
    chosen = dict(enumerate(fleet.passed, start=1))
    if not plain:
        first: dict[Point, int] = {}
        for number, point in chosen.items():
            if number >= met:
                first.setdefault(point, number)
        chosen = {number: point for number, point in chosen.items() if first.get(point) == number}
    for number, point in chosen.items():
        for order in Order:
            yield Fault(setting=setting, number=number, point=point, order=order)


@cache
def _plain_ending(life: Life) -> dict[str, Any]:
    return ending(run(Setting(life=life, call=Call(method="GET", path="/nowhere"), answer="success")))


def differs(fault: Fault, wanted: dict[str, Any]) -> str | None:
    """What is otherwise than without the crash; None when nothing is.

    The crash may also swallow the answer: then the end is that of the plain life.
    """
    try:
        fleet = run(fault.setting, order=fault.order, die_at=fault.number)
    except (AssertionError, FlexpayError) as problem:
        return f"{type(problem).__name__}: {problem}"
    if fleet.crashes != 1:
        return f"it died {fleet.crashes} times"
    if fleet.passed[fault.number - 1] is not fault.point:
        return f"another point: {fleet.passed[fault.number - 1]}"
    found = ending(fleet)
    if found == _plain_ending(fault.setting.life):
        return None
    wrong = [f"{name}: {found[name]} instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]
    return "; ".join(wrong) or None
