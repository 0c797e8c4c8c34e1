"""A case explained: what happened, what was decided and why, what comes next and when, and how it ends unpaid.

Pure: case, attempts, journal and agreed policy in; sentences and plain values out. Reads no store and decides nothing.
Sentences stand in `report_words`; `report_text` lays them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.config.integration import WhenRecoveryFails
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.recovery import report_words as words
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import allowed_attempts
from flexpay_reconcile.recovery.final_action import OPEN_STATES, ActionKind, FinalAction
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.windows import Bound
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

FORMAT_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything a report is made of. `attempts` are all of the invoice, over all its lives; `entries` oldest first.

    `bounds` are the rules as they stood when the attempt that is planned now was decided; empty when none is.
    """

    case: RecoveryCase
    attempts: tuple[Attempt, ...]
    entries: tuple[Entry, ...]
    actions: tuple[FinalAction, ...]
    bounds: tuple[Bound, ...]
    policy: RetryPolicy
    agreed: WhenRecoveryFails
    integration_name: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAsked:
    """One rule that was asked for the planned moment, and whether it moved it."""

    rule: str
    not_before: Instant
    because: str
    moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What comes next by itself. `at` is None when nothing does, or when the moment is not ours to know."""

    what: str
    at: Instant | None
    sentence: str
    because: tuple[str, ...] = ()
    rules: tuple[RuleAsked, ...] = ()


def planned_attempt(case: RecoveryCase, attempts: tuple[Attempt, ...]) -> Attempt | None:
    """The attempt the case waits for, or has under way."""
    standing = BLOCKING_STATES | {AttemptState.PLANNED}
    return next((each for each in attempts if each.case_id == case.id and each.state in standing), None)


def next_of(material: Material) -> Next:
    """What comes next."""
    case, policy = material.case, material.policy
    attempt = planned_attempt(case, material.attempts)
    if case.state is CaseState.SCHEDULED and attempt is not None:
        count = f"{case.attempts_used + 1} of {allowed_attempts(policy)}"
        return Next(
            what="attempt",
            at=attempt.planned_for,
            sentence=words.attempt_planned(count, attempt),
            because=attempt.because,
            rules=tuple(_asked(each, attempt) for each in material.bounds),
        )
    if case.state is CaseState.ATTEMPTING and attempt is not None:
        return Next(what="answer", at=attempt.check_at, sentence=words.under_way(attempt))
    if case.state is CaseState.FINISHING:
        open_ones = [each for each in material.actions if each.state in OPEN_STATES]
        at = open_ones[0].due_at if open_ones else case.due_at
        if open_ones and open_ones[0].kind is ActionKind.AWAIT_END:
            at = case.due_at
        return Next(what="final_action", at=at, sentence=words.finishing(case, tuple(each.kind for each in open_ones)))
    owed = next((each for each in material.actions if each.kind is ActionKind.TAKE_BACK), None)
    if case.is_final() and owed is not None and owed.state in OPEN_STATES:
        return Next(what="take_back", at=case.due_at, sentence=words.TAKEN_BACK)
    what, sentence = words.waiting(case)
    return Next(what=what, at=case.due_at, sentence=sentence, because=_last_reasons(material))


def _asked(bound: Bound, attempt: Attempt) -> RuleAsked:
    moved = any(bound.because in reason for reason in attempt.because if reason.startswith("moved"))
    return RuleAsked(rule=bound.rule, not_before=bound.not_before, because=bound.because, moved=moved)


def _last_reasons(material: Material) -> tuple[str, ...]:
    """The reasons of the last decision, while it still holds."""
    if material.case.is_final():
        return ()
    for entry in reversed(material.entries):
        if entry.kind is EntryKind.DECIDED:
            return tuple(each for each in entry.facts.get("reasons", "").split("; ") if each)
    return ()


def summary(case: RecoveryCase) -> dict[str, Any]:
    """One case in a few plain values: the element of `cases list --format json` and the head of `explain`.

    Keys: case, invoice, subscription, customer, customer_name, account, integration, livemode, revision, life, state,
    amount {minor, currency, text}, attempts_used, next_attempt_at (or null), next_attempt_number, due_at,
    first_declined_at, window_until, last_decline {at, kind, reason}, ended_by, ended_at, closed_because.
    Instants are UTC text (`2026-01-30T10:00:00.000Z`).
    """
    return {
        "case": case.id,
        "invoice": case.invoice,
        "subscription": case.subscription,
        "customer": case.customer,
        "customer_name": case.customer_name,
        "account": case.account,
        "integration": case.integration_id,
        "livemode": case.livemode,
        "revision": case.revision,
        "life": case.life,
        "state": case.state.value,
        "amount": _money(case.amount),
        "attempts_used": case.attempts_used,
        "next_attempt_at": _text(case.next_attempt_at),
        "next_attempt_number": case.next_attempt_number,
        "due_at": _text(case.due_at),
        "first_declined_at": case.first_declined_at.text(),
        "window_until": case.window_until.text(),
        "last_decline": {
            "at": _text(case.last_declined_at),
            "kind": case.decline_kind.value if case.decline_kind else None,
            "reason": case.decline_reason,
        },
        "ended_by": case.ended_by.value if case.ended_by else None,
        "ended_at": _text(case.ended_at),
        "closed_because": case.closed_because,
    }


def to_json(material: Material) -> dict[str, Any]:
    """The whole report as plain values: the keys of `summary`, and besides

    format_version, state_means, opened_at, attempts_allowed, time_zone; next {what, at, sentence, because,
    rules [{rule, not_before, because, moved}]}; attempts [{number, state, planned_for, decided_at, finished_at,
    because, amount, payment_method, charge, decline_kind, decline_reason, note}]; final_actions [{kind, state, due_at,
    finished_at, prorate, note}]; if_unpaid {subscription, delay_ms, delay_from, invoice, sentences};
    story [{at, kind, text, facts}].
    """
    case, coming = material.case, next_of(material)
    return summary(case) | {
        "format_version": FORMAT_VERSION,
        "state_means": words.STATES[case.state],
        "opened_at": case.opened_at.text(),
        "attempts_allowed": allowed_attempts(material.policy),
        "time_zone": material.time_zone,
        "next": {
            "what": coming.what,
            "at": _text(coming.at),
            "sentence": coming.sentence,
            "because": list(coming.because),
            "rules": [
                {"rule": each.rule, "not_before": each.not_before.text(), "because": each.because, "moved": each.moved}
                for each in coming.rules
            ],
        },
        "attempts": [_attempt(each) for each in material.attempts],
        "final_actions": [_action(each) for each in material.actions],
        "if_unpaid": {
            "subscription": material.agreed.subscription.value,
            "delay_ms": material.agreed.delay.ms,
            "delay_from": material.agreed.delay_from.value,
            "invoice": material.agreed.invoice.value,
            "sentences": list(words.if_unpaid(case, material.policy, material.agreed)),
        },
        "story": [
            {"at": each.at.text(), "kind": each.kind.value, "text": each.text, "facts": dict(each.facts)}
            for each in material.entries
        ],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "state": attempt.state.value,
        "planned_for": attempt.planned_for.text(),
        "decided_at": attempt.decided_at.text(),
        "finished_at": _text(attempt.finished_at),
        "because": list(attempt.because),
        "amount": _money(attempt.amount),
        "payment_method": attempt.payment_method,
        "charge": attempt.charge,
        "decline_kind": attempt.decline_kind.value if attempt.decline_kind else None,
        "decline_reason": attempt.decline_reason,
        "note": attempt.note,
    }


def _action(action: FinalAction) -> dict[str, Any]:
    return {
        "kind": action.kind.value,
        "state": action.state.value,
        "due_at": action.due_at.text(),
        "finished_at": _text(action.finished_at),
        "prorate": action.prorate,
        "note": action.note,
    }


def _money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.amount_minor, "currency": amount.currency.code, "text": amount.text()}


def _text(at: Instant | None) -> str | None:
    return at.text() if at is not None else None
