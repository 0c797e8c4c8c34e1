"""A configuration that a manifest could have given, and changes of it. Real values of the core; nothing is faked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import (
    Integration,
    InvoiceAction,
    ManagedBy,
    Status,
    SubscriptionAction,
    Webhook,
    WhenRecoveryFails,
)
from flexpay_reconcile.config.keys import ApiKeys, Environment, KeyType
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.secret import SecretRef, SecretSource

ACCOUNT = AccountId("acct_1")


def policy(**changes: Any) -> RetryPolicy:
    """The default policy: even, 8 attempts in 28 days, 24 hours apart."""
    return replace(RetryPolicy(id="default"), **changes)


def integration(**changes: Any) -> Integration:
    """A sandbox integration of the one company."""
    return replace(
        Integration(
            id=IntegrationId("acme-us"),
            name="Acme US",
            company="acme",
            environment=Environment.SANDBOX,
            status=Status.ENABLED,
            description="",
            api_keys=ApiKeys(
                type=KeyType.RESTRICTED,
                primary=SecretRef(source=SecretSource.ENV, name="ACME_PRIMARY"),
                fallback=SecretRef(source=SecretSource.FILE, name="/run/secrets/fallback"),
            ),
            webhook=Webhook(managed_by=ManagedBy.FLEXPAY, url="https://recovery.acme.example/webhooks/stripe/acme-us"),
            retry_policy="default",
            when_recovery_fails=WhenRecoveryFails(
                subscription=SubscriptionAction.CANCEL_WITH_DELAY,
                invoice=InvoiceAction.MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS,
            ),
        ),
        **changes,
    )


def configuration(**changes: Any) -> Configuration:
    """One company, one integration, one policy, dollars and euros."""
    return replace(
        Configuration(
            currencies=("EUR", "USD"),
            companies={"acme": Company(id="acme", name="Acme", stripe_account=ACCOUNT)},
            integrations={"acme-us": integration()},
            retry_policies={"default": policy()},
        ),
        **changes,
    )
