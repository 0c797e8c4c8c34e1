"""An account of a scenario while it is being built: what the parsers of its keys are given.

May not parse anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexpay_reconcile.simulator.scenario.population import Member
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

if TYPE_CHECKING:
    from flexpay_reconcile.simulator.world import World


@dataclass(slots=True, kw_only=True)
class Building:
    """An account being built. `later` holds what has to wait until the whole world stands."""

    sim: Simulation
    account: Account
    prices: dict[str, Obj] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    later: list[Callable[[World], None]] = field(default_factory=list)
