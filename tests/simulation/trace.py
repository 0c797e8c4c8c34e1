"""A digest over everything a run did (calls, answers, commits, the ledger), and a count of the faults it met."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from flexpay_reconcile.simulator.protocol.faults import FAMILIES
from tests.simulation.fleet import Fleet
from tests.simulation.rig import Request

_FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}


class Trace:
    """Listens from before the first fault on. Two runs with one digest did the same."""

    def __init__(self, fleet: Fleet) -> None:
        """Hook in; `fleet` has been applied already."""
        self._hash = hashlib.sha256()
        self._fleet = fleet
        self.commits = 0
        self._met: Counter[str] = Counter()
        fleet.before_call.append(self._sent)
        fleet.after_call.append(self._answered)
        fleet.after_commit.append(self._committed)
        self._count(fleet.transport.faults, "call")
        self._count(fleet.world.sim.delivery_faults, "delivery")

    def digest(self) -> str:
        """Of all that happened so far."""
        whole = self._hash.copy()
        whole.update(self._fleet.world.ledger.digest().encode())
        return whole.hexdigest()

    def faults(self) -> Counter[str]:
        """How often each family of call faults and each kind of delivery fault was met."""
        return self._met

    def _write(self, *words: object) -> None:
        self._hash.update(" ".join(map(str, words)).encode() + b"\n")

    def _sent(self, request: Request) -> None:
        params = request.params if request.is_pay else ""
        self._write(">", request.at, request.method, request.path, request.key, params)

    def _answered(self, request: Request) -> None:
        self._write("<", self._fleet.world.now, request.status)

    def _committed(self) -> None:
        self.commits += 1
        self._write("commit", self._fleet.world.now)

    def _count(self, script: Any, where: str) -> None:
        """Let the simulator's own script tell what it did."""
        meet = script.meet

        def counted(*args: Any) -> Any:
            found = meet(*args)
            if found is not None:
                kind = str(found.kind)
                self._met[f"{where}: {_FAMILY_OF.get(kind, kind) if where == 'call' else kind}"] += 1
            return found

        script.meet = counted
