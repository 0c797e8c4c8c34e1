"""The two keys of an integration: resolved once, checked before anything is sent. Never shows a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.config.keys import ApiKeys, Environment
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest.key_checks import check_keys
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values import card_number
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Both keys, checked against the integration and each other; `known` are those whose account Stripe was asked."""

    primary: Secret
    fallback: Secret
    known: set[KeyAlias] = field(default_factory=set, compare=False)

    def key(self, alias: KeyAlias) -> Secret:
        """The key of that name."""
        return self.primary if alias is KeyAlias.PRIMARY else self.fallback


class KeyRing:
    """Resolves references once per integration and set of references; a new revision with others resolves anew.

    Once `sealed`, a pair that is resolved anew (after a 401, or for a new revision) must be asked whose account it
    opens before it reads, charges or cancels anything: a rotation may have put another account's key in its place.
    """

    def __init__(self, secrets: SecretReader) -> None:
        """`secrets` is where references lead."""
        self.sealed = False
        self._secrets = secrets
        self._pairs: dict[tuple[IntegrationId, ApiKeys, Environment], KeyPair] = {}

    def pair(self, integration: Integration) -> KeyPair:
        """Both keys; OperatorError (KEY_REFUSED) naming the reference when one is not there or does not fit."""
        place = (integration.id, integration.api_keys, integration.environment)
        found = self._pairs.get(place)
        if found is not None:
            return found
        primary = self._secrets.resolve(integration.api_keys.primary)
        fallback = self._secrets.resolve(integration.api_keys.fallback)
        for fault in check_keys(integration, primary, fallback, {}):
            raise OperatorError(fault.message, code=fault.code, hint=fault.hint, kind=ErrorKind.KEY_REFUSED)
        pair = KeyPair(primary=primary, fallback=fallback)
        self._pairs[place] = pair
        return pair

    def forget(self, integration: Integration) -> None:
        """Resolve again at the next call: after a 401 the reference may by now lead to a new key."""
        self._pairs.pop((integration.id, integration.api_keys, integration.environment), None)


_KEY = re.compile(r"\b([sr]k|pk)_(live|test)_[A-Za-z0-9*._-]+")
_SIGNING = re.compile(r"\bwhsec_[A-Za-z0-9+/=_*-]+")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE)


def masked(text: str) -> str:
    """The text without what may be a key or a signing secret or a card number, on one line, at most 400 characters."""
    text = _KEY.sub(r"\1_\2_***", text)
    text = _SIGNING.sub("whsec_***", text)
    text = card_number.masked(_BEARER.sub(r"\1 ***", text))
    text = " ".join(text.split())
    return text if len(text) <= 400 else text[:399] + "…"
