"""What can be told from the two resolved keys of an integration before anything is sent. Never shows a value;
resolves none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.config.keys import KeyFacts, facts_of
from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity
from flexpay_reconcile.values.secret import Secret, SecretRef


def check_keys(
    integration: Integration, primary: Secret, fallback: Secret, places: Mapping[str, Place]
) -> list[Diagnostic]:
    """Both keys against the integration and each other;
    faults point at the reference in the manifest, where `places` knows it.
    """
    faults: list[Diagnostic] = []
    for role, key, reference in (
        ("primary", primary, integration.api_keys.primary),
        ("fallback", fallback, integration.api_keys.fallback),
    ):
        path = f"integrations.{integration.id}.api_keys.{role}"
        faults += [_fault(code, words, path, places) for code, words in _one(integration, role, key, reference)]
    if primary == fallback:
        path = f"integrations.{integration.id}.api_keys.fallback"
        words = (
            f"the fallback key of {integration.id} ({integration.api_keys.fallback.text()}) is the primary key; "
            "create a second one (Stripe: Duplicate key)"
        )
        faults.append(_fault("E-key-same", words, path, places))
    return faults


def _one(integration: Integration, role: str, key: Secret, reference: SecretRef) -> Iterator[tuple[str, str]]:
    """Codes and words for one key."""
    who = f"the {role} key of {integration.id} ({reference.text()})"
    facts: KeyFacts | None = facts_of(key)
    if facts is None:
        yield "E-key-shape", f"{who} is no Stripe secret key (rk_… or sk_…); its value is not shown"
        return
    if facts.type is not integration.api_keys.type:
        yield (
            "E-key-type",
            f"{who} is a {facts.type.value} key, and api_keys.type says {integration.api_keys.type.value}",
        )
    if facts.environment is not integration.environment:
        yield (
            "E-key-environment",
            f"{who} is a {facts.environment.value} key, and the environment is {integration.environment.value}",
        )


def _fault(code: str, message: str, path: str, places: Mapping[str, Place]) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, message=message, place=places.get(path), path=path)
