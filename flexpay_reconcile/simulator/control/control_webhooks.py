"""Control requests about webhooks: roll a signing secret, send events again, break deliveries.

A roll and a resend are what a person does in Stripe's Dashboard (or, for a resend, with its CLI): no API does them.
May not decide what any of that means.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator import deliveries
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.protocol.webhooks import ROLL_OVERLAP
from flexpay_reconcile.simulator.resources import webhook_endpoints
from flexpay_reconcile.simulator.state import Account
from flexpay_reconcile.simulator.world import World

ALL_FAILED = "all-failed"
_DAYS = {"dashboard": deliveries.DASHBOARD_DAYS, "cli": deliveries.CLI_DAYS}


def _owner(world: World, kind: str, id_: str) -> Account:
    for account in world.sim.accounts.values():
        if account.find(kind, id_) is not None:
            return account
    raise ControlError(f"no {kind.replace('_', ' ')} {id_!r}")


def _endpoint(world: World, given: str) -> str:
    """The id of the endpoint a text means: its id, or its URL where only one has it."""
    rows = [row for each in world.sim.accounts.values() for row in each.table("webhook_endpoint").rows.values()]
    found = [row["id"] for row in rows if given in (row["id"], row["url"])]
    if len(found) != 1:
        raise ControlError(f"no webhook endpoint {given!r}" if not found else f"several endpoints have {given!r}")
    return str(found[0])


def _roll(world: World, given: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(world, given["endpoint"])
    account = _owner(world, "webhook_endpoint", endpoint)
    overlap = given.get("overlap_seconds", ROLL_OVERLAP)
    try:
        return {"secret": webhook_endpoints.roll_secret(world.sim, account, endpoint, overlap=overlap)}
    except ValueError as error:
        raise ControlError(str(error)) from error


def _resend(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """`event` is an event's id or all-failed; the answer says how many deliveries that makes."""
    sim, id_, how = world.sim, given["event"], given.get("how", "dashboard")
    if how not in _DAYS:
        raise ControlError("how is dashboard or cli")
    if id_ == ALL_FAILED:
        if "endpoint" in given:
            raise ControlError(f"{ALL_FAILED} goes to every endpoint that lacks an event")
        accounts = list(sim.accounts.values())
        return {"deliveries": sum(deliveries.resend_failed(sim, each, days=_DAYS[how]) for each in accounts)}
    account = _owner(world, "event", id_)
    event = account.get("event", id_)
    endpoint = _endpoint(world, given["endpoint"]) if "endpoint" in given else None
    try:
        made = deliveries.resend(sim, account, event, days=_DAYS[how], endpoint=endpoint)
    except ValueError as error:
        raise ControlError(str(error)) from error
    if made == 0:
        raise ControlError("no enabled endpoint wants this event")
    return {"deliveries": made}


def _fault(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """`kind` clear forgets every fault, `disorder` shuffles what is due at one instant; any other is an entry."""
    sim, kind = world.sim, given.pop("kind")
    if kind == "clear":
        sim.delivery_faults.clear()
        sim.outbox.disorder = None
    elif kind == "disorder":
        sim.outbox.disorder = (sim.seed, "disorder")
    else:
        try:
            sim.delivery_faults.add(kind, **given)
        except ValueError as error:
            raise ControlError(str(error)) from error
    return {}


VERBS: dict[str, Verb] = {
    "roll-secret": Verb(
        run=_roll, required=("endpoint",), optional=("overlap_seconds",), numbers=frozenset({"overlap_seconds"})
    ),
    "resend": Verb(run=_resend, required=("event",), optional=("endpoint", "how")),
    "delivery-fault": Verb(
        run=_fault,
        required=("kind",),
        optional=("type", "endpoint", "nth", "times", "seconds"),
        numbers=frozenset({"nth", "times", "seconds"}),
    ),
}
