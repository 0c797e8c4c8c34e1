"""What `flexpay doctor` tells: each thing that must be well, how it is, and what to do. Changes nothing.

Reads the state, and Stripe with readers alone; facts of the machine are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.operations import signing_secret, suspicion, watch_drift
from flexpay_reconcile.operations.plan_manifest import plan_manifest
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.ports.rows import InboxState
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.reconcile import drift_report
from flexpay_reconcile.reconcile.checks import CheckStatus
from flexpay_reconcile.reconcile.guidance import StepStatus
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

SKEW_ALARM = Span.of(seconds=60)
SKEW_STOP = Span.of(seconds=300)
"""Beyond this nothing is charged (F3)."""
QUIET = Span.of(days=3)
"""So long without any event is worth a look."""
LITTLE_DISK, NO_DISK = 1024**3, 100 * 1024**2


class Health(StrEnum):
    """How one thing is."""

    WELL = "well"
    """As it must be."""
    ALARM = "alarm"
    """It works, and somebody should see to it."""
    SICK = "sick"
    """Something does not work until it is put right."""
    UNKNOWN = "unknown"
    """It could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing: what (`disk`, `keys`, …), of whom, how it is, in words, and what to do."""

    what: str
    subject: str
    health: Health
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What only this machine knows. `skew` is asked after Stripe was: Stripe's present minus ours, None if unheard."""

    free_bytes: int
    faults: tuple[str, ...]
    armed: bool
    versions: Mapping[str, str]
    skew: Callable[[], Span | None]


def check_health(
    *,
    state: ControlState,
    store: Store,
    readers: AccountReaderFor,
    machine: Machine,
    now: Instant,
    write_probes: bool = True,
) -> tuple[Finding, ...]:
    """Every finding, the machine's first."""
    latest = state.latest()
    found = list(_machine(machine))
    if latest is None:
        remedy = "flexpay plan, then flexpay apply"
        return (*found, _finding("configuration", "", Health.SICK, "nothing was applied yet", remedy))
    plan = plan_manifest(
        configuration=latest.configuration,
        places={},
        manifest_digest=latest.configuration.digest(),
        readers=readers,
        state=state,
        as_of=now,
        write_probes=write_probes,
    )
    found += [_skew(machine.skew()), *_account(plan), *_control(state)]
    with store.reading() as view:
        found += [_daemon(view, now), *_events(view)]
        for name in latest.configuration.integrations:
            found += _webhooks(view, latest, name, now)
    return tuple(found)


def _finding(what: str, subject: str, health: Health, words: str, remedy: str = "") -> Finding:
    return Finding(
        what=what, subject=subject, health=health, words=words, remedy="" if health is Health.WELL else remedy
    )


def _machine(machine: Machine) -> Iterator[Finding]:
    words = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield _finding("versions", "", Health.WELL, words)
    free = machine.free_bytes
    health = Health.SICK if free < NO_DISK else Health.ALARM if free < LITTLE_DISK else Health.WELL
    remedy = "make room: with a full disk webhooks are answered 503 and nothing is charged"
    yield _finding("disk", "", health, f"{free // 1024**2} MiB free beside the state", remedy)
    for fault in machine.faults:
        yield _finding(
            "database", "", Health.SICK, fault, "stop the daemon and restore a backup: flexpay state restore"
        )
    if not machine.faults:
        yield _finding("database", "", Health.WELL, "pages, rows, hash chains and sealed secrets are sound")
    words = "this copy of the state may charge" if machine.armed else "this copy of the state may not charge"
    remedy = "when no other copy runs: flexpay state rearm"
    yield _finding("armed", "", Health.WELL if machine.armed else Health.SICK, words, remedy)


