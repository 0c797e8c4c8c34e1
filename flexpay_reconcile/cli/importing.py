"""The import behind its command: keys checked before anything is sent, readers bound, the manifest composed."""

from __future__ import annotations

import re

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli import planning
from flexpay_reconcile.config.keys import ApiKeys, Environment, KeyType, facts_of
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest.compose import compose
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.operations.import_account import Importer, Wish
from flexpay_reconcile.reconcile.kinds import webhook_endpoint
from flexpay_reconcile.values.secret import SecretRef

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def manifest_of(
    *,
    primary: SecretRef,
    fallback: SecretRef,
    name: str,
    company: str,
    url: str | None,
    account: str | None,
    state_path: str,
    stripe_api: str | None,
) -> str:
    """The text of the manifest; OperatorError where it cannot be told. A missing state is none, and none is made."""
    for flag, value in (("--name", name), ("--company", company)):
        if _ID.fullmatch(value) is None:
            words = f"{flag} takes small letters, digits and hyphens"
            raise OperatorError(words, code="E-import-name", kind=ErrorKind.USAGE)
    with planning.opened(state_path, stripe_api) as (parts, has_state):
        wish = _wish(parts, primary, fallback, name=name, company=company, url=url, account=account)
        latest = parts.state.latest() if has_state else None
        importer = Importer(
            readers=parts.reader_for,
            books=parts.gateways.book_reader,
            learn=parts.learn,
            applied=latest.configuration if latest else None,
            knows_secret=lambda of, endpoint: (
                has_state and parts.state.knows_secret(webhook_endpoint.secret_name(of, endpoint))
            ),
        )
        planning.check_keys(parts, importer.draft(wish), {})
        found = importer.import_account(wish, parts.clock.now())
    text = compose(found.configuration, head="\n".join(found.head), comments=found.comments)
    faults = [each.text() for each in load([("flexpay.yaml", text.encode())], allow_secret_commands=True).diagnostics]
    if any("error" in each for each in faults):
        raise OperatorError(
            f"what was found is no manifest that could be applied: {faults[0]}",
            code="E-import-fault",
            hint="the flags may name it otherwise",
        )
    return text


def _wish(
    parts: bootstrap.ControlParts,
    primary: SecretRef,
    fallback: SecretRef,
    *,
    name: str,
    company: str,
    url: str | None,
    account: str | None,
) -> Wish:
    """The type and the environment are what the primary key's prefix says."""
    facts = facts_of(parts.secrets.resolve(primary))
    return Wish(
        integration=name,
        company=company,
        keys=ApiKeys(type=facts.type if facts else KeyType.RESTRICTED, primary=primary, fallback=fallback),
        environment=facts.environment if facts else Environment.SANDBOX,
        account=account,
        url=url,
    )
