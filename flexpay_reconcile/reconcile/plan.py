"""The plan: everything apply would do, why, and what speaks against it. Facts in, one value out; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flexpay_reconcile.billing.forecast import Impact
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, ManagedBy
from flexpay_reconcile.errors import ErrorKind
from flexpay_reconcile.reconcile import checks, endpoint, guards, guidance, key_pairs, notes
from flexpay_reconcile.reconcile.change import Action, Change, Deferred, Drift, local_change
from flexpay_reconcile.reconcile.checks import Check, CheckStatus, IdentityStatus
from flexpay_reconcile.reconcile.desired import local_records
from flexpay_reconcile.reconcile.endpoint import EndpointFacts, EndpointPlan, Resumable
from flexpay_reconcile.reconcile.guards import GuardResult
from flexpay_reconcile.reconcile.guidance import ManualStep
from flexpay_reconcile.reconcile.kinds import key_pair, webhook_endpoint
from flexpay_reconcile.reconcile.observed import AccountView, StripeRetry
from flexpay_reconcile.reconcile.resource import LEVELS, Kind, LastApplied, Unseen, address_of
from flexpay_reconcile.reconcile.targets import Selection
from flexpay_reconcile.values.diagnostic import Diagnostic, Place
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBinding:
    """Which state a plan was made on, and after how many control-plane writes."""

    lineage: str
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBinding:
    """Which account a plan was made for, and how that is known."""

    account: str
    livemode: bool
    identity: IdentityStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationFacts:
    """What is known of one integration, of the manifest or (`removed`) of the last applied configuration."""

    integration: Integration
    account: str
    removed: bool
    view: AccountView
    key_pair: LastApplied | None = None
    endpoint: LastApplied | None = None
    known_secrets: frozenset[str] = frozenset()
    resumable: Resumable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a plan is made from. Same facts, same plan, to the byte."""

    configuration: Configuration
    manifest_digest: str
    current: Configuration | None
    state: StateBinding | None
    integrations: tuple[IntegrationFacts, ...]
    as_of: Instant
    accepted_accounts: frozenset[str] = frozenset()
    live_cases: Mapping[str, int] = field(default_factory=dict)
    left_alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    selection: Selection = Selection()
    places: Mapping[str, Place] = field(default_factory=dict)
    impacts: tuple[Impact, ...] | None = None
    accepted_impacts: Mapping[str, str] = field(default_factory=dict)
    overlay: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan. `refusals` says what stands against applying it."""

    as_of: Instant
    manifest_digest: str
    state: StateBinding | None
    accounts: dict[str, AccountBinding]
    changes: tuple[Change, ...]
    drift: tuple[Drift, ...]
    deferred: tuple[Deferred, ...]
    checks: tuple[Check, ...]
    guards: tuple[GuardResult, ...]
    manual_steps: tuple[ManualStep, ...]
    diagnostics: tuple[Diagnostic, ...]
    places: Mapping[str, Place]
    impacts: tuple[Impact, ...] | None = None
    overlay: str | None = None
    selection: Selection = Selection()
    """What part of the manifest it is for; the other integrations were not looked at."""

    @property
    def work(self) -> tuple[Change, ...]:
        """The changes that are changes, in level order."""
        return tuple(each for each in self.changes if each.action is not Action.NO_OP)

    @property
    def has_changes(self) -> bool:
        """Whether apply would do anything."""
        return bool(self.work)

    @property
    def refusals(self) -> tuple[tuple[ErrorKind, str], ...]:
        """Everything that keeps apply from starting, with the kind of refusal."""
        found = [(each.blocks, f"{each.address}: {each.message}") for each in self.checks if each.blocks is not None]
        found += [(ErrorKind.GUARD_REFUSED, each.message) for each in self.guards if each.refused]
        return tuple(found)

    @property
    def accounts_to_accept(self) -> tuple[str, ...]:
        """Accounts a person has to accept before the first apply."""
        waiting = {each.account for each in self.accounts.values() if each.identity is IdentityStatus.UNPROVEN}
        return tuple(sorted(waiting))

    @property
    def faults(self) -> tuple[ErrorKind, ...]:
        """Refusals that are faults of the world as it is; an account that awaits acceptance is none."""
        kinds = [c.blocks for c in self.checks if c.blocks and c.status is not CheckStatus.NEEDS_ACCEPTANCE]
        kinds += [ErrorKind.GUARD_REFUSED for each in self.guards if each.refused]
        return tuple(kinds)


def build(facts: Facts) -> Plan:
    """The plan for these facts, whatever order the manifest names things in."""
    parts = sorted((_of_integration(each, facts) for each in facts.integrations), key=lambda part: part.name)
    changes = [*_local_changes(facts, {p.name: p for p in parts})]
    changes += [each for part in parts for each in part.endpoint.changes]
    changes.sort(key=lambda each: (LEVELS.index(each.kind), each.name, each.deposed or ""))
    retried = _retries(facts)
    limits = guards.in_force(facts.configuration.guards, facts.current.guards if facts.current else None)
    diagnostics = [*facts.diagnostics, *(each for part in parts for each in part.diagnostics)]
    return Plan(
        as_of=facts.as_of,
        manifest_digest=facts.manifest_digest,
        state=facts.state,
        accounts={part.name: part.binding for part in parts},
        changes=tuple(changes),
        drift=tuple(each for part in parts for each in part.endpoint.drift),
        deferred=tuple(part.deferred for part in parts if part.deferred),
        checks=tuple(each for part in parts for each in part.checks),
        guards=tuple(
            guards.accepted(
                [
                    *guards.ask(limits, changes, facts.live_cases, facts.left_alone),
                    *guards.ask_impact(limits, facts.impacts or ()),
                ],
                facts.accepted_impacts,
            )
        ),
        impacts=facts.impacts,
        overlay=facts.overlay,
        manual_steps=tuple(
            step
            for _, integration in sorted(facts.configuration.integrations.items())
            for step in guidance.steps_for(integration, facts.as_of, retried.get(integration.id, ()))
        ),
        diagnostics=tuple(sorted(diagnostics, key=Diagnostic.sort_key)),
        places=facts.places,
        selection=facts.selection,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one integration adds to the plan."""

    name: str
    binding: AccountBinding
    checks: tuple[Check, ...]
    endpoint: EndpointPlan
    deferred: Deferred | None
    diagnostics: tuple[Diagnostic, ...]


