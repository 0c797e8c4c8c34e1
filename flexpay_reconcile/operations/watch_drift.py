"""The daemon's watch: looks for drift within the hour, tells it, and repairs in place where the policy says heal (D8).

What it finds is kept as one mark for each integration, for `flexpay status` and `flexpay doctor`. It repairs by
`apply_plan` towards the applied configuration and nothing else: fields of an endpoint that somebody changed at Stripe.
A deleted endpoint, one to be replaced, and whatever the manifest changed too are told and left to a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.operations import backfill_events, suspicion, sweep_history
from flexpay_reconcile.operations.apply_plan import World, apply_plan
from flexpay_reconcile.operations.apply_steps import Holder
from flexpay_reconcile.operations.check_drift import APPLIED, check_drift
from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.reconcile import drift_report
from flexpay_reconcile.reconcile.change import Change
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.reconcile.resource import Kind
from flexpay_reconcile.values.instant import Instant, Span

LOOK_EVERY = Span.of(minutes=55)
"""Within the hour, whatever else the loops have to do before."""
LOOK_AGAIN = Span.of(minutes=10)
"""After a look that Stripe did not answer, and while something has drifted."""
_MARK = "drift:{}"
_HEAL = "heal"
_LONG_AGO = Instant(0)


@dataclass(slots=True, kw_only=True)
class Watch:
    """What a turn needs. `may_write` is asked before a repair: a disarmed copy of the state repairs nothing (A18)."""

    world: World
    store: Store
    holder: Holder
    may_write: Callable[[], bool] = lambda: True
    _next: Instant | None = field(default=None)

    def turn(self) -> int:
        """Look when it is time; returns how many objects were repaired."""
        now = self.world.clock.now()
        latest = self.world.state.latest()
        if latest is None or (self._next is not None and now < self._next):
            return 0
        self._next = now.plus(LOOK_AGAIN)
        found = self._look(latest.configuration, now)
        repaired = 0
        if any(each.name in self._healing(latest.configuration) for each in _repairs(found[0])) and self.may_write():
            repaired = self._heal(found[0], latest.configuration)
            if repaired:
                found = self._look(latest.configuration, now, repaired_at=now)
        if not found[1]["drift_found"] and found[1]["complete"] and not self._suspect(latest.configuration, now):
            self._next = now.plus(LOOK_EVERY)
        return repaired

    def _suspect(self, configuration: Configuration, now: Instant) -> bool:
        """Whether some integration's webhooks are suspect: its endpoint is then looked at every ten minutes."""
        with self.store.reading() as view:
            return any(suspicion.is_suspect(view, each.id, now) for each in configuration.integrations.values())

    def _look(
        self, configuration: Configuration, now: Instant, repaired_at: Instant | None = None
    ) -> tuple[Plan, dict[str, Any]]:
        plan = check_drift(readers=self.world.readers, state=self.world.state, as_of=now)
        document = drift_report.report(plan, against=APPLIED)
        for integration in configuration.integrations.values():
            self._keep(integration, document, now, repaired_at)
        return plan, document

    def _keep(
        self, integration: Integration, document: Mapping[str, Any], now: Instant, repaired_at: Instant | None
    ) -> None:
        """Write down what was seen of one integration; say it in the log when it is news."""
        name = str(integration.id)
        address = f"{Kind.WEBHOOK_ENDPOINT.value}.{name}"
        drift = [each for each in document["resource_drift"] if each["address"] == address]
        unseen = next((each["because"] for each in document["unseen"] if each["address"] == address), None)
        with self.store.reading() as view:
            before = found_of(view, name)
        if unseen is not None and before is not None:
            drift = before["drift"]  # what was not seen has not gone away
        told = before is not None and before["drift"] == drift
        record = {
            "looked_at": now.text() if unseen is None else (before or {}).get("looked_at"),
            "drift": drift,
            "since": None if not drift else before["since"] if before is not None and told else now.text(),
            "unseen": unseen,
            "repaired_at": repaired_at.text() if repaired_at else (before or {}).get("repaired_at"),
        }
        with self.store.begin() as unit:
            unit.marks.set(_MARK.format(name), json.dumps(record, sort_keys=True))
            suspicion.endpoint_unwell(unit, integration.id, unwell=bool(drift) and _deaf(drift))
            if drift and not told and _deaf(drift):
                # Events may have been lost: look for what they would have told, now and not at the next sweep.
                unit.marks.set(backfill_events.mark_name(integration), _LONG_AGO.text())
                sweep_history.hurry(unit, integration, now)
        if drift and not told:
            words = "; ".join(_words(each) for each in drift)
            LOG.error("drift found", extra={"integration": name, "address": address, "what": words})

    def _healing(self, configuration: Configuration) -> frozenset[str]:
        return frozenset(str(each.id) for each in configuration.integrations.values() if each.drift_policy == _HEAL)

    def _heal(self, plan: Plan, configuration: Configuration) -> int:
        healing = self._healing(configuration)
        try:
            report = apply_plan(
                plan=plan,
                configuration=configuration,
                world=self.world,
                holder=self.holder,
                progress=lambda words: LOG.info("drift repaired", extra={"step": words}),
                only=lambda change: drift_report.repairable(change) and change.name in healing,
            )
        except FlexpayError as problem:
            LOG.error("drift not repaired", extra={"because": problem.message, "code": problem.code})
            return 0
        return len(report.done)


def _repairs(plan: Plan) -> list[Change]:
    return [each for each in plan.work if drift_report.repairable(each)]


def _deaf(drift: list[dict[str, Any]]) -> bool:
    """Whether events may not have reached us."""
    fields = {each["path"].partition(".")[0] for found in drift for each in found["fields"]}
    return any(each["event"] != "changed" for each in drift) or bool(fields & {"status", "url", "enabled_events"})


def _words(drift: Mapping[str, Any]) -> str:
    if drift["event"] != "changed":
        return f"{drift['address']} {drift['event'].replace('_', ' ')}"
    return f"{drift['address']} changed at Stripe: " + ", ".join(sorted({each["path"] for each in drift["fields"]}))


def found_of(view: UnitOfWork, name: str) -> dict[str, Any] | None:
    """What the watch last saw of an integration, or None when it never looked.

    Keys: looked_at (None: never with success), drift (as in a drift report), since, unseen (why not), repaired_at.
    """
    text = view.marks.get(_MARK.format(name))
    found: dict[str, Any] | None = json.loads(text) if text is not None else None
    return found
