"""One inspection: tours, the project's own campaigns, the demo's story and the scenario files, all under one watch.

Says what was covered and what differs; decides nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flexpay_reconcile.simulator.routes import ROUTES
from tests.conformance import differences, surface
from tests.conformance.spec import document
from tests.conformance.tours import (
    book,
    clocks,
    disputes,
    doors,
    drafts,
    dunning,
    instruments,
    intents,
    plans,
    platform,
    radar,
    renewals,
)
from tests.conformance.tours.guide import Guide
from tests.conformance.watch import Watch, watching

TOURS: dict[str, Callable[[Guide], None]] = {
    "book": book.tour,
    "renewals": renewals.tour,
    "doors": doors.tour,
    "platform": platform.tour,
    "clocks": clocks.tour,
    "radar": radar.tour,
    "disputes": disputes.tour,
    "drafts": drafts.tour,
    "instruments": instruments.tour,
    "intents": intents.tour,
    "plans": plans.tour,
    "dunning": dunning.tour,
}


def toured() -> tuple[Inspection, set[str]]:
    """An inspection with every tour done, and the surface as the route table and the tours show it."""
    made = Inspection()
    for name in TOURS:
        made.tour(name)
    return made, made.watch.surface.lines | set(surface.parameters(ROUTES))


@dataclass(slots=True)
class Inspection:
    """A watch, and what failed outside of it."""

    watch: Watch = field(default_factory=lambda: Watch(document()))
    failures: list[str] = field(default_factory=list)

    def tour(self, name: str) -> None:
        """One tour in a world of its own."""
        with self.part(f"tour {name}"):
            TOURS[name](Guide(self.watch.note).listen())

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part under the watch; what it raises is a failure and not the end."""
        quiet = logging.getLogger("flexpay")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL + 1)
        try:
            with watching(self.watch.document, self.watch):
                yield
        except Exception as error:  # noqa: BLE001 - the inspection goes on and reports it
            self.failures.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
        finally:
            quiet.setLevel(level)

    def uncovered(self) -> list[str]:
        """The routes of the simulator that no tour asked with success."""
        return sorted(
            f"{route.method} /v1/{'/'.join(route.path)}"
            for route in ROUTES
            if (route.method, route.path) not in self.watch.covered
        )

    def parameters(self) -> tuple[int, int]:
        """Of the parameters Stripe's document gives these operations, how many the simulator takes."""
        taken = known = 0
        for route in ROUTES:
            operation = self.watch.document.operation(route.method, "/v1/" + "/".join(route.path).replace("*", "x"))
            if operation is not None:
                names = {name.removesuffix("!") for name in route.shape}
                known += len(operation.form["properties"])
                taken += len(names & set(operation.form["properties"]))
        return taken, known

    def faults(self) -> list[str]:
        """Everything that makes the inspection red."""
        return [
            *(f"failed: {each}" for each in self.failures),
            *(f"route not covered: {each}" for each in self.uncovered()),
            *(f"difference: {each}" for each in differences.undeclared(self.watch.found)),
            *(f"difference: {each}" for each in differences.unmet(self.watch.found)),
        ]

    def report(self) -> str:
        """The figures."""
        watch = self.watch
        open_ = len(differences.undeclared(watch.found))
        rows = {
            "routes covered": f"{len(ROUTES) - len(self.uncovered())} of {len(ROUTES)}",
            "operations of Stripe's document met": f"{watch.operations()}",
            "parameters taken": "{} of the {} Stripe names for them; the others are refused".format(*self.parameters()),
            "requests validated": f"{watch.requests}",
            "answers validated": f"{watch.answers} successes, {watch.refusals} refusals "
            f"({len(watch.codes)} error codes, statuses {', '.join(map(str, sorted(watch.statuses)))})",
            "events validated": f"{watch.events} of {len(watch.event_types)} types; and {watch.deliveries} deliveries, as bytes",
            "false on purpose, not judged": f"{watch.lies}",
            "declared differences": f"{len(differences.declared())}",
            "undeclared differences": f"{open_}",
        }
        width = max(map(len, rows))
        return "\n".join(f"{name:{width}}  {value}" for name, value in rows.items())
