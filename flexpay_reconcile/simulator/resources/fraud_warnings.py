"""Early fraud warnings: a card's network tells that a charge may be fraudulent, before anybody disputes it.

May not change a charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

KIND = "radar.early_fraud_warning"
TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)
LIST: Shape = {**PAGING, "created": "range", "charge": "string", "payment_intent": "string"}


def warn(sim: Simulation, account: Account, charge: Obj, fraud_type: str) -> Obj:
    """A new warning, reported; actionable while the charge is neither refunded nor disputed."""
    warning = account.table(KIND).add(
        {
            "id": sim.new_id(account, "issfr"),
            "object": KIND,
            "actionable": not charge["refunded"] and not charge["disputed"],
            "charge": charge["id"],
            "created": sim.now,
            "fraud_type": fraud_type,
            "livemode": account.livemode,
            "payment_intent": charge["payment_intent"],
        }
    )
    emit(sim, account, f"{KIND}.created", warning)
    return warning


def settled(sim: Simulation, account: Account, charge: Obj) -> None:
    """The charge was refunded in full or disputed: nothing can be done about its warnings any more."""
    table = account.table(KIND)
    for id_ in table.by("charge", charge["id"]):
        change(sim, account, table.rows[id_], f"{KIND}.updated", actionable=False)


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/radar/early_fraud_warnings/{id}"""
    found = call.account.find(KIND, id_)
    if found is None:
        raise missing("early fraud warning", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/radar/early_fraud_warnings: filters charge, payment_intent, created."""
    table, params = call.account.table(KIND), call.params
    name = next((each for each in ("charge", "payment_intent") if each in params), None)
    ids = None if name is None else table.by(name, params[name])
    intent = params.get("payment_intent")
    url = "/v1/radar/early_fraud_warnings"
    return page(call, KIND, url, ids=ids, keep=lambda row: intent in (None, row["payment_intent"]))


ROUTES: tuple[Route, ...] = (
    route("GET", "radar/early_fraud_warnings", listing, "rak_radar_read", LIST),
    route("GET", "radar/early_fraud_warnings/*", retrieve, "rak_radar_read"),
)
