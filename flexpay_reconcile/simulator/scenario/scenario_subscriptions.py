"""What a subscription of a scenario may say of its course: its billing mode, further items, a trial.

Unless they say so, the people of a scenario are long-standing subscribers in the classic mode. May not write anything
into an account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.local_time import DAY
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.resources import subscription_build, subscription_items
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.state import Obj

KEYS = ("billing_mode", "items", "trial_days", "cancel_at_period_end")
_MOST_TRIAL_DAYS = 730


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`more`: price and quantity of further items; `trial_days`: days from its start without payment."""

    billing_mode: str = "classic"
    more: tuple[tuple[Obj, int], ...] = ()
    trial_days: int = 0
    cancel_at_period_end: bool = False

    def anchor(self, started: int) -> int:
        """The first instant that is paid for, of a subscription that started then."""
        return started + self.trial_days * DAY

    def fields(self, started: int, now: int) -> dict[str, Any]:
        """Fields of the subscription as it is at `now`."""
        fields: dict[str, Any] = {"created": started, "start_date": started}
        if self.billing_mode != "classic":
            fields["billing_mode"] = subscription_build.mode(self.billing_mode)
        if self.trial_days:
            fields.update(trial_start=started, trial_end=self.anchor(started))
        if self.cancel_at_period_end:
            fields["canceled_at"] = now
        return fields


def parse(table: Mapping[str, Any], path: str, price: Obj, named: Callable[[object, str], Obj]) -> Course:
    """The course a table describes; `price` is that of the first item, `named` finds the prices of the others."""
    mode = check.choice(table.get("billing_mode", "classic"), f"{path}.billing_mode", ("classic", "flexible"))
    more = tuple(_item(entry, at, named) for entry, at in check.items(table.get("items", []), f"{path}.items"))
    days = check.integer(table.get("trial_days", 0), f"{path}.trial_days", least=0)
    if days > _MOST_TRIAL_DAYS:
        raise ScenarioError(f"{path}.trial_days", f"at most {_MOST_TRIAL_DAYS}")
    try:
        subscription_items.check_together([price, *(each for each, _ in more)], flexible=mode == "flexible")
    except Refusal as refusal:
        raise ScenarioError(f"{path}.items", str(refusal)) from None
    return Course(
        billing_mode=mode,
        more=more,
        trial_days=days,
        cancel_at_period_end=check.boolean(table.get("cancel_at_period_end", False), f"{path}.cancel_at_period_end"),
    )


def _item(value: object, path: str, named: Callable[[object, str], Obj]) -> tuple[Obj, int]:
    table = check.table(value, path, required=("price",), optional=("quantity",))
    quantity = check.integer(table.get("quantity", 1), f"{path}.quantity", least=1)
    return named(table["price"], f"{path}.price"), quantity
