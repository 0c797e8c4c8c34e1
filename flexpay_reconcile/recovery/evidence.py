"""What Stripe said about a refusal, as evidence for `declines.classify`. Judges nothing."""

from __future__ import annotations

from flexpay_reconcile.billing.charge import Charge, RefusalFacts
from flexpay_reconcile.declines.evidence import Evidence


def evidence_of(refusal: RefusalFacts, charge: Charge | None, network: str | None = None) -> Evidence:
    """All evidence in one place: the error of the call, filled up with what the charge says."""
    more = charge.refusal if charge is not None and charge.refusal is not None else RefusalFacts()
    return Evidence(
        network=(charge.network if charge is not None else None) or network,
        payment_method_type=charge.payment_method_type if charge is not None else None,
        error_code=refusal.error_code or more.error_code,
        decline_code=refusal.decline_code or more.decline_code,
        advice_code=refusal.advice_code or more.advice_code,
        network_decline_code=refusal.network_decline_code or more.network_decline_code,
        network_advice_code=refusal.network_advice_code or more.network_advice_code,
        outcome_type=refusal.outcome_type or more.outcome_type,
        outcome_reason=refusal.outcome_reason or more.outcome_reason,
        network_status=refusal.network_status or more.network_status,
        card_country=charge.country if charge is not None else None,
        requires_action=refusal.requires_action or more.requires_action,
    )
