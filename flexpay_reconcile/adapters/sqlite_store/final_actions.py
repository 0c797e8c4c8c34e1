"""Final actions, planned once for each case and kind. Carries none out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, load_all, ms, state_list
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.final_action import ActionState, FinalAction
from flexpay_reconcile.values.ids import CaseId, IntegrationId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("actions")


class SqliteFinalActions:
    """The final actions within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def add(self, action: FinalAction) -> bool:
        """Insert; False when the case already has that kind."""
        row = _columns(action) | {
            "integration_id": action.integration_id,
            "subscription": action.subscription,
        }
        return self._session.change(_SQL["add"], row) == 1

    def save(self, action: FinalAction) -> None:
        """Write back."""
        if self._session.change(_SQL["save"], _columns(action)) != 1:
            raise BrokenInvariant(f"final action {action.kind.value} of {action.case_id} was never planned")

    def of_case(self, case_id: CaseId) -> tuple[FinalAction, ...]:
        """All of a case, in order."""
        return load_all(FinalAction, self._session.all(_SQL["of_case"], {"case_id": case_id}))

    def of_subscription(self, subscription: SubscriptionId) -> tuple[FinalAction, ...]:
        """All that name a subscription."""
        return load_all(FinalAction, self._session.all(_SQL["of_subscription"], {"subscription": subscription}))

    def called_since(self, integration_id: IntegrationId, since: Instant) -> int:
        """Final actions of an integration called at or after an instant (the budget)."""
        wanted = {"integration_id": integration_id, "since": since.ms}
        return int(self._session.value(_SQL["called_since"], wanted))

    def count(self, states: Iterable[ActionState]) -> int:
        """How many stand in these states."""
        return int(self._session.value(_SQL["count"], {"states": state_list(states)}))


def _columns(action: FinalAction) -> dict[str, Any]:
    return {
        "case_id": action.case_id,
        "kind": action.kind.value,
        "position": action.order,
        "state": action.state.value,
        "called_at": ms(action.called_at),
        "body": dump(action),
    }
