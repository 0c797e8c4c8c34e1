"""The engine through the real SDK on a simulated book: invoice-days and decisions a second, and the SDK's own share."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stripe

from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.rehearsal import account, arm, merchant
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.values.instant import Span

DAYS = 60
COHORT = Span.of(days=31)
FAILING = 150
BOOK = "failing"
ROUNDS = 5000


class Stopwatch:
    """Adds up the time inside a function, without changing what it does."""

    def __init__(self, owner: Any, name: str) -> None:
        """Watch `owner.name` from now on."""
        self.seconds = 0.0
        self.calls = 0
        self._owner, self._name, self._original = owner, name, getattr(owner, name)
        setattr(owner, name, self._timed(self._original))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - begun
                self.calls += 1

        return timed

    def stop(self) -> None:
        """Put the function back."""
        setattr(self._owner, self._name, self._original)


def main() -> None:
    """Two books on state files: one where every card keeps failing, and the demo's, where one renewal in ten fails."""
    cast = merchant.read(merchant.EXAMPLE, {"even": "flexpay.yaml"})
    print(f"Engine: {DAYS} simulated days through the real SDK, one core, state file with synchronous=FULL")
    _measure(f"{FAILING} customers whose cards keep failing", _failing_book(cast.scenario), cast, always_decline=True)
    _measure("the demo's book (740 subscriptions, one renewal in ten fails)", cast.scenario, cast, always_decline=False)
    evidence = Evidence(network="visa", decline_code="insufficient_funds", network_decline_code="51")
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        classify(evidence)
    print(f"  classify alone: {ROUNDS / (time.perf_counter() - begun):.0f} a second\n")


def _failing_book(scenario: dict[str, Any]) -> dict[str, Any]:
    """The demo's account with one book of that size; generated customers have a card each, so no ceiling is shared."""
    (account_id, content), *_ = scenario["accounts"].items()
    book = {**content["books"][0], "name": BOOK, "count": FAILING}
    return {**scenario, "accounts": {account_id: {**content, "books": [book]}}}


def _measure(title: str, scenario: dict[str, Any], cast: merchant.Merchant, *, always_decline: bool) -> None:
    """One book, timed while its days pass; building and applying are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        stage = arm.build(scenario, str(Path(folder) / "state.db"))
        arm.apply(stage, cast.manifests["even"])
        if always_decline:
            for number in range(FAILING):
                control.decline(stage.world, f"{BOOK}-{number + 1:05d}", "insufficient_funds")
        cohort_until = stage.now.plus(COHORT)
        sdk, server = Stopwatch(stripe.StripeClient, "raw_request"), Stopwatch(SimulatorTransport, "request")
        begun, cpu = time.perf_counter(), time.process_time()
        arm.live(stage, DAYS)
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        sdk.stop()
        server.stop()
        figures = account.account_of(stage.parts.store, cohort_until, stage.now)
        decisions = _decisions(stage)
        stage.engine.release()
    own = sdk.seconds - server.seconds
    per_call, served = own / max(sdk.calls, 1) * 1000, server.seconds / max(server.calls, 1) * 1000
    days = figures.invoice_days
    print(f"  {title}: {figures.failed.count} failing invoices, {figures.attempts} attempts")
    print(f"    seconds: {wall:.1f} wall, {cpu:.1f} CPU")
    rates = f"{days / cpu:.0f} a CPU second (target 150), {days / wall:.0f} a wall second"
    print(f"    invoice-days under recovery: {days}; {rates}")
    print(f"    decisions: {decisions}; {decisions / cpu:.0f} a CPU second")
    print(f"    Stripe calls: {sdk.calls}; the SDK's own share {own / wall:.0%} ({per_call:.2f} ms a call), ", end="")
    print(f"the simulator's {server.seconds / wall:.0%} ({served:.2f} ms a call)")
    print(f"    peak memory so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def _decisions(stage: arm.Stage) -> int:
    with stage.parts.store.reading() as view:
        cases = view.cases.list(limit=1_000_000)
        return sum(
            stored.entry.kind in (EntryKind.DECIDED, EntryKind.FINISHING)
            for case in cases
            for stored in view.journal.of_case(case.id)
        )
