"""Warnings of a plan that no check fails for: what a reader should know before saying yes. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.endpoint import EndpointPlan
from flexpay_reconcile.reconcile.kinds import webhook_endpoint
from flexpay_reconcile.reconcile.observed import AccountView
from flexpay_reconcile.reconcile.resource import Unseen
from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity


def about(
    integration: Integration, view: AccountView, planned: EndpointPlan, places: Mapping[str, Place], *, removed: bool
) -> Iterator[Diagnostic]:
    """The warnings for one integration."""
    path = f"integrations.{integration.id}"

    def warn(code: str, message: str, hint: str, part: str) -> Diagnostic:
        place = None if removed else places.get(f"{path}.{part}")
        return Diagnostic(
            severity=Severity.WARNING, code=code, message=message, hint=hint, path=f"{path}.{part}", place=place
        )

    for stranger in planned.strangers:
        yield warn(
            "W-endpoint-stranger",
            f"{stranger.id} carries the marks of {integration.id}, but this state did not make it; it is left alone",
            "if no other installation manages it, delete it in the Dashboard; otherwise rename one integration",
            "webhook",
        )
    for change in planned.changes:
        if change.action is Action.REPLACE and change.reason is Reason.LOST_SECRET:
            yield warn(
                "W-endpoint-lost-secret",
                f"the signing secret of {change.remote_id} is not in this state, so the endpoint must be replaced",
                "if another state manages this endpoint, do not apply: use that state (--state)",
                "webhook",
            )
    if isinstance(view.endpoints, Unseen) or removed:
        return
    mine = {str(integration.id)}
    for other in view.endpoints:
        if other.url == integration.webhook.url and other.metadata.get(webhook_endpoint.INTEGRATION_KEY) not in mine:
            yield warn(
                "W-endpoint-same-url",
                f"{other.id} posts to the same URL without our marks; Stripe would deliver every event twice",
                "delete it in the Dashboard once the new endpoint works, or set managed_by: manual",
                "webhook.url",
            )
