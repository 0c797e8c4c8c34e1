"""Reviews: payments of elevated risk, which Radar for Fraud Teams puts into the manual review queue.

May not change the money of a payment.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

LIST: Shape = {**PAGING, "created": "range"}


def open_review(sim: Simulation, account: Account, intent: Obj, charge: Obj) -> None:
    """Put a charge and its intent into the queue and report it."""
    review = account.table("review").add(
        {
            "id": sim.new_id(account, "prv"),
            "object": "review",
            "billing_zip": (charge["billing_details"]["address"] or {}).get("postal_code"),
            "charge": charge["id"],
            "closed_reason": None,
            "created": sim.now,
            "ip_address": None,
            "ip_address_location": None,
            "livemode": account.livemode,
            "open": True,
            "opened_reason": "rule",
            "payment_intent": intent["id"],
            "reason": "rule",
            "session": None,
        }
    )
    charge["review"] = intent["review"] = review["id"]
    emit(sim, account, "review.opened", review)


def close(sim: Simulation, account: Account, review_id: str | None, reason: str) -> None:
    """Take a review out of the queue, unless it is out already; `reason` also shows what came of it."""
    review = account.find("review", review_id)
    if review is not None and review["open"]:
        review.update(open=False, closed_reason=reason, reason=reason)
        emit(sim, account, "review.closed", review)


def approve(call: Call, id_: str) -> Obj:
    """POST /v1/reviews/{id}/approve"""
    review = retrieve(call, id_)
    if not review["open"]:
        raise not_allowed("This review is already closed.")
    close(call.sim, call.account, id_, "approved")
    return review


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/reviews/{id}"""
    found = call.account.find("review", id_)
    if found is None:
        raise missing("review", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/reviews: the open ones, filter created."""
    return page(call, "review", "/v1/reviews", keep=lambda row: bool(row["open"]))


ROUTES: tuple[Route, ...] = (
    route("GET", "reviews", listing, "rak_review_read", LIST),
    route("GET", "reviews/*", retrieve, "rak_review_read"),
    route("POST", "reviews/*/approve", approve, "rak_review_write"),
)
