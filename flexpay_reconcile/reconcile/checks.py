"""Checks of a plan: whose keys they are, what they may do, what could be seen. Judges facts; asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.config.keys import KeyType
from flexpay_reconcile.errors import ErrorKind
from flexpay_reconcile.reconcile import permissions
from flexpay_reconcile.reconcile.kinds.webhook_endpoint import MAX_ENDPOINTS
from flexpay_reconcile.reconcile.observed import AccountView, Grant, KeyIdentity, Permission
from flexpay_reconcile.reconcile.resource import Kind, Unseen, address_of


class CheckStatus(StrEnum):
    """How a check came out."""

    PASS = "pass"
    """As it must be."""
    FAIL = "fail"
    """Wrong; nothing is applied until it is put right."""
    UNKNOWN = "unknown"
    """No clear answer; nothing is applied until there is one."""
    NEEDS_ACCEPTANCE = "needs_acceptance"
    """Cannot be proven; a person has to accept it."""
    SKIPPED = "skipped"
    """Not asked, on request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. `blocks` is the kind of refusal it means for apply; `details` are plain values."""

    id: str
    status: CheckStatus
    address: str
    message: str
    hint: str = ""
    blocks: ErrorKind | None = None
    details: dict[str, Any] = field(default_factory=dict)


class IdentityStatus(StrEnum):
    """What is known of whose keys they are."""

    PROVEN = "proven"
    """Stripe names the company's account for both keys."""
    ACCEPTED = "accepted"
    """Stripe will not say; a person accepted the account."""
    UNPROVEN = "unproven"
    """Stripe will not say, and nobody accepted it yet."""
    OTHER = "other"
    """Stripe names another account, or the keys disagree."""
    UNSEEN = "unseen"
    """Could not be asked."""


def identity(
    integration: Integration, account: str, view: AccountView, *, accepted: bool
) -> tuple[IdentityStatus, Check]:
    """Whether both keys belong to the company's account. `accepted`: now, or recorded for these very references."""
    address = address_of(Kind.KEY_PAIR, str(integration.id))
    if isinstance(view.identities, Unseen):
        return IdentityStatus.UNSEEN, _unseen("identity", address, "whose keys these are", view.identities)
    wrong = [each for each in view.identities if _is_other(each, integration, account)]
    details = {"expected": account, "keys": {each.alias: each.account for each in view.identities}}
    if wrong:
        check = Check(
            id="identity",
            status=CheckStatus.FAIL,
            address=address,
            message=f"these are not keys of {account}: " + "; ".join(_seen(each) for each in wrong),
            hint="correct the company's stripe_account or the references in api_keys; nothing was sent to that account",
            blocks=ErrorKind.KEY_REFUSED,
            details=details,
        )
        return IdentityStatus.OTHER, check
    if all(each.account == account for each in view.identities):
        message = f"both keys belong to {account} (" + ", ".join(f"{k.alias}: {k.how}" for k in view.identities) + ")"
        check = Check(id="identity", status=CheckStatus.PASS, address=address, message=message, details=details)
        return IdentityStatus.PROVEN, check
    if accepted:
        message = f"Stripe does not say whose keys these are; {account} was accepted by a person"
        check = Check(id="identity", status=CheckStatus.PASS, address=address, message=message, details=details)
        return IdentityStatus.ACCEPTED, check
    silent = " and ".join(each.alias for each in view.identities if each.account is None)
    check = Check(
        id="identity",
        status=CheckStatus.NEEDS_ACCEPTANCE,
        address=address,
        message=f"with these permissions Stripe does not say that the {silent} key belongs to {account}",
        hint=f"look the account up in the Dashboard, then: flexpay apply --accept-account {account}",
        blocks=ErrorKind.KEY_REFUSED,
        details=details,
    )
    return IdentityStatus.UNPROVEN, check


def _is_other(key: KeyIdentity, integration: Integration, account: str) -> bool:
    return (key.account is not None and key.account != account) or key.livemode != integration.environment.livemode


def _seen(key: KeyIdentity) -> str:
    mode = "live" if key.livemode else "sandbox"
    return f"the {key.alias} key belongs to {key.account or 'an unnamed account'} ({mode})"


