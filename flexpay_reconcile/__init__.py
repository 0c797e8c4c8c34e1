"""Payment recovery for Stripe Billing, as code.

Two flows live here: the control plane (manifest, plan, apply) and the data plane (event, case, decision,
attempt, outcome, final action). This file imports none of the rooms; docs/ARCHITECTURE.md says which there are
and who may see whom.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"
