"""Resources: what the plan speaks of, each under one address. Plain values only; a secret can never be an attribute."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flexpay_reconcile.errors import ErrorKind
from flexpay_reconcile.values import digest


class Kind(StrEnum):
    """The kinds of resources, in the order in which they are applied."""

    COMPANY = "company"
    """One Stripe account under a name; our record."""
    CURRENCY = "currency"
    """A currency whose failed payments are retried; our record."""
    SETTINGS = "settings"
    """Guards and brakes; our record."""
    KEY_PAIR = "key_pair"
    """The references of the two API keys, and the account they were proven or accepted for; our record."""
    RETRY_POLICY = "retry_policy"
    """When failed payments are retried; our record."""
    INTEGRATION = "integration"
    """One integration as the daemon runs it; our record."""
    WEBHOOK_ENDPOINT = "webhook_endpoint"
    """The endpoint at Stripe."""


LEVELS: Final = tuple(Kind)
"""Level order: creations and updates run along it, removals against it."""


def address_of(kind: Kind, name: str) -> str:
    """`webhook_endpoint.acme-us-live`."""
    return f"{kind.value}.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource. `attributes` are plain values; `path` is where the manifest says it, as `a.b.c`."""

    kind: Kind
    name: str
    attributes: dict[str, Any]
    path: str = ""
    remote_id: str | None = None

    @property
    def address(self) -> str:
        """`kind.name`, unique in a plan."""
        return address_of(self.kind, self.name)

    def fingerprint(self) -> str:
        """What a plan rests on: changes whenever an attribute or the remote id does."""
        return "sha256:" + digest.digest_of({"attributes": self.attributes, "remote_id": self.remote_id})


ABSENT: Final = "absent"
"""The fingerprint of what is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """We could not look. Not the same as absent, and never planned as a creation. `kind` sorts the reason."""

    because: str
    kind: ErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LastApplied:
    """What apply last made of an address, for the three-way comparison."""

    attributes: dict[str, Any]
    remote_id: str | None
