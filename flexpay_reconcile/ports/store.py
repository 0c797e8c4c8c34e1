"""The data plane's memory: inbox, cases, attempts, card ledger, final actions, transactions, journal, lease.

`begin()` is one unit of work: all of it is committed, durably, or none. No method here calls anything outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from flexpay_reconcile.billing.transaction import Transaction
from flexpay_reconcile.ports.inbox import Inbox
from flexpay_reconcile.ports.rows import Lease, LedgerRow, StoredEntry
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionState, FinalAction
from flexpay_reconcile.recovery.journal import Entry
from flexpay_reconcile.values.ids import AccountId, CaseId, CustomerId, IntegrationId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant, Span


class Cases(Protocol):
    """Recovery cases."""

    def add(self, case: RecoveryCase) -> None:
        """Insert a new case; a second live case for one (account, invoice) is a BrokenInvariant."""
        ...

    def save(self, case: RecoveryCase) -> RecoveryCase:
        """Write it back if `version` still matches, and return it with version + 1; BrokenInvariant when it moved."""
        ...

    def get(self, case_id: CaseId) -> RecoveryCase | None:
        """One case."""
        ...

    def live_for_invoice(self, account: AccountId, invoice: InvoiceId) -> RecoveryCase | None:
        """The case of an invoice that is not in a final state."""
        ...

    def lives_of(self, account: AccountId, invoice: InvoiceId) -> tuple[RecoveryCase, ...]:
        """All cases an invoice ever had, oldest first."""
        ...

    def live_for_subscription(self, account: AccountId, subscription: SubscriptionId) -> tuple[RecoveryCase, ...]:
        """Cases of a subscription not in a final state, oldest first."""
        ...

    def live_for_customer(self, account: AccountId, customer: CustomerId) -> tuple[RecoveryCase, ...]:
        """Cases of a customer not in a final state, oldest first."""
        ...

    def begun_before(
        self, integration_id: IntegrationId, revision: int, after: CaseId | None, limit: int
    ) -> tuple[RecoveryCase, ...]:
        """Cases of an integration that are not final and pinned to an earlier revision, by id, from after `after`."""
        ...

    def due(self, states: Iterable[CaseState], now: Instant, limit: int) -> tuple[RecoveryCase, ...]:
        """Cases in these states with `due_at <= now`, earliest first."""
        ...

    def list(
        self,
        *,
        integration_id: IntegrationId | None = None,
        states: Iterable[CaseState] | None = None,
        limit: int = 1000,
    ) -> tuple[RecoveryCase, ...]:
        """Cases, newest first."""
        ...

    def find(self, text: str) -> tuple[RecoveryCase, ...]:
        """Cases whose id, invoice, subscription or customer equals the text, newest first."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of cases by (integration id, state)."""
        ...


class Attempts(Protocol):
    """Attempts. A unique index keeps at most one blocking attempt per (account, invoice) (invariant A2)."""

    def add(self, attempt: Attempt) -> None:
        """Insert; the same (account, invoice, number) twice is a BrokenInvariant."""
        ...

    def save(self, attempt: Attempt) -> None:
        """Write back; a second blocking attempt for the invoice is a BrokenInvariant."""
        ...

    def get(self, account: AccountId, invoice: InvoiceId, number: int) -> Attempt | None:
        """One attempt."""
        ...

    def of_invoice(self, account: AccountId, invoice: InvoiceId) -> tuple[Attempt, ...]:
        """All attempts over all lives of an invoice, by number."""
        ...

    def due(self, now: Instant, limit: int) -> tuple[Attempt, ...]:
        """PLANNED attempts with `planned_for <= now`, earliest first."""
        ...

    def to_resolve(self, now: Instant, limit: int) -> tuple[Attempt, ...]:
        """SUBMITTING, UNRESOLVED and PENDING attempts with `check_at <= now`, earliest first."""
        ...

    def sent_since(self, integration_id: IntegrationId, since: Instant) -> int:
        """Attempts of an integration whose intent was committed at or after an instant: the budget."""
        ...

    def ended_since(self, integration_id: IntegrationId, since: Instant) -> tuple[Attempt, ...]:
        """Attempts with an answer or known to be unresolved at or after an instant, oldest first (the breaker)."""
        ...


