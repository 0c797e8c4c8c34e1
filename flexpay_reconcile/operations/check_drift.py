"""Checking for drift: what moved at Stripe since the last apply. Cannot write: it is given readers alone.

Reads each integration's endpoints and whose account the keys open, and probes no permission.
"""

from __future__ import annotations

from collections.abc import Mapping

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.operations.plan_manifest import plan_manifest
from flexpay_reconcile.ports.account_reader import AccountReaderFor
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.values.diagnostic import Place
from flexpay_reconcile.values.instant import Instant

MANIFEST = "manifest"
APPLIED = "applied"


def check_drift(
    *,
    readers: AccountReaderFor,
    state: ControlState,
    as_of: Instant,
    wanted: Configuration | None = None,
    places: Mapping[str, Place] | None = None,
) -> Plan:
    """The plan towards `wanted`, or towards what was last applied, made without a probe; its drift is the answer.

    OperatorError when nothing was ever applied: then nothing can have drifted.
    """
    latest = state.latest()
    if latest is None:
        raise OperatorError(
            "nothing was applied yet, so nothing can have drifted",
            code="E-drift-nothing",
            hint="flexpay plan, then flexpay apply",
        )
    configuration = wanted or latest.configuration
    return plan_manifest(
        configuration=configuration,
        places=places or {},
        manifest_digest=configuration.digest(),
        readers=readers,
        state=state,
        as_of=as_of,
        probe=False,
        evidence=True,
    )
