"""The Charger port over Stripe: the pay path and nothing else, which its transport enforces.

Decides nothing and never sends a call again, except through the fallback key after a rate-limit 429.
"""

from __future__ import annotations

from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.outcomes import outcome_of
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.attempt import KEY_PREFIX, KeyAlias, pay_params
from flexpay_reconcile.recovery.outcome import Outcome
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId


class StripeCharger:
    """Collects on one integration's invoices."""

    def __init__(self, caller: StripeCaller) -> None:
        """`caller` has the power CHARGE."""
        self._caller = caller

    def pay(
        self,
        invoice: InvoiceId,
        *,
        payment_method: PaymentMethodId,
        idempotency_key: str,
        only_key: KeyAlias | None = None,
    ) -> Outcome:
        """`POST /v1/invoices/{id}/pay` with exactly `pay_params`; a key that is not this invoice's is a bug."""
        if not idempotency_key.startswith(f"{KEY_PREFIX}{self._caller.account}:{invoice}:"):
            raise BrokenInvariant(f"the idempotency key {idempotency_key} does not belong to {invoice}")
        if not payment_method:
            raise BrokenInvariant(f"no payment method was named for {invoice}")
        answer = self._caller.call(
            "POST",
            "/v1/invoices/{id}/pay",
            invoice,
            params=pay_params(payment_method),
            idempotency_key=idempotency_key,
            only_key=only_key,
        )
        return outcome_of(answer, invoice, livemode=self._caller.livemode)
