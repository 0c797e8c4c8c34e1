"""Due dates of invoices that are sent: the reminders around them, and what it means that one has passed.

`invoice.will_be_due` and `invoice.overdue` come of the account's automations (settings). That a subscription whose sent
invoice is not paid by its due date becomes past due is documented; the final states are `dunning`'s. May not charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import standing
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.settings import DAY
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def plan(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Write the due date of an invoice that is open now, and the reminders around it, into the agenda."""
    due, settings = invoice["due_date"], account.settings
    before, after = due - settings.will_be_due_days * DAY, due + settings.overdue_days * DAY
    if settings.will_be_due_days and before >= sim.now:
        sim.agenda.add(before, "will_be_due", account.key, invoice["id"])
    sim.agenda.add(max(due, sim.now), "due", account.key, invoice["id"])
    if settings.overdue_days:
        sim.agenda.add(max(after, sim.now), "overdue", account.key, invoice["id"])


def will_be_due(sim: Simulation, account: Account, invoice_id: str) -> None:
    """A sent invoice is due in some days."""
    invoice = account.find("invoice", invoice_id)
    if invoice is not None and invoice["status"] == "open":
        emit(sim, account, "invoice.will_be_due", invoice)


def due(sim: Simulation, account: Account, invoice_id: str) -> None:
    """The due date has come without payment: the subscription is past due."""
    invoice = account.find("invoice", invoice_id)
    if invoice is not None and invoice["status"] == "open":
        standing.after_failure(sim, account, invoice)
