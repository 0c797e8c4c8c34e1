"""Looking at one integration's account, for a plan. Changes nothing, and says so where it could not look.

A refusal or a broken connection becomes `Unseen`, never an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

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


Together = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Does all of them, in any order or side by side, and gives their results in the order given."""


def one_by_one(looks: Sequence[Callable[[], Any]]) -> list[Any]:
    """In order, each after the other."""
    return [look() for look in looks]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLook:
    """The separate looks at one account. None raises what can be an `Unseen`, and none needs another's answer."""

    identities: tuple[Callable[[], Any], ...]
    permissions: tuple[Callable[[], Any], ...]
    endpoints: Callable[[], Any]
    retries: Callable[[], Any]

    @property
    def parts(self) -> tuple[Callable[[], Any], ...]:
        """All of them, in the order in which `view` wants the answers."""
        return (*self.identities, *self.permissions, self.endpoints, self.retries)

    def view(self, answers: Sequence[Any]) -> AccountView:
        """What was seen."""
        keys, probes = len(self.identities), len(self.identities) + len(self.permissions)
        endpoints, retries = answers[probes:]
        return AccountView(
            identities=_all(answers[:keys]),
            permissions=_joined(_all(answers[keys:probes])),
            endpoints=endpoints,
            retries=retries,
        )


def look_at(
    integration: Integration,
    readers: AccountReaderFor,
    *,
    probe: bool = True,
    write_probes: bool = True,
    evidence: bool = False,
    known: str | None = None,
) -> AccountLook:
    """The looks at one account, not yet done. `evidence` also looks for invoices that Stripe itself will charge again;
    `known` is the endpoint on record as the account's.
    """
    reader = _seen(lambda: readers(integration))
    if isinstance(reader, Unseen):
        unseen = reader
        return AccountLook(
            identities=(lambda: unseen,),
            permissions=(lambda: unseen,),
            endpoints=lambda: unseen,
            retries=lambda: unseen if evidence else (),
        )
    seeing = reader
    return AccountLook(
        identities=tuple(partial(_seen, partial(_identity, seeing, alias, known)) for alias in KeyAlias),
        permissions=tuple(
            partial(_seen, partial(_permissions, seeing, alias, write_probes)) for alias in KeyAlias if probe
        ),
        endpoints=partial(_seen, seeing.webhook_endpoints),
        retries=partial(_seen, partial(_retries, seeing)) if evidence else tuple,
    )


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

    The arguments are those of `look_at`.
    """
    look = look_at(integration, readers, probe=probe, write_probes=write_probes, evidence=evidence, known=known)
    return look.view(one_by_one(look.parts))


def observe_all(looks: Sequence[AccountLook], together: Together) -> list[AccountView]:
    """All accounts. Their first looks come first, so that no account's rate holds up the others."""
    order = sorted(((number, at) for at, look in enumerate(looks) for number in range(len(look.parts))))
    done = dict(zip(order, together([looks[at].parts[number] for number, at in order]), strict=True))
    return [look.view([done[number, at] for number in range(len(look.parts))]) for at, look in enumerate(looks)]


def _all(answers: Sequence[Any]) -> tuple[Any, ...] | Unseen:
    """The answers, or the first that could not be seen."""
    return next((each for each in answers if isinstance(each, Unseen)), tuple(answers))


def _joined(answers: tuple[Any, ...] | Unseen) -> tuple[Any, ...] | Unseen:
    return answers if isinstance(answers, Unseen) else tuple(each for rows in answers for each in rows)


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


def _permissions(reader: AccountReader, alias: KeyAlias, write_probes: bool) -> tuple[Permission, ...]:
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
        for each in reader.probe(alias, write_probes=write_probes)
    )
