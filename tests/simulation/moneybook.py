"""D10: the recorded transactions are Stripe's ledger, whatever became of the webhooks. Asks the engine nothing else."""

from __future__ import annotations

from flexpay_reconcile.ports.rows import InboxEvent, InboxState
from tests.simulation import worlds
from tests.simulation.judges import require
from tests.simulation.rig import Rig

NEW_WORD = "simulated_new_value"
"""What a delivery or an answer says that the fault `new_enum` has spoilt: recorded as it was told."""

SWEPT_WITHIN = 7 * 3_600
"""Seconds: a sweep comes every six hours, and may be an hour late where Stripe refuses it."""


def d10_equals_ledger(rig: Rig, since: int) -> None:
    """D10: every charge and refund since an instant is a transaction with its amount and status, and there is no other.

    But for what an event told in words nobody understands: that event is on the dead-letter list, with an alarm (D4),
    or its very type was spoilt on the way. And but for a debit on its way: it is neither an approval nor a decline yet,
    and no event tells of one; where it was recorded, it says how it ended. And but for what no delivery came of and no
    sweep can have seen: those come every six hours.
    """
    account = worlds.book(rig.world)
    with rig.parts.store.reading() as view:
        told = {each.id: each for each in view.transactions.list(limit=1_000_000)}
        money = (*rig.world.ledger.charges, *rig.world.ledger.refunds)
        heard = {row["id"]: view.inbox.for_object(row["id"]) for row in money}
    dead = {id_ for id_, events in heard.items() if any(_lost(each) for each in events)}
    young = rig.world.now - SWEPT_WITHIN
    ends = {row["id"]: row for row in rig.world.ledger.charges}  # a debit has a second row, when its bank has answered
    charges = [row for row in ends.values() if row["source"] != "history"]
    known = {row["id"] for row in (*rig.world.ledger.charges, *rig.world.ledger.refunds)}
    rows = [(row, row["status"]) for row in charges]
    rows += [(row, account.get("refund", row["id"])["status"]) for row in rig.world.ledger.refunds]
    for row, status in rows:
        under_way = status == "pending" and row["id"] not in told
        unswept = row["created"] > young and not heard[row["id"]]
        if row["created"] < since or row["id"] in dead or under_way or unswept:
            continue
        found = told.get(row["id"])
        require(found is not None, "D10", f"{row['id']} of {row['amount']} is in no transaction")
        if found is not None and found.status != NEW_WORD:
            said = (found.amount.amount_minor, found.status)
            require(
                said == (row["amount"], status), "D10", f"{row['id']} says {said}, the ledger {row['amount']} {status}"
            )
    require(set(told) <= known, "D10", f"transactions of nothing: {sorted(set(told) - known)}")


def _lost(event: InboxEvent) -> bool:
    return event.state is InboxState.DEAD or NEW_WORD in event.type
