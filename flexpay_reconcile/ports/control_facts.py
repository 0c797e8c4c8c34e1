"""What planning asks about money in flight and accounts heard of: counts and names. Nothing here can charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.final_action import FinalAction
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """A live case, its final actions, what is known of its card, and whether an attempt of it is under way."""

    case: RecoveryCase
    actions: tuple[FinalAction, ...]
    history: CardHistory
    blocked: bool


class ControlFacts(Protocol):
    """Facts of the data plane that a plan shows; the store answers, or the control door does."""

    def live_cases(self) -> dict[str, int]:
        """Cases not in a final state, by integration id."""
        ...

    def cases_of(self, integration_id: str) -> tuple[CaseFacts, ...]:
        """Every case of an integration that is not in a final state, by id; no customer's name is told."""
        ...

    def take_over_of(self, integration_id: str) -> str | None:
        """The record of its take-over as `recovery.take_over` writes it; None where none was ever ordered."""
        ...

    def sample_account(self, integration_id: str) -> AccountId | None:
        """A connected account that was heard of and is not lost, for probing; None before the first."""
        ...
