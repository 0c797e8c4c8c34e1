"""Planning: what would have to change so that the account and our records are what the manifest says.

Writes nothing anywhere: it is given readers and a state it only reads (invariant E1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flexpay_reconcile.billing.forecast import Impact
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.manifest.key_checks import check_keys
from flexpay_reconcile.operations.observe_account import Together, look_at, observe_all, one_by_one
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.control_state import AppliedResource, ControlState, Step
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.reconcile import plan as plans
from flexpay_reconcile.reconcile.endpoint import Resumable
from flexpay_reconcile.reconcile.kinds import webhook_endpoint
from flexpay_reconcile.reconcile.observed import AccountView
from flexpay_reconcile.reconcile.plan import Facts, IntegrationFacts, Plan, StateBinding
from flexpay_reconcile.reconcile.resource import Kind, LastApplied, Unseen, address_of
from flexpay_reconcile.reconcile.targets import Selection
from flexpay_reconcile.recovery.case import FINAL_STATES
from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import SecretRef

CREATE_STEP: Final = "create"
"""The action of a step that makes an endpoint; its `detail` holds what was asked for."""
RESEND_WITHIN: Final = Span.of(hours=23)
"""Stripe may forget an idempotency key after 24 hours; after that the same key would make a second endpoint."""


def plan_manifest(
    *,
    configuration: Configuration,
    places: Mapping[str, Place],
    manifest_digest: str,
    readers: AccountReaderFor,
    state: ControlState | None,
    as_of: Instant,
    write_probes: bool = True,
    probe: bool = True,
    evidence: bool | None = None,
    accepted_accounts: frozenset[str] = frozenset(),
    live_cases: Mapping[str, int] | None = None,
    left_alone: Mapping[str, tuple[str, ...]] | None = None,
    diagnostics: Iterable[Diagnostic] = (),
    together: Together = one_by_one,
    impacts: tuple[Impact, ...] | None = None,
    accepted_impacts: Mapping[str, str] | None = None,
    overlay: str | None = None,
    selection: Selection | None = None,
) -> Plan:
    """The plan. `state` is None where there is none yet; `live_cases` counts open cases by integration id,
    `left_alone` are the invoices of those that a removal or another scope would leave alone.
    `impacts` is what `forecast_impact` tells, None where not asked; `accepted_impacts`: guard -> reason.
    `probe` asks for the keys' permissions; apply leaves it out when it looks a second time. `evidence` looks for
    invoices that Stripe itself still retries; None does so where permissions are probed. OperatorError (USAGE)
    when an account is accepted that no company of the manifest has. `together` may do the looks side by side.
    """
    latest = state.latest() if state else None
    current = latest.configuration if latest else None
    _refuse_strange_accounts(accepted_accounts, configuration, current)
    identity = state.identity() if state else None
    memory = _Memory(state, as_of)
    targets = _targets(configuration, current, selection)
    views = observe_all(
        [
            look_at(
                integration,
                readers,
                probe=probe and not removed,
                write_probes=write_probes,
                evidence=not removed and (probe if evidence is None else evidence),
                known=memory.endpoint_of(integration, account, current),
            )
            for integration, account, removed in targets
        ],
        together,
    )
    return plans.build(
        Facts(
            configuration=configuration,
            manifest_digest=manifest_digest,
            current=current,
            state=StateBinding(lineage=identity.lineage, serial=identity.serial) if identity else None,
            integrations=memory.all_facts(targets, views),
            as_of=as_of,
            accepted_accounts=accepted_accounts,
            live_cases=live_cases or {},
            left_alone=left_alone or {},
            diagnostics=tuple(diagnostics),
            places=places,
            impacts=impacts,
            accepted_impacts=accepted_impacts or {},
            overlay=overlay,
            selection=selection or Selection(),
        )
    )


def key_faults(
    configuration: Configuration, places: Mapping[str, Place], secrets: SecretReader
) -> tuple[Diagnostic, ...]:
    """Every fault of the two keys of every integration, at the reference's place. Nothing is sent to find them."""
    found: list[Diagnostic] = []
    for integration in configuration.integrations.values():
        path = f"integrations.{integration.id}.api_keys"
        resolved = []
        for role, reference in (
            ("primary", integration.api_keys.primary),
            ("fallback", integration.api_keys.fallback),
        ):
            try:
                resolved.append(secrets.resolve(reference))
            except OperatorError as error:
                found.append(_unresolved(error, reference, f"{path}.{role}", places))
        if len(resolved) == 2:
            found += check_keys(integration, resolved[0], resolved[1], places)
    return tuple(sorted(found, key=Diagnostic.sort_key))


def _unresolved(error: OperatorError, reference: SecretRef, path: str, places: Mapping[str, Place]) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code=error.code,
        message=error.message,
        hint=error.hint,
        path=path,
        place=places.get(path) or places.get(f"{path}.{reference.source.value}"),
    )


