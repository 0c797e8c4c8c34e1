"""Recovery cases, with optimistic locking by version. Judges no move; `recovery.transitions` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, load_all, load_one, ms, state_list
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.values.ids import AccountId, CaseId, CustomerId, IntegrationId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("cases")


class SqliteCases:
    """The cases within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def add(self, case: RecoveryCase) -> None:
        """Insert a new case; a second live case for one (account, invoice) is a BrokenInvariant."""
        row = _moving(case) | {
            "subscription": case.subscription,
            "customer": case.customer,
            "account": case.account,
            "invoice": case.invoice,
            "life": case.life,
            "integration_id": case.integration_id,
            "opened_at": case.opened_at.ms,
        }
        self._session.change(_SQL["add"], row)

    def save(self, case: RecoveryCase) -> RecoveryCase:
        """Write it back if `version` still matches, and return it with version + 1; BrokenInvariant when it moved."""
        following = dataclasses.replace(case, version=case.version + 1)
        if self._session.change(_SQL["save"], _moving(following)) != 1:
            raise BrokenInvariant(f"case {case.id} is no longer at version {case.version}")
        return following

    def get(self, case_id: CaseId) -> RecoveryCase | None:
        """One case."""
        return load_one(RecoveryCase, self._session.one(_SQL["get"], {"id": case_id}))

    def live_for_invoice(self, account: AccountId, invoice: InvoiceId) -> RecoveryCase | None:
        """The case of an invoice that is not in a final state."""
        wanted = {"account": account, "invoice": invoice}
        return load_one(RecoveryCase, self._session.one(_SQL["live_for_invoice"], wanted))

    def lives_of(self, account: AccountId, invoice: InvoiceId) -> tuple[RecoveryCase, ...]:
        """All cases an invoice ever had, oldest first."""
        return self._several("lives_of", {"account": account, "invoice": invoice})

    def live_for_subscription(self, account: AccountId, subscription: SubscriptionId) -> tuple[RecoveryCase, ...]:
        """Cases of a subscription not in a final state, oldest first."""
        return self._several("live_for_subscription", {"account": account, "subscription": subscription})

    def live_for_customer(self, account: AccountId, customer: CustomerId) -> tuple[RecoveryCase, ...]:
        """Cases of a customer not in a final state, oldest first."""
        return self._several("live_for_customer", {"account": account, "customer": customer})

    def begun_before(
        self, integration_id: IntegrationId, revision: int, after: CaseId | None, limit: int
    ) -> tuple[RecoveryCase, ...]:
        """Open cases pinned to an earlier revision, by id, beginning after one."""
        wanted = {"integration_id": integration_id, "revision": revision, "after": after or "", "limit": limit}
        return self._several("begun_before", wanted)

    def due(self, states: Iterable[CaseState], now: Instant, limit: int) -> tuple[RecoveryCase, ...]:
        """Cases in these states with `due_at <= now`, earliest first."""
        return self._several("due", {"states": state_list(states), "now": now.ms, "limit": limit})

    def list(
        self,
        *,
        integration_id: IntegrationId | None = None,
        states: Iterable[CaseState] | None = None,
        limit: int = 1000,
    ) -> tuple[RecoveryCase, ...]:
        """Cases, newest first."""
        wanted = None if states is None else state_list(states)
        return self._several("list", {"integration_id": integration_id, "states": wanted, "limit": limit})

    def find(self, text: str) -> tuple[RecoveryCase, ...]:
        """Cases whose id, invoice, subscription or customer equals the text, newest first."""
        return self._several("find", {"text": text})

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of cases by (integration id, state)."""
        return {(str(row[0]), str(row[1])): int(row[2]) for row in self._session.all(_SQL["counts"])}

    def _several(self, query: str, parameters: dict[str, Any]) -> tuple[RecoveryCase, ...]:
        return load_all(RecoveryCase, self._session.all(_SQL[query], parameters))


def _moving(case: RecoveryCase) -> dict[str, Any]:
    """The columns that may change over a case's life, and its id."""
    return {
        "id": case.id,
        "state": case.state.value,
        "live": 0 if case.is_final() else 1,
        "version": case.version,
        "due_at": ms(case.due_at),
        "body": dump(case),
    }
