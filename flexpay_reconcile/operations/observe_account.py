"""Looking at one integration's account, for a plan. Changes nothing, and says so where it could not look.

A refusal or a broken connection becomes `Unseen`, never an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.account_reader import AccountReader, AccountReaderFor, ProbeResult, Proof
from flexpay_reconcile.reconcile.observed import AccountView, Grant, KeyIdentity, Permission, StripeRetry
from flexpay_reconcile.reconcile.resource import Unseen
from flexpay_reconcile.recovery.attempt import KeyAlias

T = TypeVar("T")

_HOW: Final = {
    Proof.ACCOUNT_READ: "read from the account",
    Proof.PERMISSION_REFUSAL: "named in a refusal",
    Proof.KNOWN_OBJECT: "opens our own endpoint",
    Proof.UNPROVEN: "not told",
}
_GRANTS: Final = {
    ProbeResult.GRANTED: Grant.GRANTED,
    ProbeResult.LACKING: Grant.LACKING,
    ProbeResult.UNSEEN: Grant.UNSEEN,
    ProbeResult.SKIPPED: Grant.SKIPPED,
    ProbeResult.UNKNOWN: Grant.UNKNOWN,
}


def observe_account(
    integration: Integration,
    readers: AccountReaderFor,
    *,
    probe: bool = True,
    write_probes: bool = True,
    evidence: bool = False,
    known: str | None = None,
) -> AccountView:
    """Identity and permissions of both keys, and the account's endpoints; each part may be `Unseen` by itself.

    `evidence` also looks for invoices that Stripe itself is going to charge again; `known` is the endpoint on record
    as the account's.
    """
    reader = _seen(lambda: readers(integration))
    if isinstance(reader, Unseen):
        return AccountView(identities=reader, permissions=reader, endpoints=reader)
    return AccountView(
        identities=_seen(lambda: tuple(_identity(reader, alias, known) for alias in KeyAlias)),
        permissions=_seen(lambda: _permissions(reader, write_probes=write_probes)) if probe else (),
        endpoints=_seen(reader.webhook_endpoints),
        retries=_seen(lambda: _retries(reader)) if evidence else (),
    )


def _seen(look: Callable[[], T]) -> T | Unseen:
    try:
        return look()
    except (OperatorError, TryLater) as error:
        if error.kind is ErrorKind.LOCK_HELD:  # whose turn it is says nothing about the account
            raise
        return Unseen(because=error.message, kind=error.kind)


def _identity(reader: AccountReader, alias: KeyAlias, known: str | None) -> KeyIdentity:
    found = reader.identity(alias, known)
    return KeyIdentity(
        alias=alias.value,
        account=found.account,
        livemode=found.livemode,
        how=_HOW[found.how],
        reads_account=found.how is Proof.ACCOUNT_READ,
    )


def _retries(reader: AccountReader) -> tuple[StripeRetry, ...]:
    return tuple(
        StripeRetry(
            invoice=str(each.invoice), attempts=each.attempts, created=each.created, next_attempt=each.next_attempt
        )
        for each in reader.scheduled_retries()
    )


def _permissions(reader: AccountReader, *, write_probes: bool) -> tuple[Permission, ...]:
    return tuple(
        Permission(
            alias=alias.value,
            row=each.row,
            access=each.access,
            column=each.column,
            permission=each.permission,
            grant=_GRANTS[each.result],
            message=each.message,
        )
        for alias in KeyAlias
        for each in reader.probe(alias, write_probes=write_probes)
    )
