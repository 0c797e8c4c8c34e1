"""The plan for one integration's webhook endpoint: three-way, and never a creation for what we could not see.

Pure: facts in, changes out. The order of the rules is the order of danger: not looking comes before everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.reconcile import diff
from flexpay_reconcile.reconcile.change import Action, Change, Drift, Reason, field_changes, reason_of
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.resource import ABSENT, Kind, LastApplied, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumable:
    """A creation whose intent is on disk and whose answer is not, young enough to be sent again with the same key."""

    replaces: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """Everything that decides about one integration's endpoint.

    `ours` are the endpoints at Stripe with this integration's marks, newest first; `lineage` is this state's name;
    `known_secrets` are ids of endpoints. `left_to_operator`: the manifest has the integration, by hand. `secret_given`:
    the manifest names the signing secret; `adoptable` are then the endpoints for its URL that nobody has marked.
    """

    name: str
    path: str
    desired: Resource | None
    ours: tuple[WebhookEndpoint, ...]
    last: LastApplied | None
    lineage: str | None
    known_secrets: frozenset[str]
    resumable: Resumable | None = None
    left_to_operator: bool = False
    secret_given: bool = False
    adoptable: tuple[WebhookEndpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """Changes for one address, what drifted, and marked endpoints that another state made and we leave alone."""

    changes: tuple[Change, ...]
    drift: tuple[Drift, ...] = ()
    strangers: tuple[WebhookEndpoint, ...] = ()


def plan(facts: EndpointFacts) -> EndpointPlan:
    """The changes that make Stripe what the manifest says."""
    if facts.left_to_operator:
        return _leave(facts)
    current = _current(facts)
    others = tuple(each for each in facts.ours if current is None or each.id != current.id)
    leftovers = () if facts.resumable else tuple(each for each in others if _we_made(each, facts))
    strangers = tuple(each for each in others if not _we_made(each, facts))
    removals = (
        *(_remove(facts, each, Reason.LEFTOVER, deposed=True) for each in leftovers),
        *_forget_replaced(facts),
    )
    if facts.desired is None:
        return EndpointPlan(changes=(*_remove_current(facts, current), *removals), strangers=strangers)
    observed = kind.observed(current, facts.name, facts.path) if current else None
    change = _towards(facts, facts.desired, current, observed)
    return EndpointPlan(changes=(change, *removals), drift=_drift(facts, observed), strangers=strangers)


def _current(facts: EndpointFacts) -> WebhookEndpoint | None:
    """The endpoint this address means: the one we last applied, else the newest that carries the marks."""
    by_id = {each.id: each for each in facts.ours}
    if facts.resumable:  # the one being made is not known yet
        return by_id.get(facts.resumable.replaces or "")
    if facts.last and facts.last.remote_id in by_id:
        return by_id[facts.last.remote_id]
    if facts.desired is None:
        return next((each for each in facts.ours if _we_made(each, facts)), None)
    return next(iter((*facts.ours, *facts.adoptable)), None)


def _we_made(endpoint: WebhookEndpoint, facts: EndpointFacts) -> bool:
    """Whether this very state made it; nothing else may be deleted as a leftover."""
    if facts.lineage is not None and endpoint.metadata.get(kind.STATE_KEY) == facts.lineage:
        return True
    return facts.last is not None and endpoint.id in {facts.last.remote_id, *_replaced(facts)}


def _towards(
    facts: EndpointFacts, desired: Resource, current: WebhookEndpoint | None, observed: Resource | None
) -> Change:
    """From what is there to what is wanted."""
    draft = Change(
        kind=Kind.WEBHOOK_ENDPOINT,
        name=facts.name,
        action=Action.NO_OP,
        reason=Reason.AS_DESIRED,
        before=observed.attributes if observed else None,
        after=desired.attributes,
        path=facts.path,
        remote_id=current.id if current else None,
        precondition=observed.fingerprint() if observed else ABSENT,
        fields=field_changes(observed.attributes, desired.attributes, facts.last, sets=kind.SET_FIELDS)
        if observed
        else (),
    )
    anew = replace(draft, unknown=("id", *kind.SENSITIVE), sensitive=kind.SENSITIVE)
    if current is None:
        if facts.resumable:
            reason = Reason.RESUME
        else:
            reason = Reason.DELETED_AT_STRIPE if facts.last and facts.last.remote_id else Reason.NEW
        return replace(anew, action=Action.CREATE, reason=reason)
    if facts.resumable:
        return replace(anew, action=Action.REPLACE, reason=Reason.RESUME)
    if current in facts.adoptable:
        return replace(draft, action=Action.UPDATE, reason=Reason.ADOPT)
    if not kind.is_readable(current):
        return replace(anew, action=Action.REPLACE, reason=Reason.API_VERSION)
    if current.metadata.get(kind.SCOPE_KEY) != desired.attributes["metadata"][kind.SCOPE_KEY]:
        return replace(anew, action=Action.REPLACE, reason=Reason.SCOPE)
    if current.id not in facts.known_secrets:
        if facts.secret_given:
            return replace(draft, action=Action.UPDATE, reason=Reason.ADOPT)
        return replace(anew, action=Action.REPLACE, reason=Reason.LOST_SECRET)
    if draft.fields:
        return replace(draft, action=Action.UPDATE, reason=reason_of(draft.fields))
    return draft


def _remove_current(facts: EndpointFacts, current: WebhookEndpoint | None) -> tuple[Change, ...]:
    """The integration is gone from the manifest: delete what we made, or forget what is gone already."""
    if current is not None:
        return (_remove(facts, current, Reason.REMOVED, deposed=False),)
    return (_forget(facts, Reason.ALREADY_GONE),) if facts.last else ()


def _remove(facts: EndpointFacts, endpoint: WebhookEndpoint, reason: Reason, *, deposed: bool) -> Change:
    seen = kind.observed(endpoint, facts.name, facts.path)
    return Change(
        kind=Kind.WEBHOOK_ENDPOINT,
        name=facts.name,
        action=Action.DELETE,
        reason=reason,
        before=seen.attributes,
        after=None,
        path=facts.path,
        remote_id=endpoint.id,
        deposed=endpoint.id if deposed else None,
        precondition=seen.fingerprint(),
    )


def _replaced(facts: EndpointFacts) -> list[str]:
    """Endpoints that were replaced and whose clearing away is not on record."""
    return list(facts.last.attributes.get(kind.REPLACES, ())) if facts.last else []


def _forget_replaced(facts: EndpointFacts) -> tuple[Change, ...]:
    """The secret of an endpoint that was replaced and is gone, left by an apply that was interrupted."""
    present = {each.id for each in facts.ours}
    return tuple(
        replace(_forget(facts, Reason.ALREADY_GONE), before={}, remote_id=each, deposed=each)
        for each in sorted(_replaced(facts))
        if each not in present and not facts.resumable
    )


def _leave(facts: EndpointFacts) -> EndpointPlan:
    """`managed_by: manual`: whatever is at Stripe stays; our record of it goes."""
    return EndpointPlan(changes=(_forget(facts, Reason.MANAGED_BY_HAND),) if facts.last else ())


def _forget(facts: EndpointFacts, reason: Reason) -> Change:
    last = facts.last or LastApplied(attributes={}, remote_id=None)
    return Change(
        kind=Kind.WEBHOOK_ENDPOINT,
        name=facts.name,
        action=Action.FORGET,
        reason=reason,
        before=_without_notes(last.attributes),
        after=None,
        path=facts.path,
        remote_id=last.remote_id,
    )


def _drift(facts: EndpointFacts, observed: Resource | None) -> tuple[Drift, ...]:
    """What moved at Stripe since the last apply, wanted or not."""
    if facts.last is None or facts.last.remote_id is None or facts.resumable:
        return ()
    before = _without_notes(facts.last.attributes)
    if observed is not None and observed.remote_id == facts.last.remote_id and observed.attributes == before:
        return ()
    after = observed.attributes if observed and observed.remote_id == facts.last.remote_id else None
    return (
        Drift(
            kind=Kind.WEBHOOK_ENDPOINT,
            name=facts.name,
            path=facts.path,
            remote_id=facts.last.remote_id,
            before=before,
            after=after,
            fields=diff.fields(before, after, sets=kind.SET_FIELDS) if after is not None else (),
        ),
    )


def _without_notes(attributes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in attributes.items() if name != kind.REPLACES}