def _refuse_strange_accounts(
    accepted: frozenset[str], configuration: Configuration, current: Configuration | None
) -> None:
    known = {str(company.stripe_account) for c in (configuration, current) if c for company in c.companies.values()}
    for account in sorted(accepted - known):
        raise OperatorError(
            f"{account} is no company's stripe_account in this manifest",
            code="E-accept-account",
            hint="accept exactly the account that the plan names",
        )


def _targets(
    configuration: Configuration, current: Configuration | None, selection: Selection | None
) -> tuple[tuple[Integration, str, bool], ...]:
    """Those of `_integrations` that the plan is about."""
    every = _integrations(configuration, current)
    return tuple(each for each in every if not selection or each[0].id in selection.integrations)


def _integrations(
    configuration: Configuration, current: Configuration | None
) -> Iterator[tuple[Integration, str, bool]]:
    """Each integration, its account, and whether the manifest no longer has it."""
    for integration in configuration.integrations.values():
        yield integration, str(configuration.company_of(integration).stripe_account), False
    for name, integration in current.integrations.items() if current else ():
        if current and name not in configuration.integrations:
            yield integration, str(current.company_of(integration).stripe_account), True


class _Memory:
    """What the state knows of integrations, read once; it is never written here."""

    def __init__(self, state: ControlState | None, as_of: Instant) -> None:
        self._state = state
        self._applied = state.applied() if state else {}
        self._unfinished = state.unfinished_steps() if state else ()
        self._as_of = as_of

    def all_facts(
        self, targets: Iterable[tuple[Integration, str, bool]], views: Iterable[AccountView]
    ) -> tuple[IntegrationFacts, ...]:
        """Everything known of each, with what was seen of it."""
        return tuple(
            self.facts(integration, account, view, removed=removed)
            for (integration, account, removed), view in zip(targets, views, strict=True)
        )

    def facts(self, integration: Integration, account: str, view: AccountView, *, removed: bool) -> IntegrationFacts:
        """Everything known of one integration."""
        name = str(integration.id)
        step = None if removed else resumable_step(self._unfinished, integration, self._as_of)
        replaces = step.detail.get(webhook_endpoint.REPLACES) if step else None
        return IntegrationFacts(
            integration=integration,
            account=account,
            removed=removed,
            view=view,
            key_pair=_last(self._applied.get(address_of(Kind.KEY_PAIR, name))),
            endpoint=_last(self._applied.get(address_of(Kind.WEBHOOK_ENDPOINT, name))),
            known_secrets=self._known_secrets(name, view),
            resumable=Resumable(replaces=replaces) if step else None,
        )

    def endpoint_of(self, integration: Integration, account: str, current: Configuration | None) -> str | None:
        """The endpoint on record that was made in this very account; None where the record speaks of another."""
        recorded = self._applied.get(address_of(Kind.WEBHOOK_ENDPOINT, str(integration.id)))
        former = current.integrations.get(integration.id) if current else None
        if recorded is None or current is None or former is None:
            return None
        same = (
            str(current.company_of(former).stripe_account) == account and former.environment is integration.environment
        )
        return recorded.remote_id if same else None

    def _known_secrets(self, name: str, view: AccountView) -> frozenset[str]:
        """The endpoints of the account whose signing secret is in the state."""
        if self._state is None or isinstance(view.endpoints, Unseen):
            return frozenset()
        state = self._state
        marked = (e.id for e in view.endpoints if e.metadata.get(webhook_endpoint.INTEGRATION_KEY) == name)
        return frozenset(e for e in marked if state.knows_secret(webhook_endpoint.secret_name(name, e)))


def resumable_step(unfinished: Iterable[Step], integration: Integration, as_of: Instant) -> Step | None:
    """The newest unfinished creation of this integration's endpoint that asks for what is still wanted.

    Only such a step may be sent again with its key: other parameters would be refused, and an old key be forgotten.
    """
    wanted = webhook_endpoint.desired(integration)
    if wanted is None:
        return None
    for step in reversed(tuple(unfinished)):
        if step.address != wanted.address or step.action != CREATE_STEP:
            continue
        same = step.detail.get("attributes") == wanted.attributes and step.detail.get("api_version") == API_VERSION
        if same and as_of.since(step.at) < RESEND_WITHIN:
            return step
    return None


def _last(applied: AppliedResource | None) -> LastApplied | None:
    return LastApplied(attributes=applied.attributes, remote_id=applied.remote_id) if applied else None


def live_cases(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Cases not in a final state by integration id, from the store's counts by (integration id, state)."""
    found: dict[str, int] = {}
    for (integration, state), number in counts.items():
        if state not in FINAL_STATES:
            found[integration] = found.get(integration, 0) + number
    return found
