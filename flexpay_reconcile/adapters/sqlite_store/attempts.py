"""Attempts. Indexes of the database keep one in flight for an invoice (A2) and one key for an attempt (A4).

Sends nothing and plans nothing.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, load_all, load_one, ms
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.values.ids import AccountId, IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("attempts")
_TOLD = frozenset(
    {
        AttemptState.APPROVED,
        AttemptState.DECLINED,
        AttemptState.PENDING,
        AttemptState.UNRESOLVED,
        AttemptState.NOT_SUBMITTED,
    }
)
"""States that say something about how calls go; the breaker judges by them."""


class SqliteAttempts:
    """The attempts within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def add(self, attempt: Attempt) -> None:
        """Insert; the same (account, invoice, number) twice is a BrokenInvariant."""
        row = _columns(attempt) | {
            "case_id": attempt.case_id,
            "integration_id": attempt.integration_id,
            "idempotency_key": attempt.idempotency_key,
        }
        self._session.change(_SQL["add"], row)

    def save(self, attempt: Attempt) -> None:
        """Write back; a second blocking attempt for the invoice is a BrokenInvariant."""
        if self._session.change(_SQL["save"], _columns(attempt)) != 1:
            raise BrokenInvariant(f"attempt {attempt.idempotency_key} was never added")

    def get(self, account: AccountId, invoice: InvoiceId, number: int) -> Attempt | None:
        """One attempt."""
        wanted = {"account": account, "invoice": invoice, "number": number}
        return load_one(Attempt, self._session.one(_SQL["get"], wanted))

    def of_invoice(self, account: AccountId, invoice: InvoiceId) -> tuple[Attempt, ...]:
        """All attempts over all lives of an invoice, by number."""
        return self._several("of_invoice", {"account": account, "invoice": invoice})

    def due(self, now: Instant, limit: int) -> tuple[Attempt, ...]:
        """PLANNED attempts with `planned_for <= now`, earliest first."""
        return self._several("due", {"now": now.ms, "limit": limit})

    def to_resolve(self, now: Instant, limit: int) -> tuple[Attempt, ...]:
        """SUBMITTING, UNRESOLVED and PENDING attempts with `check_at <= now`, earliest first."""
        return self._several("to_resolve", {"now": now.ms, "limit": limit})

    def sent_since(self, integration_id: IntegrationId, since: Instant) -> int:
        """Attempts of an integration whose intent was committed at or after an instant."""
        wanted = {"integration_id": integration_id, "since": since.ms}
        return int(self._session.value(_SQL["sent_since"], wanted))

    def ended_since(self, integration_id: IntegrationId, since: Instant) -> tuple[Attempt, ...]:
        """Attempts with an answer or known to be unresolved at or after an instant, oldest first."""
        return self._several("ended_since", {"integration_id": integration_id, "since": since.ms})

    def _several(self, query: str, parameters: dict[str, Any]) -> tuple[Attempt, ...]:
        return load_all(Attempt, self._session.all(_SQL[query], parameters))


def _columns(attempt: Attempt) -> dict[str, Any]:
    """Every column but those that never change."""
    return {
        "account": attempt.account,
        "invoice": attempt.invoice,
        "number": attempt.number,
        "revision": attempt.revision,
        "state": attempt.state.value,
        "params_hash": attempt.params_hash,
        "key_alias": None if attempt.key_alias is None else attempt.key_alias.value,
        "fence": attempt.fence,
        "planned_for": attempt.planned_for.ms,
        "intent_at": ms(attempt.intent_at),
        "first_sent_at": ms(attempt.first_sent_at),
        "check_at": ms(attempt.check_at),
        "ended_at": ms(_ended_at(attempt)),
        "body": dump(attempt),
    }


def _ended_at(attempt: Attempt) -> Instant | None:
    """When its answer, or the lack of one, was known; None while there is nothing to judge by."""
    if attempt.state is AttemptState.PLANNED:
        return attempt.finished_at  # set when an earlier call surely executed nothing and the same key will go again
    if attempt.state not in _TOLD:
        return None
    known = [each for each in (attempt.finished_at, attempt.last_sent_at) if each is not None]
    return max(known) if known else attempt.intent_at