def _skew(skew: Span | None) -> Finding:
    if skew is None:
        return _finding("clock", "", Health.UNKNOWN, "Stripe did not tell the time", "look at the keys and the network")
    far = abs(skew.ms)
    health = Health.SICK if far > SKEW_STOP.ms else Health.ALARM if far > SKEW_ALARM.ms else Health.WELL
    words = f"our clock and Stripe's differ by {far / 1000:.0f} s"
    return _finding("clock", "", health, words, "set this machine's clock (NTP); beyond 300 s nothing is charged")


_OF_CHECK = {
    CheckStatus.PASS: Health.WELL,
    CheckStatus.FAIL: Health.SICK,
    CheckStatus.UNKNOWN: Health.UNKNOWN,
    CheckStatus.NEEDS_ACCEPTANCE: Health.SICK,
    CheckStatus.SKIPPED: Health.WELL,
}


def _account(plan: Plan) -> Iterator[Finding]:
    """Keys, permissions and endpoints as a plan sees them, drift, and what is to be done by hand."""
    for check in plan.checks:
        yield _finding(check.id, check.address, _OF_CHECK[check.status], check.message, check.hint)
    document = drift_report.report(plan, against="applied")
    for drift in document["resource_drift"]:
        words = f"{drift['event'].replace('_', ' ')} at Stripe"
        yield _finding(
            "drift", drift["address"], Health.SICK, words, "flexpay drift shows it; flexpay apply repairs it"
        )
    for unseen in document["unseen"]:
        yield _finding("drift", unseen["address"], Health.UNKNOWN, f"could not be seen: {unseen['because']}")
    for step in plan.manual_steps:
        if step.status in (StepStatus.OUTSTANDING, StepStatus.EXPIRED):
            words = f"{step.title}: {step.status.value}"
            yield _finding("by hand", step.integration, Health.ALARM, words, "flexpay plan shows the steps")


def _control(state: ControlState) -> Iterator[Finding]:
    for step in state.unfinished_steps():
        words = f"an apply was interrupted at {step.action}"
        yield _finding("apply", step.address, Health.SICK, words, "run flexpay apply again: it goes on from there")


def _daemon(view: UnitOfWork, now: Instant) -> Finding:
    lease = view.leases.current()
    if lease is not None and lease.expires_at > now:
        return _finding(
            "daemon", "", Health.WELL, f"{lease.holder} works until {lease.expires_at.short_text()} at least"
        )
    return _finding("daemon", "", Health.ALARM, "no daemon holds this state", "start it: flexpay daemon")


def _events(view: UnitOfWork) -> Iterator[Finding]:
    dead = view.inbox.counts().get(InboxState.DEAD.value, 0)
    if dead:
        yield _finding(
            "events", "", Health.ALARM, f"{dead} events failed too often", "look for `event not processed` in the log"
        )


def _webhooks(view: UnitOfWork, latest: AppliedConfiguration, name: str, now: Instant) -> Iterator[Finding]:
    newest = view.inbox.newest(IntegrationId(name))
    heard = newest.received_at if newest else None
    quiet = now.since(heard or latest.applied_at) > QUIET
    words = f"last event {heard.short_text()}" if heard else "no event yet"
    remedy = "look at the endpoint's deliveries in the Dashboard, and at what stands between it and the daemon"
    wrong = signing_secret.refused_at(view, IntegrationId(name))
    if wrong is not None:
        said = f"{wrong.short_text()}: what comes is not signed with the signing secret of this endpoint; {words}"
        yield _finding("webhooks", name, Health.ALARM, said, signing_secret.REMEDY)
    elif suspicion.is_suspect(view, IntegrationId(name), now):
        yield _finding("webhooks", name, Health.ALARM, f"{words}; a sweep found what they did not bring", remedy)
    else:
        yield _finding("webhooks", name, Health.ALARM if quiet else Health.WELL, words, remedy)
    watched = watch_drift.found_of(view, name)
    if watched is not None and watched["unseen"]:
        yield _finding("watch", name, Health.ALARM, f"the daemon cannot look at the endpoint: {watched['unseen']}")