def permission_checks(integration: Integration, view: AccountView) -> Iterator[Check]:
    """One check for each row and key."""
    address = address_of(Kind.KEY_PAIR, str(integration.id))
    if isinstance(view.permissions, Unseen):
        yield _unseen("permission", address, "what these keys may do", view.permissions)
        return
    for each in view.permissions:
        yield _permission(integration, address, each)
    if view.permissions:
        yield _surplus(integration, address, view)


def _permission(integration: Integration, address: str, seen: Permission) -> Check:
    name = f"{seen.row} {seen.access}"
    details = {
        "key": seen.alias,
        "row": seen.row,
        "access": seen.access,
        "column": seen.column,
        "permission": seen.permission,
    }
    match seen.grant:
        case Grant.GRANTED:
            status, words, hint, blocks = CheckStatus.PASS, "granted", "", None
        case Grant.SKIPPED:
            status, words, hint, blocks = CheckStatus.SKIPPED, "not probed (--no-write-probes)", "", None
        case Grant.UNSEEN:
            status, words, hint, blocks = CheckStatus.SKIPPED, f"not seen: {seen.message}", "", None
        case Grant.UNKNOWN:
            status, words, blocks = CheckStatus.UNKNOWN, f"no clear answer: {seen.message}", ErrorKind.TIMED_OUT
            hint = "try again later; --no-write-probes leaves the write probes out"
        case Grant.LACKING:
            status, blocks = CheckStatus.FAIL, ErrorKind.KEY_REFUSED
            words = f"missing ({seen.permission}): {permissions.consequence(seen)}"
            hint = (
                f"Dashboard, API keys, edit the {seen.alias} key: set {name!r} in the column {seen.column}; "
                f"or make a new one: {permissions.key_page(seen.alias, livemode=integration.environment.livemode)}"
            )
    return Check(
        id="permission",
        status=status,
        address=address,
        message=f"{seen.alias} key, {name} ({seen.column}): {words}",
        hint=hint,
        blocks=blocks,
        details=details,
    )


def _surplus(integration: Integration, address: str, view: AccountView) -> Check:
    """What is known of permissions beyond the guide's table. Harmless requests cannot show the rest, so it says so."""
    if integration.api_keys.type is KeyType.STANDARD:
        message, found = "these are standard keys: they may do everything, far more than the guide's six rows", []
    else:
        identities = () if isinstance(view.identities, Unseen) else view.identities
        found = [each.alias for each in identities if each.reads_account]
        message = "whether these keys may do more than the guide's six rows cannot be seen without trying to write"
        if found:
            more = f"the {' and the '.join(found)} key may read the account itself ({permissions.ACCOUNT_ROW})"
            message = f"{more}, which the guide leaves out; any other surplus cannot be seen without trying to write"
    return Check(
        id="surplus_permissions",
        status=CheckStatus.SKIPPED,
        address=address,
        message=message,
        hint="Dashboard, API keys: every row that the guide's table does not name must read None, in both columns",
        details={"keys": found, "permission": permissions.ACCOUNT_ROW if found else None},
    )


def endpoint_checks(integration: Integration, view: AccountView, *, creations: int) -> Iterator[Check]:
    """Whether the endpoints could be seen, and whether there is room for new ones."""
    address = address_of(Kind.WEBHOOK_ENDPOINT, str(integration.id))
    if isinstance(view.endpoints, Unseen):
        yield _unseen("endpoints_seen", address, "the account's webhook endpoints", view.endpoints)
    elif creations and len(view.endpoints) + creations > MAX_ENDPOINTS:
        yield Check(
            id="endpoint_limit",
            status=CheckStatus.FAIL,
            address=address,
            message=f"the account has {len(view.endpoints)} webhook endpoints and Stripe allows {MAX_ENDPOINTS}",
            hint="delete one that nobody uses in the Dashboard (Developers, Webhooks)",
            blocks=ErrorKind.GUARD_REFUSED,
            details={"present": len(view.endpoints), "limit": MAX_ENDPOINTS},
        )


def _unseen(name: str, address: str, what: str, unseen: Unseen) -> Check:
    refused = unseen.kind is ErrorKind.KEY_REFUSED
    return Check(
        id=name,
        status=CheckStatus.FAIL if refused else CheckStatus.UNKNOWN,
        address=address,
        message=f"could not see {what}: {unseen.because}",
        hint="" if refused else "nothing is planned for what cannot be seen; try again later",
        blocks=unseen.kind,
    )
