"""The words of gates, decisions and reports, held against pages that a person has read.

`python -m tests.unit.recovery.test_told` writes the pages anew: read the difference before you commit it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery import gates, limits, report, report_text, report_words
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState, EndedBy
from flexpay_reconcile.recovery.decide import Aim, decide
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.instant import Span
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW, after
from tests.unit.recovery.test_gates import CLOSED
from tests.unit.recovery.test_report import _action, entry, material, text

FOLDER = Path(__file__).parent / "told"
NETWORKS = ("visa", "mastercard", "amex", "discover", "ach", "sepa_debit", "acss_debit", "some_network", None)


def _gates() -> Iterator[str]:
    for name, facts, *_ in CLOSED:
        closed = gates.ask(facts)
        if closed is None:
            continue
        until = f" until {closed.until.short_text()}" if closed.until else ""
        word = f" ({closed.word})" if closed.word else ""
        yield f"{name}: {closed.gate} -> {closed.then.value}{word}{until}: {closed.because}"


def _decisions() -> Iterator[str]:
    aim = Aim(at=after(days=4), model="even/1", words="attempt 1 of 8")
    never = CardHistory(never_because="stolen_card", never_kind=DeclineKind.HARD)
    asked = CardHistory(never_because="authentication", never_kind=DeclineKind.CUSTOMER)
    full = CardHistory(reached_at=tuple(after(hours) for hours in range(15)))
    usual = CardHistory(reached_at=(after(),))
    histories = {"usual": usual, "never": never, "asked": asked, "full": full}
    for kind, (name, history) in itertools.product((*DeclineKind, None), histories.items()):
        for now in (after(1), after(days=28)):
            case = book.case(decline_kind=kind, decline_reason="the_reason")
            yield f"{kind.value if kind else None}, {name}, {now.short_text()}: "
            yield f"    {decide(case, history, agreed.policy(), aim, now)}"
    for reason in ("new_card", "card_updated"):
        case = book.case(decline_reason=reason, attempts_used=8)
        yield f"{reason}: {decide(case, usual, agreed.policy(), aim, after(1))}"
        yield f"{reason}, late: {decide(case, usual, agreed.policy(), aim, after(days=28))}"
    yield f"no step: {decide(book.case(), usual, agreed.policy(), None, after(1))}"
    yield f"used: {decide(book.case(attempts_used=8), usual, agreed.policy(), aim, after(1))}"


def _ceilings() -> Iterator[str]:
    for network in NETWORKS:
        yield f"{network}: {[str(each) for each in limits.ceilings_for(network, agreed.policy())]}"


def _materials() -> Iterator[tuple[str, report.Material]]:
    yield "planned", material()
    yield "planned, UTC", material(time_zone="UTC")
    link = "https://invoice.example/in_1"
    named = book.case(state=CaseState.OPENED, customer_name="Ada", hosted_invoice_url=link, livemode=True)
    decided = entry(EntryKind.DECIDED, "Decided.", reasons="one; two")
    yield "named", material(case=named, attempts=(), bounds=(), entries=(decided,))
    for state in CaseState:
        case = book.case(state=state, ended_by=EndedBy.WINDOW_OVER, ended_at=NOW, closed_because="paused")
        yield f"state {state.value}", material(case=case, attempts=(), bounds=())
    for kind in AttemptState:
        attempt = book.attempt(state=kind, check_at=after(90), note="timeout", finished_at=NOW)
        refused = replace(attempt, decline_kind=DeclineKind.SOFT, decline_reason="insufficient_funds")
        yield f"attempt {kind.value}", material(case=book.case(state=CaseState.ATTEMPTING), attempts=(refused,))
    for ended in EndedBy:
        case = book.case(state=CaseState.FINISHING, ended_by=ended, due_at=after(1))
        states = itertools.cycle(ActionState)
        actions = tuple(replace(_action(kind, next(states)), note="why") for kind in ActionKind)
        yield f"ended by {ended.value}", material(case=case, actions=actions, attempts=())
    for kept, invoice, start in itertools.product(SubscriptionAction, InvoiceAction, DelayFrom):
        fails = WhenRecoveryFails(subscription=kept, invoice=invoice, delay=Span.of(days=3), delay_from=start)
        yield f"{kept.value}, {invoice.value}, {start.value}", material(agreed=fails)


def _reports() -> Iterator[str]:
    for name, made in _materials():
        yield f"===== {name}\n{text(made)}\n"
        yield " | ".join(report_text.list_row(made.case))
    yield " | ".join(report_text.LIST_HEAD)
    yield " | ".join(report_text.list_row(book.case(next_attempt_at=NOW, decline_reason=None, customer_name="Ada")))
    yield str(report_words.STATES)


def _documents() -> Iterator[str]:
    names = {"planned", "named", "attempt declined", "ended by window_over", "state recovered"}
    for name, made in _materials():
        if name in names:
            yield f"===== {name}\n{json.dumps(report.to_json(made), indent=1)}"


PAGES = {
    "gates": _gates,
    "decisions": _decisions,
    "ceilings": _ceilings,
    "reports": _reports,
    "documents": _documents,
}


def _page(name: str) -> str:
    return "\n".join(PAGES[name]()) + "\n"


@pytest.mark.parametrize("name", list(PAGES))
def test_the_words_are_those_of_the_page(name):
    """A changed sentence, key or moment shows as a difference that somebody has to read."""
    assert _page(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in PAGES:
        (FOLDER / f"{each}.txt").write_text(_page(each), encoding="utf-8")
