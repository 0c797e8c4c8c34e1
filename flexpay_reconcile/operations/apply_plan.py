"""Applying a plan: under the lock, after a second look, step by step; the configuration revision comes last.

The only way in to the writing port for endpoints. It carries out exactly the changes of the plan it is given, or
refuses; a second run finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.operations import apply_endpoint
from flexpay_reconcile.operations.adopted_secrets import adopted_secrets
from flexpay_reconcile.operations.apply_endpoint import EndpointWork
from flexpay_reconcile.operations.apply_steps import Holder, Patience, Run, beating, lock_held, stale
from flexpay_reconcile.operations.plan_manifest import plan_manifest, resumable_step
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.account_writer import AccountWriterFor
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.control_state import ControlState, Step
from flexpay_reconcile.ports.identifiers import Identifiers
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.reconcile.change import Action, Change, Reason
from flexpay_reconcile.reconcile.checks import IdentityStatus
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.reconcile.resource import LEVELS, Kind
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.secret import Secret

_REFUSAL_ORDER = (ErrorKind.KEY_REFUSED, ErrorKind.GUARD_REFUSED, ErrorKind.TIMED_OUT)
_RECORDED_APART = frozenset({Kind.WEBHOOK_ENDPOINT})
_REMOVALS = frozenset({Action.DELETE, Action.FORGET})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What apply may touch."""

    readers: AccountReaderFor
    writers: AccountWriterFor
    state: ControlState
    clock: Clock
    identifiers: Identifiers
    secrets: SecretReader


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """What an apply did. `revision` is None when no configuration was published."""

    done: tuple[str, ...]
    revision: int | None


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What was done and what failed so far."""

    done: list[str] = field(default_factory=list)
    failures: list[tuple[str, FlexpayError]] = field(default_factory=list)


def apply_plan(
    *,
    plan: Plan,
    configuration: Configuration,
    world: World,
    holder: Holder,
    progress: Callable[[str], None],
    only: Callable[[Change], bool] | None = None,
    held: str | None = None,
    patience: Patience | None = None,
) -> ApplyReport:
    """Carry out the plan. `configuration` is the one it was made from.

    `held` is the nonce of the lock where the caller holds it already; else it is taken here, with `patience`.

    With `only`, nothing but the changes it says yes to, and nothing at all after an interrupted apply: that one is
    to be resumed by whoever began it.

    OperatorError: KEY_REFUSED, GUARD_REFUSED or TIMED_OUT for what the plan itself says stands against it, PLAN_STALE
    when something moved since, PARTLY_APPLIED when some steps are done and others failed (apply again resumes).
    """
    _refuse(plan)
    if configuration.digest() != plan.manifest_digest:
        raise stale("the manifest is not the one this plan was made from")
    if not plan.has_changes and not world.state.unfinished_steps():
        return ApplyReport(done=(), revision=None)
    given = adopted_secrets(plan, configuration, world.secrets)
    nonce = held or world.identifiers.fresh()
    with nullcontext() if held else lock_held(world.state, world.clock, holder, nonce, patience):
        run = Run(world.state, world.clock, run_id=world.identifiers.fresh(), nonce=nonce, progress=progress)
        _look_again(plan, configuration, world, run)
        if (only is not None and world.state.unfinished_steps()) or _others_unfinished(plan, world):
            raise stale("an interrupted apply is to be resumed first")
        if only is not None:
            plan = replace(plan, changes=tuple(each for each in plan.changes if only(each)))
        return _run(plan, configuration, world, holder, run, given)


def _others_unfinished(plan: Plan, world: World) -> bool:
    """Whether an interrupted apply left steps of integrations that this plan does not look at."""
    names = {step.address.partition(".")[2] for step in world.state.unfinished_steps()}
    return bool(plan.selection) and not names <= set(plan.selection.integrations)


def _refuse(plan: Plan) -> None:
    """What stands against the plan, in the order of what a person should deal with first."""
    found = plan.refusals
    for kind in (*_REFUSAL_ORDER, *(kind for kind, _ in found)):
        messages = [message for each, message in found if each is kind]
        if messages:
            more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
            raise OperatorError(
                messages[0] + more,
                code="E-apply-refused",
                hint=_how_on(plan),
                kind=kind,
            )


def _how_on(plan: Plan) -> str:
    if plan.accounts_to_accept and not plan.faults:
        flags = " ".join(f"--accept-account {each}" for each in plan.accounts_to_accept)
        return f"nothing was changed; look the account up in the Dashboard, then apply with {flags}"
    return "nothing was changed; `flexpay plan` shows every check with what to do"


def _look_again(plan: Plan, configuration: Configuration, world: World, run: Run) -> None:
    """Under the lock: everything the plan rests on must be as it was (invariant E3)."""
    accepted = frozenset(a.account for a in plan.accounts.values() if a.identity is IdentityStatus.ACCEPTED)
    fresh = plan_manifest(
        configuration=configuration,
        places=plan.places,
        manifest_digest=plan.manifest_digest,
        readers=beating(world.readers, run.beat),
        state=world.state,
        as_of=world.clock.now(),
        probe=False,
        accepted_accounts=accepted,
        selection=plan.selection,
    )
    if plan.state is not None and plan.state != fresh.state:
        raise stale("the state was written since this plan was made")
    if fresh.deferred:
        raise TryLater(
            f"{fresh.deferred[0].address} could not be looked at again: {fresh.deferred[0].because}",
            code="E-apply-unseen",
            hint="nothing was changed; apply again later",
        )
    for before, now in zip(_sorted(plan.changes), _sorted(fresh.changes), strict=False):
        if before != now:
            raise stale(f"{before.address} moved since this plan was made")
    if len(plan.changes) != len(fresh.changes) or plan.accounts != fresh.accounts:
        raise stale("the account moved since this plan was made")


def _sorted(changes: tuple[Change, ...]) -> list[Change]:
    return sorted(changes, key=lambda each: (each.address, each.deposed or ""))


def _run(
    plan: Plan, configuration: Configuration, world: World, holder: Holder, run: Run, given: Mapping[str, Secret]
) -> ApplyReport:
    resumed = _settle_unfinished(plan, configuration, run)
    for guard in plan.guards:
        if guard.accepted is not None:
            run.done(run.intend(f"guard.{guard.id}", "accept", {"reason": guard.accepted, "actual": guard.actual}))
    current = world.state.latest()
    integrations = {**(dict(current.configuration.integrations) if current else {}), **configuration.integrations}
    so_far = _Progress()
    lineage, armed = world.state.identity().lineage, world.state.instance_id()
    run.beat()  # what was read above is what the plan rests on only while the lock is ours
    for change in _in_order(plan.work):
        if change.kind is Kind.KEY_PAIR:
            _record_key_pair(run, change)
        elif change.kind is Kind.WEBHOOK_ENDPOINT:
            work = EndpointWork(
                change=change,
                lineage=lineage,
                armed=armed,
                resume=resumed.get(change.address),
                given=given.get(change.name),
            )
            _endpoint(run, world, integrations[change.name], work, so_far)
    if so_far.failures:
        raise _failure(so_far, run.receipts)
    if not any(each.kind not in _RECORDED_APART for each in plan.work):
        return ApplyReport(done=tuple(so_far.done), revision=None)
    run.beat()
    published = world.state.publish(
        configuration,
        manifest_digest=plan.manifest_digest,
        at=run.clock.now(),
        by=" ".join(filter(None, (f"{holder.owner}@{holder.host}", plan.selection.words()))),
        nonce=run.nonce,
    )
    run.progress(f"configuration revision {published.revision} is in force")
    return ApplyReport(done=tuple(so_far.done), revision=published.revision)


def _in_order(changes: tuple[Change, ...]) -> list[Change]:
    """Up the levels to make and change, then down them to remove."""
    makes = [each for each in changes if each.action not in _REMOVALS]
    removals = [each for each in changes if each.action in _REMOVALS]
    return [*makes, *sorted(removals, key=lambda each: -LEVELS.index(each.kind))]


def _settle_unfinished(plan: Plan, configuration: Configuration, run: Run) -> dict[str, Step]:
    """Steps of an interrupted run: those the plan resumes, by address; the others are settled by this look."""
    unfinished = run.state.unfinished_steps()
    resumed: dict[str, Step] = {}
    for change in plan.work:
        if change.reason is not Reason.RESUME:
            continue
        step = resumable_step(unfinished, configuration.integrations[change.name], _now(run))
        if step is None:
            raise stale(f"{change.address} can no longer be resumed")
        resumed[change.address] = step
    kept = {(step.run_id, step.number) for step in resumed.values()}
    as_wanted = {c.address: c for c in plan.changes if c.kind is Kind.WEBHOOK_ENDPOINT and c.action is Action.NO_OP}
    for step in unfinished:
        if (step.run_id, step.number) in kept:
            continue
        standing = as_wanted.get(step.address)
        if standing is not None and step.action == Action.UPDATE.value:
            apply_endpoint.was_made(run, standing, step)
        else:
            run.failed(step, "not resumed: what it did was read from Stripe and planned anew")
    return resumed


def _now(run: Run) -> Instant:
    return run.clock.now()


def _record_key_pair(run: Run, change: Change) -> None:
    """A key pair changes nothing at Stripe: references and the account they stand for go on record."""
    step = run.intend(change.address, change.action.value, {})
    if change.after is None:
        run.done(step, forget=True)
    else:
        run.done(step, resource=run.record(Kind.KEY_PAIR, change.address, change.after))


def _endpoint(run: Run, world: World, integration: Integration, work: EndpointWork, so_far: _Progress) -> None:
    """One endpoint; a failure leaves the others to go on, but not a lost lock or a bug."""
    change = work.change
    run.progress(f"{change.address}: {change.action.value} ...")
    try:
        if change.action is Action.FORGET:
            apply_endpoint.forget(run, change)
        else:
            apply_endpoint.carry_out(run, world.writers(integration), work)
    except BrokenInvariant:
        raise
    except FlexpayError as error:
        if error.kind is ErrorKind.LOCK_HELD:
            raise
        so_far.failures.append((change.address, error))
        run.progress(f"{change.address}: failed: {error.message}")
    else:
        so_far.done.append(f"{change.address} {change.action.value}")


def _failure(so_far: _Progress, receipts: int) -> FlexpayError:
    """The error an apply ends in: the first failure itself, or PARTLY_APPLIED when something was done before."""
    address, first = so_far.failures[0]
    if not receipts:
        return first
    return OperatorError(
        f"{len(so_far.failures)} failed after {receipts} steps were done; {address}: {first.message}",
        code="E-apply-partly",
        hint="the configuration was not published; put it right and apply again, which goes on from here",
        kind=ErrorKind.PARTLY_APPLIED,
    )
