"""The signing secrets of endpoints that a plan adopts, from where the manifest says they are.

Read before anything is sent, so that a secret that is not there stops the apply; never shown.
"""

from __future__ import annotations

import re
from typing import Final

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.ports.secrets import SecretReader
from flexpay_reconcile.reconcile.change import Reason
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.values.secret import Secret

_SHAPE: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
"""As the Dashboard shows it under "Signing secret"."""


def adopted_secrets(plan: Plan, configuration: Configuration, secrets: SecretReader) -> dict[str, Secret]:
    """By integration id. OperatorError (KEY_REFUSED) where one is not there, or is no signing secret."""
    found: dict[str, Secret] = {}
    for change in plan.work:
        if change.reason is not Reason.ADOPT:
            continue
        reference = configuration.integrations[change.name].webhook.signing_secret
        if reference is None:
            continue
        secret = secrets.resolve(reference)
        if _SHAPE.fullmatch(secret.reveal()) is None:
            raise OperatorError(
                f"{reference.text()} holds no signing secret of a webhook endpoint (whsec_…)",
                code="E-signing-secret-shape",
                hint=f"copy it from {change.remote_id} in the Dashboard: Developers, Webhooks, Signing secret",
                kind=ErrorKind.KEY_REFUSED,
            )
        found[change.name] = secret
    return found