def _of_integration(seen: IntegrationFacts, facts: Facts) -> _Part:
    integration = seen.integration
    name = str(integration.id)
    accepted = seen.account in facts.accepted_accounts or _recorded(seen, facts) is not None
    status, identity = checks.identity(integration, seen.account, seen.view, accepted=accepted)
    planned, deferred = _endpoint(seen, facts, status)
    creations = sum(1 for each in planned.changes if each.action in {Action.CREATE, Action.REPLACE})
    found = [identity]
    if not seen.removed:
        found += checks.permission_checks(integration, seen.view)
    if integration.webhook.managed_by is ManagedBy.FLEXPAY and status is not IdentityStatus.OTHER:
        found += checks.endpoint_checks(integration, seen.view, creations=creations)
    return _Part(
        name=name,
        binding=AccountBinding(account=seen.account, livemode=integration.environment.livemode, identity=status),
        checks=tuple(found),
        endpoint=planned,
        deferred=deferred,
        diagnostics=tuple(notes.about(integration, seen.view, planned, facts.places, removed=seen.removed)),
    )


def _retries(facts: Facts) -> dict[str, tuple[StripeRetry, ...]]:
    """The invoices that Stripe still retries, by integration, as far as they were seen."""
    return {
        each.integration.id: each.view.retries
        for each in facts.integrations
        if not isinstance(each.view.retries, Unseen)
    }


def _endpoint(seen: IntegrationFacts, facts: Facts, status: IdentityStatus) -> tuple[EndpointPlan, Deferred | None]:
    """The endpoint's changes, or why there are none to tell."""
    integration = seen.integration
    name = str(integration.id)
    by_hand = integration.webhook.managed_by is ManagedBy.MANUAL
    nothing = EndpointPlan(changes=())
    if by_hand and (seen.removed or seen.endpoint is None):
        return nothing, None
    address = address_of(Kind.WEBHOOK_ENDPOINT, name)
    if not by_hand:
        if isinstance(seen.view.endpoints, Unseen):
            return nothing, Deferred(address=address, because=seen.view.endpoints.because)
        if status is IdentityStatus.OTHER:
            return nothing, Deferred(address=address, because="the keys belong to another account")
    endpoints = () if isinstance(seen.view.endpoints, Unseen) else seen.view.endpoints
    adoptable = () if seen.removed else webhook_endpoint.adoptable(endpoints, integration)
    if len(adoptable) > 1 and seen.endpoint is None:
        ids = ", ".join(each.id for each in adoptable)
        return nothing, Deferred(address=address, because=f"{ids} post to this URL: delete all but the one meant")
    planned = endpoint.plan(
        EndpointFacts(
            name=name,
            path=f"integrations.{name}.webhook",
            desired=None if seen.removed else webhook_endpoint.desired(integration),
            ours=webhook_endpoint.ours(
                endpoints,
                name=name,
                livemode=integration.environment.livemode,
            ),
            last=seen.endpoint,
            lineage=facts.state.lineage if facts.state else None,
            known_secrets=seen.known_secrets,
            resumable=seen.resumable,
            left_to_operator=by_hand,
            secret_given=integration.webhook.signing_secret is not None,
            adoptable=adoptable,
        )
    )
    return planned, None


def _local_changes(facts: Facts, parts: Mapping[str, _Part]) -> Iterator[Change]:
    """The changes of our own records."""
    desired = local_records(facts.configuration)
    current = local_records(facts.current) if facts.current else {}
    by_name = {str(each.integration.id): each for each in facts.integrations}
    for address in dict.fromkeys([*desired, *current]):
        wanted, present = desired.get(address), current.get(address)
        subject = wanted or present
        if subject is None or subject.kind is not Kind.KEY_PAIR:
            yield local_change(wanted, present)
        elif (seen := by_name.get(subject.name)) is not None:
            yield key_pairs.change_of(wanted, present, seen.key_pair, parts[subject.name].binding.identity)


def _recorded(seen: IntegrationFacts, facts: Facts) -> str | None:
    """How the account became known, if that is on record for these very references."""
    source = facts.current if seen.removed else facts.configuration
    if source is None:
        return None
    references = key_pair.attributes_of(source, source.integration(seen.integration.id))
    return key_pairs.identity_in(seen.key_pair, references)