class CardLedger(Protocol):
    """Every charge seen, ours or not, by card."""

    def put(self, rows: Iterable[LedgerRow]) -> int:
        """Insert charges not known by (account, charge id) and fill in a known row's invoice; how many were new."""
        ...

    def of_card(self, account: AccountId, card_key: str, since: Instant) -> tuple[LedgerRow, ...]:
        """Charges on a card created after `since`, oldest first; plus every row with `never`, however old."""
        ...

    def of_payment_method(self, account: AccountId, payment_method: str) -> LedgerRow | None:
        """The newest charge made with a payment method: what tells its fingerprint and network."""
        ...

    def rewrite(self, row: LedgerRow) -> None:
        """Write a known row back."""
        ...

    def of_invoice(self, account: AccountId, invoice: InvoiceId) -> tuple[LedgerRow, ...]:
        """Charges known to be for an invoice, oldest first."""
        ...


class FinalActions(Protocol):
    """Final actions, unique per (case, kind): planned once, done once."""

    def add(self, action: FinalAction) -> bool:
        """Insert; False when the case already has that kind."""
        ...

    def save(self, action: FinalAction) -> None:
        """Write back."""
        ...

    def of_case(self, case_id: CaseId) -> tuple[FinalAction, ...]:
        """All of a case, in order."""
        ...

    def of_subscription(self, subscription: SubscriptionId) -> tuple[FinalAction, ...]:
        """All that name a subscription."""
        ...

    def called_since(self, integration_id: IntegrationId, since: Instant) -> int:
        """Final actions of an integration called at or after an instant (the budget); taking back is not one."""
        ...

    def count(self, states: Iterable[ActionState]) -> int:
        """How many stand in these states."""
        ...


class Transactions(Protocol):
    """Approvals, declines, refunds, as the portal lists them."""

    def put(self, transaction: Transaction) -> None:
        """Insert or bring up to date by (account, id); a known invoice stays; a final refund status never goes back."""
        ...

    def link_invoice(self, account: AccountId, payment_intent: str, invoice: InvoiceId) -> None:
        """Fill in the invoice of the transactions of a PaymentIntent."""
        ...

    def list(self, *, integration_id: IntegrationId | None = None, limit: int = 1000) -> tuple[Transaction, ...]:
        """Newest first."""
        ...

    def oldest_pending(self, integration_id: IntegrationId, account: AccountId, since: Instant) -> Instant | None:
        """When the oldest charge was made whose end is not known, of those not made before `since`."""
        ...


class Journal(Protocol):
    """The story of each case, append-only and hash-chained."""

    def append(self, entry: Entry) -> None:
        """Add to the end of the case's chain."""
        ...

    def of_case(self, case_id: CaseId) -> tuple[StoredEntry, ...]:
        """The whole story, oldest first."""
        ...

    def verify(self, case_id: CaseId) -> bool:
        """Whether the chain is unbroken."""
        ...


class Leases(Protocol):
    """The daemon's lease and fencing token."""

    def acquire(self, holder: str, now: Instant, ttl: Span) -> Lease | None:
        """Take it when free, expired or already ours (then the fence stays); None when somebody else holds it."""
        ...

    def release(self, holder: str) -> None:
        """Give it back; the fence is kept."""
        ...

    def current(self) -> Lease | None:
        """The present lease, expired or not."""
        ...


class Marks(Protocol):
    """Small named facts that must survive a restart: sweep cursors, last progress of loops."""

    def get(self, name: str) -> str | None:
        """The value, if set."""
        ...

    def starting(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Name and value of every mark whose name begins so, by name."""
        ...

    def set(self, name: str, value: str) -> None:
        """Set or replace."""
        ...


class UnitOfWork(Protocol):
    """Everything one transaction can see and change."""

    @property
    def inbox(self) -> Inbox: ...  # noqa: D102
    @property
    def cases(self) -> Cases: ...  # noqa: D102
    @property
    def attempts(self) -> Attempts: ...  # noqa: D102
    @property
    def cards(self) -> CardLedger: ...  # noqa: D102
    @property
    def actions(self) -> FinalActions: ...  # noqa: D102
    @property
    def transactions(self) -> Transactions: ...  # noqa: D102
    @property
    def journal(self) -> Journal: ...  # noqa: D102
    @property
    def leases(self) -> Leases: ...  # noqa: D102
    @property
    def marks(self) -> Marks: ...  # noqa: D102


class Store(Protocol):
    """The port. Errors of the medium (disk full, busy, read-only) come as TryLater; a corrupt file as OperatorError."""

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """One unit of work that may write: locks at once, commits on leaving, rolls back on any error."""
        ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """A consistent view that writes nothing."""
        ...

    def next_due(self) -> Instant | None:
        """The earliest instant at which any loop has work by itself (inbox, attempts, cases); None when idle.

        A case in a final state counts where it has a `due_at`: it owes the taking back of what it scheduled.
        """
        ...
