"""What a plan would do to money in flight, told by the rules the daemon itself decides with. Reads; writes nothing.

A take-over is told from the book of failing invoices at Stripe, in at most `MOST_GETS` calls however long it is;
everything else from our own cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flexpay_reconcile.billing.forecast import ChangeKind, Consequence, Ending, Fate, Impact
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, ListenTo, Status
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.errors import BrokenInvariant, FlexpayError
from flexpay_reconcile.operations import aims, forecast_book
from flexpay_reconcile.operations.forecast_book import Book
from flexpay_reconcile.ports.book_reader import BookReaderFor
from flexpay_reconcile.ports.configurations import AppliedConfiguration, Configurations
from flexpay_reconcile.ports.control_facts import CaseFacts, ControlFacts
from flexpay_reconcile.recovery import decide as decisions
from flexpay_reconcile.recovery import forecast, migration
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import Decision
from flexpay_reconcile.recovery.final_action import ActionKind
from flexpay_reconcile.recovery.forecast import CANCELLING, Decide, Prospect
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecaster:
    """Everything a forecast may ask. `facts` and `configurations` are None where there is no state yet."""

    books: BookReaderFor
    facts: ControlFacts | None
    configurations: Configurations | None

    def impacts(self, wanted: Configuration, as_of: Instant) -> tuple[Impact, ...]:
        """The impact of making `wanted` the configuration in force, integration by integration, by id."""
        latest = self.configurations.latest() if self.configurations else None
        found: list[Impact] = []
        for name in sorted(wanted.integrations):
            integration = wanted.integrations[name]
            found += self._of_cases(wanted, integration, latest, as_of)
            present = latest.configuration.integrations.get(name) if latest else None
            if self._takes_over(integration) and not (present and _ordered(present)):
                found.append(self._of_book(wanted, integration, latest, as_of))
        return tuple(found)

    # -- take-over --------------------------------------------------------------------------------------------------

    def _takes_over(self, integration: Integration) -> bool:
        """Ordered and not begun: once an integration, ever (G18)."""
        if not _ordered(integration):
            return False
        return self.facts is None or self.facts.take_over_of(str(integration.id)) is None

    def _of_book(
        self, wanted: Configuration, integration: Integration, latest: AppliedConfiguration | None, as_of: Instant
    ) -> Impact:
        known = {each.case.invoice for each in self.facts.cases_of(str(integration.id))} if self.facts else set()
        account = wanted.company_of(integration).stripe_account
        try:
            book = forecast_book.read(self.books(integration, account), as_of)
            prospects = forecast_book.taken_over(
                book, wanted, integration, revision=(latest.revision if latest else 0) + 1, as_of=as_of
            )
            told = tuple(told for each in prospects if (told := _told(each)).invoice not in known)
        except FlexpayError as problem:
            return Impact(integration=integration.id, change=ChangeKind.TAKE_OVER, unseen=problem.message)
        return Impact(integration=integration.id, change=ChangeKind.TAKE_OVER, consequences=told, notes=_notes(book))

    # -- our own cases ----------------------------------------------------------------------------------------------

    def _of_cases(
        self, wanted: Configuration, integration: Integration, latest: AppliedConfiguration | None, as_of: Instant
    ) -> Iterator[Impact]:
        present = latest.configuration.integrations.get(integration.id) if latest else None
        if latest is None or present is None or self.facts is None:
            return
        changes = list(_changes(latest, wanted, integration, present))
        if not changes:
            return
        cases = self.facts.cases_of(str(integration.id))
        before = tuple(_told(self._stands(each, as_of)) for each in cases)
        for change in changes:
            after = tuple(_told(self._after(change, each, wanted, integration, latest, as_of)) for each in cases)
            pairs = [(old, new) for old, new in zip(before, after, strict=True) if old != new or change is not _POLICY]
            if pairs or change is not _POLICY:
                yield Impact(
                    integration=integration.id,
                    change=change,
                    consequences=tuple(new for _, new in pairs),
                    before=tuple(old for old, _ in pairs),
                )

    def _stands(self, facts: CaseFacts, as_of: Instant) -> Prospect:
        """As it would go on without any change."""
        pinned = self._pinned(facts.case.revision)
        agreed = pinned.integration(facts.case.integration_id)
        decide = _decide_with(facts, pinned.policy_of(agreed))
        return forecast.as_it_stands(facts.case, facts.actions, decide, agreed.when_recovery_fails, as_of)

    def _after(
        self,
        change: ChangeKind,
        facts: CaseFacts,
        wanted: Configuration,
        integration: Integration,
        latest: AppliedConfiguration,
        as_of: Instant,
    ) -> Prospect:
        stands = self._stands(facts, as_of)
        if change is ChangeKind.CURRENCY:
            declared = facts.case.amount.currency.code in wanted.currencies
            tried = stands.fate is Fate.POSSIBLE
            parked = replace(stands, fate=Fate.LEFT_ALONE, because="its currency is declared no more: it is parked")
            return stands if declared or not tried else replace(parked, next_attempt_at=None)
        if change is not ChangeKind.POLICY:
            return stands
        old = migration.terms_of(self._pinned(facts.case.revision), integration.id, facts.case.revision)
        new = migration.terms_of(wanted, integration.id, latest.revision + 1)
        moved = migration.moved(facts.case, old, new, facts.actions, blocked=facts.blocked) if old and new else None
        if moved is None or new is None:
            return stands
        if moved.stays_ended:
            ended_by, ended_at = facts.case.ended_by, facts.case.ended_at
            if ended_by is None or ended_at is None:
                return stands
            return forecast.ended(moved.case, ended_by, new.agreed, ended_at, ended_by.value)
        decide = _decide_with(facts, new.policy)
        if moved.case.state not in migration.TRIED_ANEW:
            return forecast.as_it_stands(moved.case, facts.actions, decide, new.agreed, as_of)
        opened = replace(moved.case, state=CaseState.OPENED, due_at=as_of)
        return forecast.what_follows(opened, decide, new.agreed, as_of)

    def _pinned(self, revision: int) -> Configuration:
        found = self.configurations.revision(revision) if self.configurations else None
        if found is None:
            raise BrokenInvariant(f"configuration revision {revision} is not in the state")
        return found.configuration


OLDER = "not all charges of the last 30 days were looked at: an older refusal of a card may make more of these certain"
_POLICY = ChangeKind.POLICY


def _changes(
    latest: AppliedConfiguration, wanted: Configuration, integration: Integration, present: Integration
) -> Iterator[ChangeKind]:
    if present.status is Status.ENABLED and integration.status is Status.DISABLED:
        yield ChangeKind.DISABLED
    old = migration.terms_of(latest.configuration, integration.id, latest.revision)
    new = migration.terms_of(wanted, integration.id, latest.revision + 1)
    if old and new and (migration.differences(old, new) or (new.policy.migrate and not old.policy.migrate)):
        yield ChangeKind.POLICY
    if set(latest.configuration.currencies) - set(wanted.currencies):
        yield ChangeKind.CURRENCY


def _ordered(integration: Integration) -> bool:
    own = integration.webhook.listen_to is ListenTo.ACCOUNT
    return integration.take_over and integration.status is Status.ENABLED and own


def _decide_with(facts: CaseFacts, policy: RetryPolicy) -> Decide:
    """The engine's decision for this card and policy."""

    def decide(case: RecoveryCase, at: Instant) -> Decision:
        return decisions.decide(case, facts.history, policy, aims.aim_for(case, policy, at), at)

    return decide


def _told(prospect: Prospect) -> Consequence:
    """In the words of the plan."""
    case = prospect.case
    cancel = next((each for each in prospect.actions if each.kind in CANCELLING), None)
    ending = Ending.NOTHING
    if cancel is not None:
        ending = Ending.CANCEL if cancel.kind is ActionKind.CANCEL_SUBSCRIPTION else Ending.CANCEL_AT_PERIOD_END
    return Consequence(
        invoice=case.invoice,
        subscription=case.subscription,
        amount=case.amount,
        fate=prospect.fate,
        because=prospect.because,
        ending=ending,
        at=cancel.due_at if cancel else None,
        credit=prospect.credit,
        marked=any(each.kind is ActionKind.MARK_UNCOLLECTIBLE for each in prospect.actions),
        next_attempt_at=prospect.next_attempt_at,
    )


def _notes(book: Book) -> tuple[str, ...]:
    notes = [] if book.whole_history else [OLDER]
    if book.unread:
        notes.append(
            f"{book.unread} invoice(s) count as certain though a later one may be paid, which keeps the customer: "
            "that was not looked at"
        )
    return tuple(notes)
