"""What happens by itself: the actions that entries of the agenda name.

One line an action: its name and the function (simulation, account, id of the object). May not contain behaviour.
"""

from __future__ import annotations

from collections.abc import Callable

from flexpay_reconcile.simulator import people_acts
from flexpay_reconcile.simulator.resources import (
    bank_debits,
    disputes,
    dunning,
    finalisation,
    pausing,
    refunds,
    reminders,
    renewals,
    test_clocks,
    trials,
    upcoming,
)
from flexpay_reconcile.simulator.state import Account, Simulation


def _story(sim: Simulation, _: Account, number: str) -> None:
    """A dated step of the scenario's story."""
    sim.story[int(number)]()


def _advance_clock(sim: Simulation, account: Account, clock: str) -> None:
    """What happens by itself happens to the objects of a test clock, too."""
    test_clocks.run(sim, account, clock, ACTIONS)


def _clock_debits(sim: Simulation, account: Account, clock: str) -> None:
    """The bank debits of a test clock that waited for the end of an advance."""
    test_clocks.collect_debits(sim, account, clock, ACTIONS)


ACTIONS: dict[str, Callable[[Simulation, Account, str], None]] = {
    "renew": renewals.renew,
    "finalize": finalisation.run,
    "collect": dunning.collect,
    "automation": dunning.automate,
    "last_try": dunning.give_up,
    "will_be_due": reminders.will_be_due,
    "due": reminders.due,
    "overdue": dunning.overdue,
    "upcoming": upcoming.announce,
    "expire": renewals.expire,
    "cancel": renewals.cancel_due,
    "trial_will_end": trials.will_end,
    "resume_collection": pausing.collect_again,
    "resumption_expires": pausing.expire,
    "refund": refunds.settle,
    "debit": bank_debits.settle,
    "aftermath": disputes.follow,
    "dispute": disputes.due,
    "story": _story,
    "people": people_acts.happen,
    "advance_clock": _advance_clock,
    "ready_clock": test_clocks.ready,
    "clock_debits": _clock_debits,
    "delete_clock": test_clocks.remove,
}
