"""Invariants of what was read before something was done: the card, the customer and the subscription of a `pay`, ends.

Judged by the answers that really came back, each daemon's own: what another one read does not excuse it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.ids import CaseId
from tests.simulation.fleet import Fleet
from tests.simulation.judges import require
from tests.simulation.rig import Request

LOOKED_AT = ("/v1/invoices", "/v1/subscriptions/", "/v1/customers/")
OVER = ("canceled", "incomplete_expired")
ENDS = {CaseState.RECOVERED_ELSEWHERE: "paid", "voided": "void", "uncollectible_by_other": "uncollectible"}
"""What the end of a case says of its invoice, and what the invoice must have read before."""


class Readings:
    """Watches one fleet's reads."""

    def __init__(self, fleet: Fleet) -> None:
        """Hook in before anything goes wrong."""
        self.fleet = fleet
        self._read: dict[tuple[str, str], dict[str, Any]] = {}
        self._statuses: dict[str, set[str]] = defaultdict(set)
        self._last: dict[CaseId, CaseState] = {}
        self._changed = True
        fleet.before_call.append(self.sent)
        fleet.after_call.append(self.answered)
        fleet.after_commit.append(self._committed)

    def _committed(self) -> None:
        self._changed = True

    def _holder(self) -> str:
        return self.fleet.acting.holder if self.fleet.acting else ""

    def answered(self, request: Request) -> None:
        """An answer reached the product."""
        if request.status != 200 or not request.path.startswith(LOOKED_AT) or request.answer is None:
            return
        rows = request.answer.get("data", [request.answer])
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                if str(row["id"]).startswith("in_"):
                    self._statuses[row["id"]].add(str(row.get("status")))
                if request.method == "GET":
                    self._read[(self._holder(), row["id"])] = row

    def sent(self, request: Request) -> None:
        """A call is about to leave."""
        if not request.is_pay:
            return
        holder = self._holder()
        invoice = self._read.get((holder, request.object_id), {})
        details = ((invoice.get("parent") or {}).get("subscription_details")) or {}
        subscription = self._read.get((holder, str(details.get("subscription"))))
        customer = self._read.get((holder, str(invoice.get("customer"))))
        if subscription is None or customer is None:
            return  # an answer was spoilt; A7 asks for the invoice's own read
        self.a17_gone(request, customer)
        self.a7_subscription(request, subscription)
        self.a20_card(request, invoice, subscription, customer)

    def a17_gone(self, request: Request, customer: dict[str, Any]) -> None:
        """A17: nothing is tried for a customer who read deleted."""
        require(not customer.get("deleted"), "A17", f"{request.object_id} is paid though {customer['id']} read deleted")

    def a7_subscription(self, request: Request, subscription: dict[str, Any]) -> None:
        """A7: the subscription of an invoice that is tried did not read over."""
        status = subscription.get("status")
        require(status not in OVER, "A7", f"{request.object_id} is paid though {subscription['id']} read {status}")

    def a20_card(
        self, request: Request, invoice: dict[str, Any], subscription: dict[str, Any], customer: dict[str, Any]
    ) -> None:
        """A20: the card sent is the one that Stripe would charge by the reads before: invoice, subscription, customer."""
        settings = customer.get("invoice_settings") or {}
        found = (
            invoice.get("default_payment_method"),
            invoice.get("default_source"),
            subscription.get("default_payment_method"),
            subscription.get("default_source"),
            settings.get("default_payment_method"),
            customer.get("default_source"),
        )
        wanted = next((each for each in found if each), None)
        sent = dict(request.params).get("payment_method")
        require(wanted is None or sent == wanted, "A20", f"{request.object_id}: {sent} is sent, and {wanted} was read")

    def step(self) -> None:
        """D5: no case ends by what an event says; the invoice itself read so before."""
        if not self._changed:
            return
        self._changed = False
        with self.fleet.parts.store.reading() as view:
            cases = list(view.cases.list(limit=10_000))
        for case in cases:
            before, self._last[case.id] = self._last.get(case.id), case.state
            wanted = ENDS.get(case.state) or ENDS.get(case.closed_because or "")
            if before is case.state or wanted is None or not case.is_final():
                continue
            read = self._statuses[case.invoice]
            require(wanted in read, "D5", f"{case.id} ended as {wanted}, and its invoice read {sorted(read)} only")
