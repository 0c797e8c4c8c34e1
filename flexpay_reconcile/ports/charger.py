"""The one port that can take money. Only `submit_attempt` and `resolve_attempt` may import it (import law 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import Outcome
from flexpay_reconcile.values.ids import AccountId, InvoiceId, PaymentMethodId


class Charger(Protocol):
    """`POST /v1/invoices/{id}/pay`, nothing else. Never raises for a decline or a broken connection."""

    def pay(
        self,
        invoice: InvoiceId,
        *,
        payment_method: PaymentMethodId,
        idempotency_key: str,
        only_key: KeyAlias | None = None,
    ) -> Outcome:
        """Try to collect, with SDK retries off and a timeout of at most 30 s.

        The fallback key is used on a rate-limit 429 of the primary only; `only_key` pins one key (a replay).
        """
        ...


ChargerFor = Callable[[Integration, AccountId], Charger]
"""The charger of an integration for one account it acts for: its own, or a connected one."""
"""Gives the charger of an integration; OperatorError when its keys cannot be resolved."""
