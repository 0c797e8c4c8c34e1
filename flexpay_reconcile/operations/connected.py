"""Whose account an integration acts for: claimed when it is first heard of, one integration an account and mode (D9).

An integration acts for its own account or for connected ones, never for both. Reads and writes marks; calls nothing.
"""

from __future__ import annotations

from flexpay_reconcile.config.integration import Integration, ListenTo, Status
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant


def _prefix(integration: Integration) -> str:
    return f"connected:{integration.environment.value}:"


def claim(context: Context, running: AppliedConfiguration, integration: Integration, account: AccountId) -> bool:
    """Whether this integration acts for the account; a connected one belongs to whoever heard of it first."""
    if not running.configuration.acts_for(integration, account):
        return False
    if integration.webhook.listen_to is ListenTo.ACCOUNT:
        return True
    name = _prefix(integration) + account
    with context.store.reading() as view:
        known = view.marks.get(name)
    if known is None or _free(running, integration, account, known):
        with context.store.begin() as unit:
            known = unit.marks.get(name)
            if known is None or _free(running, integration, account, known):
                known = f"{integration.id} {context.clock.now().text()}"
                unit.marks.set(name, known)
                LOG.info("acts for a connected account", extra={"integration": integration.id, "account": account})
    return known.partition(" ")[0] == integration.id


def _free(running: AppliedConfiguration, integration: Integration, account: AccountId, known: str) -> bool:
    """Whether the integration that claimed it acts for it no more."""
    owner = running.configuration.integrations.get(known.partition(" ")[0])
    if owner is None or owner.id == integration.id:
        return owner is None
    acts = owner.status is Status.ENABLED and owner.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS
    same_mode = owner.environment is integration.environment
    return not (acts and same_mode and running.configuration.acts_for(owner, account))


def accounts_of(
    view: UnitOfWork, running: AppliedConfiguration, integration: Integration
) -> tuple[tuple[AccountId, Instant | None], ...]:
    """The accounts it acts for, each with when that was first known; None for its own account."""
    configuration = running.configuration
    if integration.webhook.listen_to is ListenTo.ACCOUNT:
        return ((configuration.company_of(integration).stripe_account, None),)
    prefix, found = _prefix(integration), []
    for name, value in view.marks.starting(prefix):
        owner, _, since = value.partition(" ")
        account = AccountId(name.removeprefix(prefix))
        if owner == integration.id and configuration.acts_for(integration, account):
            found.append((account, Instant.from_text(since)))
    return tuple(found)
