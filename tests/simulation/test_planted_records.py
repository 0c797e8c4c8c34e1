"""Checks of the judges seen red by themselves: a bug planted, or a wrong row put in by hand, and the invariant named."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from flexpay_reconcile.adapters.stripe_api import charger
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import Judge, Violation
from tests.simulation.mutants.of_calls import no_budget
from tests.simulation.mutants.of_gates import advice_unread, gone_is_charged
from tests.simulation.mutants.of_truth import revision_forgotten
from tests.simulation.readings import Readings
from tests.simulation.records import Records
from tests.simulation.rig import Rig


def judged(customers: dict[str, Any], *, per_minute: int = 100, **policy: Any) -> tuple[Rig, Judge]:
    """A rig with a judge whose other figures leave everything open."""
    rig = Rig(customers, loaded=worlds.manifest(**policy))
    return rig, Judge(rig, spacing_hours=1, visa_per_30_days=100, per_minute=per_minute)


def test_two_attempts_under_way_are_found():
    """Two blocking attempts of one invoice are reported (A2)."""
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds")
    rig.live(2)
    (case,) = rig.cases()
    with pytest.raises(Violation, match="A2"):
        Records(rig).b3_successor(case, [AttemptState.SUBMITTING, AttemptState.UNRESOLVED])


def test_a_second_key_of_one_attempt_is_found(monkeypatch: pytest.MonkeyPatch):
    """An attempt sent under a key that is not its own is reported before it leaves (A4)."""
    real, count = charger.StripeCharger.pay, itertools.count()

    def pay(self: Any, invoice: Any, *, payment_method: Any, idempotency_key: str, only_key: Any = None) -> Any:
        other = f"{idempotency_key}-{next(count)}"
        return real(self, invoice, payment_method=payment_method, idempotency_key=other, only_key=only_key)

    monkeypatch.setattr(charger.StripeCharger, "pay", pay)
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds")
    with pytest.raises(Violation, match="A4"):
        rig.live(6)


def test_a_try_after_advice_never_to_try_is_found(monkeypatch: pytest.MonkeyPatch):
    """Mastercard's advice 03 forgotten: the next charge of the card is reported (A9)."""
    advice_unread(monkeypatch)
    rig, judge = judged({"ada": worlds.customer("pm_card_mastercard")})
    rig.decline("ada", "do_not_honor", network_advice_code="03")
    with pytest.raises(Violation, match="A9"):
        rig.live(8, on_step=judge.step)


def test_forgotten_budgets_are_found(monkeypatch: pytest.MonkeyPatch):
    """One attempt a minute is allowed; without the budget several leave in it after a night of downtime (A13)."""
    customers = {name: worlds.customer() for name in ("ada", "ben", "cleo", "dan")}
    more = "brakes:\n  attempts: {per_minute: 1}\n"

    def run() -> None:
        rig, _ = judged(customers, per_minute=1, more=more)
        for name in customers:
            rig.decline(name, "insufficient_funds")
        rig.live(1.5)
        rig.rest(Span.of(days=3))
        rig.live(2)
        assert len(rig.pays()) >= 4

    run()
    no_budget(monkeypatch)
    with pytest.raises(Violation, match="A13"):
        run()


def test_an_action_done_twice_is_found():
    """The ledger shows one invoice written off twice by our calls (C2)."""
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "lost_card")
    rig.live(4)
    records = Records(rig)
    records.end()
    done = [row for row in rig.world.ledger.rows if row["kind"] == "state" and row["source"] == "request"]
    assert done
    rig.world.sim.ledger = _Rows(rig.world.ledger, [*rig.world.ledger.rows, done[-1]])  # type: ignore[assignment]
    with pytest.raises(Violation, match="C2"):
        records.c2_c5_c8_actions()


class _Rows:
    """A ledger whose rows are others."""

    def __init__(self, ledger: Any, rows: list[dict[str, Any]]) -> None:
        self._ledger, self.rows = ledger, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_a_revision_that_is_not_stored_is_found(monkeypatch: pytest.MonkeyPatch):
    """An attempt that names no applied revision is reported (E14)."""
    revision_forgotten(monkeypatch)
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=1)
    rig.live(12)
    with pytest.raises(Violation, match="E14"):
        Records(rig).end()


@pytest.mark.parametrize("planted", [True, False])
def test_a_charge_of_somebody_deleted_is_found(monkeypatch: pytest.MonkeyPatch, planted: bool):
    """Ada reads deleted when her attempt is due, and her subscription does not yet read over: reported (A17)."""
    rig = Fleet({"ada": worlds.customer()}, loaded=worlds.manifest())
    Readings(rig)
    rig.decline("ada", "insufficient_funds", times=1)
    while not (rig.cases() and rig.case("ada").next_attempt_at):
        rig.live(0.1)
    _, row = control.customer_of(rig.world, "ada")
    row["deleted"] = True
    if not planted:
        rig.live(9)
        assert rig.pays() == []
        return
    gone_is_charged(monkeypatch)
    with pytest.raises(Violation, match="A17"):
        rig.live(9)
