"""An integration that was disabled and is enabled again: what failed meanwhile is taken in without a herd (G14, G18)."""

from __future__ import annotations

from unittest import mock

from flexpay_reconcile.operations import take_in_again
from flexpay_reconcile.recovery.take_over import per_day
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.rig import Rig

MANY = 200


def failed_while_disabled(size: int, rest: Span) -> Rig:
    """So many renewals fail while the integration is disabled, the last ones `rest` before it is enabled again."""
    names = [f"c{number:03}" for number in range(size)]
    rig = Rig({name: worlds.customer() for name in names} | {"later": worlds.customer(renews_in_days=5)})
    rig.decline("later", "insufficient_funds", None)
    for name in names:
        account, row = control.customer_of(rig.world, name)
        for id_ in account.table("payment_method").by("customer", row["id"]):
            card = account.table("payment_method").rows[id_]["card"]
            account.table("payment_method").rows[id_]["card"] = {**card, "fingerprint": f"of-{name}"}
        rig.decline(name, "insufficient_funds", None)
    arm.apply(rig, worlds.manifest(status="disabled"))
    while not any(row["attempted"] for row in control.open_invoices(rig.world)):
        rig.rest(Span.of(hours=6))
    rig.rest(rest)
    assert not rig.cases()
    arm.apply(rig, worlds.manifest(status="enabled"))
    return rig


def failed(rig: Rig) -> set[str]:
    """Invoices that have failed and are open."""
    return {row["id"] for row in control.open_invoices(rig.world) if row["attempted"]}


def test_two_hundred_that_failed_meanwhile_are_spread():
    """Some failed hours before the enabling: no day opens more than the brake's share, and their windows begin then."""
    rig = failed_while_disabled(MANY, Span.of(hours=20))
    wanted, start = failed(rig), rig.now
    assert len(wanted) == MANY
    running = rig.engine.context.running()
    assert running is not None
    share = per_day(MANY, running.configuration.brakes.take_over_percent_of_book_per_day)
    rig.live(1)
    opened = [each for each in rig.cases() if each.invoice in wanted]
    assert 0 < len(opened) <= share + 1
    assert all(each.window_from == each.opened_at >= start for each in opened)
    assert len({each.opened_at for each in opened}) > len(opened) // 2
    truth.agree(rig)


def test_each_that_failed_meanwhile_gets_one_case_and_new_failures_do_not_wait():
    """All are taken in within their days, each once; what fails after the enabling opens its case at once as ever."""
    rig = failed_while_disabled(9, Span.of(hours=20))
    wanted = failed(rig)
    rig.live(5)
    assert take_in_again.next_batch(rig.engine.context) is not None
    later = rig.case("later")
    assert later.window_from == later.first_declined_at
    rig.live(10)
    assert sorted(each.invoice for each in rig.cases() if each.invoice in wanted) == sorted(wanted)
    assert take_in_again.next_batch(rig.engine.context) is None
    truth.agree(rig)


def test_a_daemon_that_was_down_all_the_while_knows_it_too():
    """Disabled and enabled while no daemon ran: the applied revisions tell it, and nothing comes as a herd."""
    with mock.patch.object(take_in_again, "take_in_due", return_value=0):
        rig = failed_while_disabled(5, Span.of(hours=2))
        rig.rest(Span.of(days=2))
    rig.restart()
    rig.live(0.2)
    assert 0 < len(rig.cases()) < 5
