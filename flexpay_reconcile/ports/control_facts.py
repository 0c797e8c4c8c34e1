"""What planning asks about money in flight and accounts heard of: counts and names. Nothing here can charge."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.values.ids import AccountId


class ControlFacts(Protocol):
    """Facts of the data plane that a plan shows; the store answers, or the control door does."""

    def live_cases(self) -> dict[str, int]:
        """Cases not in a final state, by integration id."""
        ...

    def sample_account(self, integration_id: str) -> AccountId | None:
        """A connected account that was heard of and is not lost, for probing; None before the first."""
        ...
