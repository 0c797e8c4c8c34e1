"""Control requests about an account's Billing settings: what a person does in Stripe's Dashboard, no API does it.

Changed settings hold for what is planned from then on; a retry that is already scheduled stays. May not decide what a
setting means.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flexpay_reconcile.simulator import settings
from flexpay_reconcile.simulator.control.control import ControlError, customer_of
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.state import Account
from flexpay_reconcile.simulator.world import World

_TRUTH = {"true": True, "false": False}
_NUMBERS = ("tries", "window_days", "upcoming_days", "will_be_due_days", "overdue_days")


def accounts_of(world: World, given: dict[str, Any]) -> list[Account]:
    """The accounts a request means, in both modes: the one it names, or the only one there is."""
    name = given.pop("account", None)
    found = [each for each in world.sim.accounts.values() if name in (None, each.id)]
    if not found:
        raise ControlError(f"no account {name!r}")
    if len({each.id for each in found}) > 1:
        raise ControlError("there are several accounts: name one by `account`")
    return found


def _billing(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Each given field replaces the setting; `rules` is like 3,5,7 and `emails` true or false. Answers with all."""
    accounts = accounts_of(world, given)
    values = dict(given)
    if "emails" in values:
        values["emails"] = _TRUTH.get(values["emails"], values["emails"])
    if "rules" in values:
        parts = [part.strip() for part in values["rules"].split(",") if part.strip()]
        values["rules"] = [int(part) if part.isdecimal() else part for part in parts]
    for account in accounts:
        try:
            account.settings = settings.parse(values, account.settings)
        except settings.SettingsError as error:
            raise ControlError(str(error)) from error
    shown = asdict(accounts[0].settings)
    return {"billing": {**shown, "rules": list(shown["rules"])}}


def _mails(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The mails Stripe sent to the account's customers, oldest first."""
    rows = [mail._asdict() for account in accounts_of(world, given) for mail in account.mails]
    return {"mails": rows}


def _block(world: World, given: dict[str, Any]) -> dict[str, Any]:
    account, customer = customer_of(world, given["customer"])
    account.unfinalizable.add(customer["id"])
    return {}


def _unblock(world: World, given: dict[str, Any]) -> dict[str, Any]:
    account, customer = customer_of(world, given["customer"])
    account.unfinalizable.discard(customer["id"])
    return {}


VERBS: dict[str, Verb] = {
    "billing": Verb(
        run=_billing,
        optional=("account", "retries", "rules", "subscription", "invoice", "emails", *_NUMBERS),
        numbers=frozenset(_NUMBERS),
    ),
    "mails": Verb(run=_mails, optional=("account",)),
    "block-finalization": Verb(run=_block, required=("customer",)),
    "allow-finalization": Verb(run=_unblock, required=("customer",)),
}
