"""The two API keys of an integration, as references, and what a key's prefix says. Never holds a key's value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.secret import Secret, SecretRef


class KeyType(StrEnum):
    """What kind of Stripe key it is."""

    RESTRICTED = "restricted"
    """Only the permissions of the guide's table (recommended)."""
    STANDARD = "standard"
    """Full access to the account; a warning in every plan."""


class Environment(StrEnum):
    """Which of Stripe's worlds an integration works in."""

    LIVE = "live"
    """Real money."""
    SANDBOX = "sandbox"
    """Stripe's test mode."""

    @property
    def livemode(self) -> bool:
        """What `livemode` reads on every object of this environment."""
        return self is Environment.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """References to the guide's Primary and Fallback key."""

    type: KeyType
    primary: SecretRef
    fallback: SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What the prefix of a Stripe secret key says."""

    type: KeyType
    environment: Environment


_PREFIXES = {
    "rk_" + "live_": KeyFacts(type=KeyType.RESTRICTED, environment=Environment.LIVE),
    "rk_" + "test_": KeyFacts(type=KeyType.RESTRICTED, environment=Environment.SANDBOX),
    "sk_" + "live_": KeyFacts(type=KeyType.STANDARD, environment=Environment.LIVE),
    "sk_" + "test_": KeyFacts(type=KeyType.STANDARD, environment=Environment.SANDBOX),
}


def facts_of(key: Secret) -> KeyFacts | None:
    """What a key's prefix says, or None where it is no Stripe secret key at all."""
    value = key.reveal()
    for prefix, facts in _PREFIXES.items():
        rest = value.removeprefix(prefix)
        if rest != value and rest.isalnum() and rest.isascii():
            return facts
    return None
