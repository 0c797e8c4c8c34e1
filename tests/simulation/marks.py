"""Named situations a campaign must meet: how often each was seen in one run. One that no seed meets is a blind spot.

Read from what happened (calls, attempts, cases, journal, deliveries), never from what was drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flexpay_reconcile.ports.rows import InboxState
from flexpay_reconcile.recovery.attempt import AttemptState, KeyAlias
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from tests.simulation.fleet import Fleet
from tests.simulation.judges import our_charges
from tests.simulation.recipe import Recipe
from tests.simulation.rig import Request


@dataclass(slots=True, kw_only=True)
class Seen:
    """All that one run left behind."""

    fleet: Fleet
    recipe: Recipe
    met: Counter[str]
    cases: list[Any] = field(default_factory=list)
    attempts: list[Any] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    inbox: dict[str, int] = field(default_factory=dict)
    fence: int = 0

    def __post_init__(self) -> None:
        """Read the store once."""
        with self.fleet.parts.store.reading() as view:
            self.cases = list(view.cases.list(limit=10_000))
            for case in self.cases:
                self.attempts += view.attempts.of_invoice(case.account, case.invoice)
                self.actions += view.actions.of_case(case.id)
                self.words += [each.entry.text for each in view.journal.of_case(case.id)]
            self.inbox = view.inbox.counts()
            lease = view.leases.current()
            self.fence = lease.fence if lease else 0

    def pays(self, status: int | None, code: str = "") -> int:
        """How many `pay` were answered so."""
        return sum(each.status == status and (not code or code in _codes(each)) for each in self.fleet.pays())

    def told(self, words: str) -> int:
        """How many journal lines hold the words."""
        return sum(words in each for each in self.words)


def _codes(request: Request) -> str:
    error = (request.answer or {}).get("error") or {}
    return f"{error.get('code')} {error.get('decline_code')}"


def _count(found: Iterable[object]) -> int:
    return sum(map(bool, found))


def _state(state: CaseState) -> Callable[[Seen], int]:
    return lambda seen: _count(each.state is state for each in seen.cases)


def _attempt(state: AttemptState) -> Callable[[Seen], int]:
    return lambda seen: _count(each.state is state for each in seen.attempts)


def _action(kind: ActionKind, state: ActionState) -> Callable[[Seen], int]:
    return lambda seen: _count(each.kind is kind and each.state is state for each in seen.actions)


def _met(name: str) -> Callable[[Seen], int]:
    return lambda seen: seen.met[name]


def _closed(word: str) -> Callable[[Seen], int]:
    return lambda seen: _count(each.closed_because == word for each in seen.cases)


def _declined(reason: str) -> Callable[[Seen], int]:
    return lambda seen: _count(each.decline_reason == reason for each in seen.attempts)


def _told(words: str) -> Callable[[Seen], int]:
    return lambda seen: seen.told(words)


def _debits(seen: Seen, status: str) -> int:
    ours = our_charges(seen.fleet)
    rows = {row["id"]: row for row in seen.fleet.charges() if row["id"] in ours}
    return _count(each["brand"] == "us_bank_account" and each["status"] == status for each in rows.values())


def _older(seen: Seen) -> int:
    now = {each.invoice: each.revision for each in seen.cases}
    return _count(each.revision < now[each.invoice] for each in seen.attempts)


MARKS: dict[str, Callable[[Seen], int]] = {
    **{
        f"a case ends {state.value}": _state(state)
        for state in CaseState
        if state.value in ("recovered", "recovered_elsewhere", "exhausted", "hard_declined", "closed")
    },
    "a case needs a person at the end": _state(CaseState.NEEDS_REVIEW),
    **{
        f"an attempt ends {state.value}": _attempt(state)
        for state in (AttemptState.APPROVED, AttemptState.DECLINED, AttemptState.NOT_SUBMITTED, AttemptState.SUPERSEDED)
    },
    "an attempt is sent twice under one key": lambda seen: _count(each.sends > 1 for each in seen.attempts),
    "an attempt goes by the fallback key": lambda seen: _count(
        each.key_alias is KeyAlias.FALLBACK and each.sends for each in seen.attempts
    ),
    "a lost answer is settled by reading": _told("Settled by reading"),
    "a call is replayed with its own key": _told("calling again with the same key"),
    "a call turns out never to have been executed": _told("Not executed"),
    "somebody paid just before our call": _told("somebody else paid it"),
    "a pay without any answer": lambda seen: seen.pays(None),
    "a pay that succeeds": lambda seen: seen.pays(200),
    "a pay that meets a rate limit": lambda seen: seen.pays(429),
    "a pay whose key is in flight": lambda seen: seen.pays(409),
    "a pay answered 500": lambda seen: seen.pays(500),
    "a pay answered by a proxy": lambda seen: seen.pays(502) + seen.pays(503) + seen.pays(504),
    "a pay with a revoked key": lambda seen: seen.pays(401),
    "a pay without permission": lambda seen: seen.pays(403),
    "a pay of a lost card": lambda seen: seen.pays(402, "lost_card"),
    "a pay that asks for authentication": lambda seen: seen.pays(402, "requires_action"),
    "a pay refused with an unknown code": _declined("unknown:never_heard_of"),
    "a pay refused by the account's own rule": _declined("outcome:rule"),
    "a gate closes between intent and call": _told("Not tried"),
    "a case is parked": _told("Parked"),
    "the card changes while a case is open": lambda seen: seen.told("new card") + seen.told("card has changed"),
    "two invoices of one subscription fail": lambda seen: sum(
        count > 1 for count in Counter(each.subscription for each in seen.cases).values()
    ),
    "two subscriptions of one customer fail": lambda seen: sum(
        len({each.subscription for each in seen.cases if each.customer == name}) > 1
        for name in {each.customer for each in seen.cases}
    ),
    "a subscription is cancelled by us": _action(ActionKind.CANCEL_SUBSCRIPTION, ActionState.DONE),
    "a cancellation is scheduled for the period's end": _action(ActionKind.SCHEDULE_CANCEL, ActionState.DONE),
    "a final action is taken back": _action(ActionKind.CANCEL_SUBSCRIPTION, ActionState.SKIPPED),
    "an invoice is written off by us": _action(ActionKind.MARK_UNCOLLECTIBLE, ActionState.DONE),
    "an invoice is tagged": _action(ActionKind.TAG_INVOICE, ActionState.DONE),
    "a paying customer is kept": _closed("kept_paying_customer"),
    "an invoice is voided by somebody": _closed("voided"),
    "an invoice is written off by somebody": _closed("uncollectible_by_other"),
    "a subscription is cancelled by somebody": _closed("subscription_cancelled_by_other"),
    "a case is taken over": _told("Taken over"),
    "Stripe's own retries are stopped": _told("own retries of this invoice were stopped"),
    "Stripe's own engine charges an open invoice": lambda seen: _count(
        row["source"] == "stripe" and row["status"] == "failed" for row in seen.fleet.charges()
    ),
    "an event is set aside for a person": lambda seen: seen.inbox.get(InboxState.DEAD.value, 0),
    "the lease changes hands": lambda seen: max(0, seen.fence - 1),
    "three daemons share the work": lambda seen: int(len(seen.fleet.daemons) == 3),
    "a debit of ours is on its way": lambda seen: seen.pays(200) and seen.told("the answer comes later"),
    "a debit of ours is paid": lambda seen: _debits(seen, "succeeded"),
    "a debit of ours comes back": lambda seen: _debits(seen, "failed"),
    "a scheduled end is taken back": _action(ActionKind.TAKE_BACK, ActionState.DONE),
    "a connected account leaves": _met("account left"),
    "an account that left has open cases": _told("act for it no more"),
    "somebody acts while a call is unresolved": _met("second thoughts"),
    "somebody acts between intent and reads": _met("late news"),
    "many fall due in one second": lambda seen: int(seen.recipe.has("crowd") and len(seen.attempts) > 2),
    "a clock is ahead for weeks": _met("ahead"),
    "a policy is changed and open cases stay": _met("a policy that does not move"),
    "a policy is changed and open cases move": _met("a policy that moves"),
    "a case moves to a changed policy": _told("Moved from revision"),
    "an attempt is older than its case's revision": _older,
    "no delivery ever arrives": lambda seen: int(seen.recipe.has("deaf") and bool(seen.cases)),
    "a daemon dies": _met("crashes"),
    "a daemon stands still at work": _met("pauses"),
    "a commit fails": _met("store"),
    "a commit is made and reported as failed": _met("unknown commit"),
    "a clock jumps": _met("clock"),
    "everything is down": _met("downtime"),
    "a storm of rate limits": _met("storms"),
    "a permission is taken away": _met("permission taken"),
    "a key is revoked": _met("key revoked"),
    "a customer is deleted": _met("delete"),
    "a payment is refunded": _met("refund"),
    "a payment is disputed": _met("dispute"),
    "a part is paid": _met("part_payment"),
    "a card is attached and made nobody's default": _met("attach_card"),
    "an event of another mode or account is refused": _met("foreign_event"),
    "somebody acts between read and call": _met("meddling"),
    **{
        f"a delivery is {kind}": _met(f"delivery: {kind}")
        for kind in (
            "lost",
            "missed",
            "duplicated",
            "twin",
            "delayed",
            "slow",
            "wrong_version",
            "new_enum",
            "unknown_type",
            "truncated",
            "bad_signature",
            "stale",
            "future",
        )
    },
    **{
        f"calls meet {family}": _met(f"call: {family}")
        for family in ("silence", "server", "limits", "garbage", "slowness")
    },
}
"""Name of a situation to how often one run met it."""


def marks_of(seen: Seen) -> Counter[str]:
    """Every mark that was met, and how often."""
    return Counter({name: count for name, look in MARKS.items() if (count := look(seen))})
