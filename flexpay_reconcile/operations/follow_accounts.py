"""Connected accounts come and go: one that takes our access back is shut and its cases parked, until it is back.

Deauthorisation is heard of by event, or by the first call that is refused; either shuts the account for every gateway.
It is asked again every six hours and at its next event. Holds no writer and charges nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flexpay_reconcile.config.integration import Integration, ListenTo, Status
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import connected, endings
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.account_access import AccountAccess
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.lost_account import CAUSE, LostAccount
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

ASK_AGAIN = Span.of(hours=6)
AFTER_OUTAGE = Span.of(minutes=10)
LIST_EVERY = Span.of(hours=6)
_PREFIX = "lost:"
_PARKED = (CaseState.OPENED, CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER, CaseState.NEEDS_REVIEW)
_GO_ON = (CaseState.ATTEMPTING, CaseState.FINISHING)
_MANY = 1_000_000


def _name(integration: IntegrationId, account: AccountId) -> str:
    return f"{_PREFIX}{integration}:{account}"


def lost_accounts(view: UnitOfWork) -> tuple[LostAccount, ...]:
    """All that are lost now."""
    return tuple(LostAccount.from_text(text) for _, text in view.marks.starting(_PREFIX) if text)


def next_look(context: Context) -> Instant | None:
    """When a lost account is to be asked again, or the list of accounts read again."""
    running = context.running()
    if running is None:
        return None
    with context.store.reading() as view:
        dues = [each.check_at for each in lost_accounts(view)]
        dues += [_list_at(view, running, each) for each in _listening(running)]
    return min(dues, default=None)


def lose(context: Context, integration: IntegrationId, account: AccountId, because: str, check_at: Instant) -> None:
    """Write that the account is lost, and park its open cases. What may be under way stays, to be asked about."""
    now = context.clock.now()
    words = f"{account} lets this platform act for it no more: {because}"
    with context.store.begin() as unit:
        known = unit.marks.get(_name(integration, account))
        if known:
            record = LostAccount.from_text(known)
            unit.marks.set(_name(integration, account), replace(record, check_at=min(record.check_at, check_at)).text())
            return
        made = LostAccount(account=account, integration=integration, lost_at=now, check_at=check_at, because=words)
        unit.marks.set(_name(integration, account), made.text())
        for case in _cases(unit, integration, account, _PARKED):
            endings.parked(unit, case, CAUSE, words, now)
        for case in _cases(unit, integration, account, _GO_ON):
            text = f"Nothing is sent for now: {words}"
            unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.NOTE, text=text, facts={"cause": CAUSE}))
    LOG.error(
        "a connected account was lost", extra={"integration": integration, "account": account, "because": because}
    )


def hear(context: Context, integration: IntegrationId, account: AccountId, at: Instant) -> None:
    """An event of a lost account that is younger than its loss: ask soon whether it is back."""
    name = _name(integration, account)
    with context.store.reading() as view:
        text = view.marks.get(name)
    if text and LostAccount.from_text(text).lost_at < at:
        with context.store.begin() as unit:
            text = unit.marks.get(name)
            if text:
                unit.marks.set(name, replace(LostAccount.from_text(text), check_at=context.clock.now()).text())


def _cases(
    unit: UnitOfWork, integration: IntegrationId, account: AccountId, states: tuple[CaseState, ...]
) -> list[RecoveryCase]:
    found = unit.cases.list(integration_id=integration, states=states, limit=_MANY)
    return [each for each in found if each.account == account]


def _regain(context: Context, record: LostAccount) -> None:
    """The account lets us in: its cases look at Stripe now, and go on with the time they lost (E8)."""
    now = context.clock.now()
    with context.store.begin() as unit:
        unit.marks.set(_name(record.integration, record.account), "")
        for case in _cases(unit, record.integration, record.account, (CaseState.PARKED, CaseState.FINISHING)):
            if case.state is CaseState.FINISHING or case.closed_because == CAUSE:
                unit.cases.save(replace(case, due_at=now))
    LOG.info("a connected account is back", extra={"integration": record.integration, "account": record.account})


@dataclass(slots=True, kw_only=True)
class Accounts:
    """One process's turn over connected accounts: what the gateways met is written, what is written is kept shut."""

    context: Context
    access: AccountAccess
    _written: set[tuple[IntegrationId, AccountId]] = field(default_factory=set)

    def turn(self) -> int:
        """Bring both into line, ask what is due, list what is connected; returns how many accounts came back."""
        running = self.context.running()
        if running is None:
            return 0
        self._write_refusals()
        with self.context.store.reading() as view:
            lost = lost_accounts(view)
        for each in lost:
            self.access.close(each.integration, each.account, each.because)
            self._written.add((each.integration, each.account))
        now = self.context.clock.now()
        back = sum(self._ask(running, each) for each in lost if each.check_at <= now)
        self._list(running)
        return back

    def _write_refusals(self) -> None:
        """A refusal of this process is written once; what another process wrote off is open again here."""
        for (integration, account), because in self.access.shut().items():
            with self.context.store.reading() as view:
                known = view.marks.get(_name(integration, account))
            if known:
                continue
            if (integration, account) in self._written:
                self._written.discard((integration, account))
                self.access.open(integration, account)
            else:
                lose(self.context, integration, account, because, self.context.clock.now().plus(ASK_AGAIN))

    def _ask(self, running: AppliedConfiguration, record: LostAccount) -> int:
        """One question; whatever the answer, the next is later."""
        integration = running.configuration.integrations.get(record.integration)
        pause, back = ASK_AGAIN, False
        try:
            if integration is not None and running.configuration.acts_for(integration, record.account):
                back = self.access.ask(integration, record.account)
        except (TryLater, OperatorError) as problem:
            pause = AFTER_OUTAGE
            facts = {"account": record.account, "because": problem.message}
            LOG.warning("not known whether a lost account is back", extra=facts)
        if back:
            _regain(self.context, record)
            self._written.discard((record.integration, record.account))
            self.access.open(record.integration, record.account)
            return 1
        later = self.context.clock.now().plus(pause)
        with self.context.store.begin() as unit:
            if unit.marks.get(_name(record.integration, record.account)):
                unit.marks.set(_name(record.integration, record.account), replace(record, check_at=later).text())
        return 0

    def _list(self, running: AppliedConfiguration) -> None:
        """Claim the accounts of the manifest's list, or those Stripe lists where the key may read them."""
        for integration in _listening(running):
            now = self.context.clock.now()
            with self.context.store.reading() as view:
                if _list_at(view, running, integration) > now:
                    continue
            pause = LIST_EVERY
            found = integration.webhook.connected_accounts
            if not found:
                try:
                    found = self.access.listed(integration)
                except OperatorError:
                    LOG.debug("connected accounts are learnt from events alone", extra={"integration": integration.id})
                except TryLater:
                    pause = AFTER_OUTAGE
            for account in found:
                connected.claim(self.context, running, integration, account)
            with self.context.store.begin() as unit:
                unit.marks.set(_list_name(running, integration), now.plus(pause).text())


def _listening(running: AppliedConfiguration) -> tuple[Integration, ...]:
    """The integrations that look for connected accounts."""
    return tuple(
        each
        for each in running.configuration.integrations.values()
        if each.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS and each.status is Status.ENABLED
    )


def _list_name(running: AppliedConfiguration, integration: Integration) -> str:
    """A new revision may name other accounts: it is looked at anew."""
    return f"accounts:{integration.id}:{running.revision}"


def _list_at(view: UnitOfWork, running: AppliedConfiguration, integration: Integration) -> Instant:
    text = view.marks.get(_list_name(running, integration))
    return Instant.from_text(text) if text else running.applied_at
