"""The control interface as JSON: names and fields of `POST /_simulator/<name>`. Its GETs are `control_documents`.

May not know HTTP nor threads; the HTTP door calls it under its lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexpay_reconcile.simulator.control import (
    control,
    control_access,
    control_connect,
    control_dunning,
    control_payments,
    control_webhooks,
)
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.world import World

_EVIDENCE = (
    "network_decline_code",
    "advice_code",
    "network_advice_code",
    "outcome_type",
    "outcome_reason",
    "network_status",
)


def post(world: World, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out one control request; ControlError says what is wrong with it."""
    verb = VERBS[name]
    required, optional = verb.required, verb.optional
    for field, value in document.items():
        if field not in required and field not in optional:
            raise ControlError(f"unknown field {field[:60]!r}", field=field[:60])
        if field in verb.numbers:
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise ControlError(f"{field} must be a whole number", field=field)
        elif field != "value" and value is not None and not isinstance(value, str):
            raise ControlError(f"{field} must be a text", field=field)
    for field in required:
        if field not in document or (document[field] is None and field != "value"):
            raise ControlError(f"field {field!r} is missing", field=field)
    given = {field: value for field, value in document.items() if value is not None or field == "value"}
    return {"now": world.now, **verb.run(world, given)}


def _decline(world: World, given: dict[str, Any]) -> dict[str, Any]:
    control.decline(world, given.pop("customer"), given.pop("code"), **given)
    return {}


def _approve(world: World, given: dict[str, Any]) -> dict[str, Any]:
    control.approve(world, given["customer"])
    return {}


def _pay(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return {"invoice": control.pay_elsewhere(world, given["customer"], how=given.get("how", "card"))}


def _card(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return {"payment_method": control.replace_card(world, given["customer"], given["token"])}


def _void(world: World, given: dict[str, Any]) -> dict[str, Any]:
    control.void_invoice(world, given["invoice"])
    return {}


def _cancel(world: World, given: dict[str, Any]) -> dict[str, Any]:
    if len(given) != 1:
        raise ControlError("give either customer or subscription")
    return {"subscription": control.cancel_subscription(world, next(iter(given.values())))}


def _set(world: World, given: dict[str, Any]) -> dict[str, Any]:
    control.set_field(world, given["object"], given["field"], given["value"])
    return {}


def _fault(world: World, given: dict[str, Any]) -> dict[str, Any]:
    try:
        world.sim.faults.add(given.pop("kind"), **given)
    except ValueError as error:
        raise ControlError(str(error)) from error
    return {}


_OWN: dict[str, Verb] = {
    "decline": Verb(
        run=_decline, required=("customer", "code"), optional=("times", *_EVIDENCE), numbers=frozenset({"times"})
    ),
    "approve": Verb(run=_approve, required=("customer",)),
    "pay-elsewhere": Verb(run=_pay, required=("customer",), optional=("how",)),
    "card": Verb(run=_card, required=("customer", "token")),
    "void": Verb(run=_void, required=("invoice",)),
    "cancel": Verb(run=_cancel, optional=("customer", "subscription")),
    "set": Verb(run=_set, required=("object", "field", "value")),
    "fault": Verb(
        run=_fault,
        required=("kind",),
        optional=("method", "path", "nth", "times", "seconds", "reason", "field"),
        numbers=frozenset({"nth", "times", "seconds"}),
    ),
}
VERBS: dict[str, Verb] = {
    **_OWN,
    **control_access.VERBS,
    **control_connect.VERBS,
    **control_dunning.VERBS,
    **control_payments.VERBS,
    **control_webhooks.VERBS,
}
"""Every control verb by name; other modules' `VERBS` are joined here."""
