"""Control requests about Connect: an account joins a platform, leaves it, or is restricted by Stripe.

May not decide what any of that means: `resources/connect` does.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.resources import connect
from flexpay_reconcile.simulator.state import Account
from flexpay_reconcile.simulator.world import World

_REASONS = (
    "action_required.requested_capabilities",
    "listed",
    "other",
    "platform_paused",
    "rejected.fraud",
    "rejected.other",
    "rejected.terms_of_service",
    "requirements.past_due",
    "requirements.pending_verification",
    "under_review",
)


def _of(world: World, id_: str) -> list[Account]:
    found = [account for account in world.sim.accounts.values() if account.id == id_]
    if not found:
        raise ControlError(f"no account {id_!r}")
    return found


def _authorize(world: World, given: dict[str, Any]) -> dict[str, Any]:
    _of(world, given["platform"])
    try:
        connect.join(world.sim, given["account"], given["platform"])
    except ValueError as error:
        raise ControlError(str(error)) from error
    return {}


def _deauthorize(world: World, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"platform": connect.deauthorize(world.sim, given["account"])}
    except ValueError as error:
        raise ControlError(str(error)) from error


def _restrict(world: World, given: dict[str, Any]) -> dict[str, Any]:
    reason = given.get("reason", "requirements.past_due")
    if reason not in _REASONS:
        raise ControlError(f"reason is one of {', '.join(_REASONS)}")
    for account in _of(world, given["account"]):
        connect.restrict(world.sim, account, reason)
    return {}


def _unrestrict(world: World, given: dict[str, Any]) -> dict[str, Any]:
    for account in _of(world, given["account"]):
        connect.restrict(world.sim, account, None)
    return {}


VERBS: dict[str, Verb] = {
    "authorize": Verb(run=_authorize, required=("account", "platform")),
    "deauthorize": Verb(run=_deauthorize, required=("account",)),
    "restrict-account": Verb(run=_restrict, required=("account",), optional=("reason",)),
    "unrestrict-account": Verb(run=_unrestrict, required=("account",)),
}
