"""Read all that the gates look at, after the intent: invoice, subscription, customer, and the card's history.

Used by a new attempt and by a replay, so that both pass the same gates (invariant A6). Writes nothing.
"""

from __future__ import annotations

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.operations import plan_next
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.gates import Facts


def read_facts(
    context: Context, integration: Integration, case: RecoveryCase, attempt: Attempt, *, replay: bool = False
) -> Facts:
    """Fresh facts. Raises TryLater and OperatorError from the reader; then nothing may be sent."""
    running = context.running()
    if running is None:
        raise BrokenInvariant("there is a case but no applied configuration")
    reader = context.readers(integration, case.account)
    subscription = reader.subscription(case.subscription)
    customer = reader.customer(case.customer)
    payments = reader.payments_of(case.invoice)
    invoice = reader.invoice(case.invoice)  # last, so that its age at the call is the smallest
    with context.store.reading() as view:
        case = plan_next.known_card(view, case)
        history = plan_next.history_of(view, case, context.clock.now())
    return Facts(
        case=case,
        attempt=attempt,
        invoice=invoice,
        subscription=subscription,
        customer=customer,
        payments=payments,
        history=history,
        policy=context.policy_of(case),
        integration=integration,
        configuration=running.configuration,
        now=context.clock.now(),
        replay=replay,
    )
