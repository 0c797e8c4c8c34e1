"""What a case's report tells: the moment and who moved it, what follows in every state, how it ends; in text and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.recovery import report, report_text, report_words
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState, EndedBy
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.windows import Bound
from flexpay_reconcile.values.instant import Span
from tests.unit.billing.reads import T0
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW, after

SPACING = Bound(rule="minimum_spacing", not_before=after(24), because="1d between two attempts")
CEILING = Bound(rule="network_ceiling", not_before=NOW, because="at most 13 charges per 30d (visa)")


def entry(kind, text, at=T0, **facts):
    """One line of the journal."""
    return Entry(case_id=book.case().id, at=at, kind=kind, text=text, facts=facts)


def material(**changes):
    """A case whose first attempt is planned, moved by a ceiling."""
    moved = f"moved from {after(80).short_text()}: {CEILING.because}"
    planned = book.attempt(state=AttemptState.PLANNED, because=("soft decline: insufficient_funds", moved))
    case = book.case(state=CaseState.SCHEDULED, due_at=None, next_attempt_at=NOW, next_attempt_number=1)
    made = report.Material(
        case=case,
        attempts=(planned,),
        entries=(entry(EntryKind.OPENED, "Opened for 19.99 USD"),),
        actions=(),
        bounds=(SPACING, CEILING),
        policy=agreed.policy(),
        agreed=agreed.integration().when_recovery_fails,
        integration_name="Acme US",
        time_zone="America/New_York",
    )
    return replace(made, **changes)


def text(made):
    """The report as one text."""
    return "\n".join(report_text.lines(made))


def test_a_planned_attempt_is_told_with_moment_reason_and_rules():
    """Date in UTC and in the company's zone, the reasons, and for each rule whether it moved the moment."""
    told = text(material())
    assert f"On {NOW.short_text()} ({NOW.short_text('America/New_York')})." in told
    assert "Attempt 1 of 8 collects 19.99 USD" in told
    assert f"1d between two attempts: not before {after(24).short_text()} (did not move it)" in told
    assert f"{CEILING.because}: not before {NOW.short_text()} (moved it)" in told
    document = report.to_json(material())
    assert document["next_attempt_at"] == document["next"]["at"] == NOW.text()
    assert [each["moved"] for each in document["next"]["rules"]] == [False, True]


@pytest.mark.parametrize("state", list(CaseState))
def test_every_state_has_its_words(state):
    """No state is left without a meaning and a next step, and what has ended promises nothing."""
    case = book.case(state=state, ended_by=EndedBy.WINDOW_OVER, closed_because="paused")
    made = material(case=case, attempts=(), bounds=())
    document = report.to_json(made)
    assert document["state_means"] == report_words.STATES[state]
    assert document["next"]["sentence"]
    assert (document["next"]["what"] == "nothing") == (state in FINAL_STATES or state in _NEEDS_AN_ATTEMPT)
    assert ("If it is not paid" in text(made)) == (state not in FINAL_STATES)
    assert json.loads(json.dumps(document)) == document


_NEEDS_AN_ATTEMPT = {CaseState.SCHEDULED, CaseState.ATTEMPTING}
"""Without the attempt these states promise, a report must not invent one."""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (AttemptState.SUBMITTING, "has been written down"),
        (AttemptState.UNRESOLVED, "got no clear answer (timeout); Stripe is asked first"),
        (AttemptState.PENDING, "answers later"),
    ],
)
def test_an_attempt_under_way_says_what_is_waited_for(state, words):
    """Sent, unclear and pending are three different things to a reader."""
    attempt = book.attempt(state=state, check_at=after(90), note="timeout")
    told = report.next_of(material(case=book.case(state=CaseState.ATTEMPTING), attempts=(attempt,)))
    assert (told.what, told.at) == ("answer", after(90))
    assert words in told.sentence


def test_finishing_names_the_actions_that_are_left_and_their_date():
    """Done actions are not announced again."""
    case = book.case(state=CaseState.FINISHING, ended_by=EndedBy.HARD_DECLINE, ended_at=NOW)
    actions = (_action(ActionKind.CANCEL_SUBSCRIPTION, ActionState.DONE), _action(ActionKind.MARK_UNCOLLECTIBLE))
    told = report.next_of(material(case=case, actions=actions, attempts=()))
    assert told.at == after(days=4)
    assert "mark the invoice uncollectible" in told.sentence
    assert "cancel the subscription" not in told.sentence
    assert "a hard decline forbids" in told.sentence


def test_what_an_ended_case_owes_is_told_until_it_is_done():
    """A scheduled cancellation that has to be taken back is the next step of a recovered case; done, nothing is."""
    case = book.case(state=CaseState.RECOVERED, due_at=after(1))
    scheduled = _action(ActionKind.SCHEDULE_CANCEL, ActionState.DONE)
    told = report.next_of(material(case=case, actions=(scheduled, _action(ActionKind.TAKE_BACK)), attempts=()))
    assert (told.what, told.at) == ("take_back", after(1))
    assert "taken back" in told.sentence
    done = _action(ActionKind.TAKE_BACK, ActionState.DONE)
    assert report.next_of(material(case=case, actions=(scheduled, done), attempts=())).what == "nothing"


def test_a_scheduled_end_is_waited_for_until_it_is_looked_at_again():
    """The end of the subscription has no due time of its own: the next read of the case is told."""
    case = book.case(state=CaseState.FINISHING, ended_by=EndedBy.ATTEMPTS_USED, due_at=after(3))
    actions = (_action(ActionKind.SCHEDULE_CANCEL, ActionState.DONE), _action(ActionKind.AWAIT_END))
    told = report.next_of(material(case=case, actions=actions, attempts=()))
    assert told.at == after(3)
    assert "wait for the end of the subscription" in told.sentence


def _action(kind, state=ActionState.PLANNED):
    case = book.case()
    return FinalAction(
        case_id=case.id,
        integration_id=case.integration_id,
        kind=kind,
        order=0,
        state=state,
        invoice=case.invoice,
        subscription=case.subscription,
        prorate=True,
        revision=1,
        due_at=after(days=4),
        decided_at=NOW,
    )


@pytest.mark.parametrize(
    ("subscription", "invoice", "delay", "words"),
    [
        (
            "cancel_with_delay",
            "leave_as_is",
            Span(0),
            "cancelled at once, with proration, and the invoice is left open",
        ),
        (
            "cancel_with_delay_no_proration",
            "mark_uncollectible_when_subscription_cancels",
            Span.of(days=3),
            "cancelled 3d after the creation of the invoice, without proration, and the invoice is marked uncollectible",
        ),
        ("leave_as_is", "mark_uncollectible_when_subscription_cancels", Span(0), "only if somebody else cancels"),
        ("cancel_at_period_end", "leave_as_is", Span(0), "at the end of its paid period"),
    ],
)
def test_the_end_is_told_as_agreed(subscription, invoice, delay, words):
    """Each outcome of the policy has its own sentence."""
    fails = WhenRecoveryFails(
        subscription=SubscriptionAction(subscription),
        invoice=InvoiceAction(invoice),
        delay=delay,
        delay_from=DelayFrom.INVOICE_CREATION,
    )
    assert words in text(material(agreed=fails))


def test_evidence_is_told_once_and_an_intent_only_where_it_is_news():
    """What the next line says is not said before it; what was called again, or never answered, is."""
    intent = entry(EntryKind.SUBMITTING, "Trying to collect", params="1", key="k")
    again = entry(EntryKind.SUBMITTING, "calling again with the same key", key="k")
    outcome = entry(EntryKind.OUTCOME, "Declined: a", evidence="a; b")
    told = text(material(entries=(intent, outcome, outcome)))
    assert "Trying" not in told
    assert told.count("      b") == 1
    assert "      a" not in told
    told = text(material(entries=(intent, again, outcome)))
    assert "Trying" in told
    assert "calling again" in told


def test_a_company_in_utc_is_told_one_time():
    """The same time twice would only be noise."""
    assert f"On {NOW.short_text()}." in text(material(time_zone="UTC"))


def test_a_summary_has_the_documented_keys():
    """`cases list --format json` is read by programs: its keys are named in the docstring, and no other is there."""
    documented = " ".join((report.summary.__doc__ or "").split())
    assert all(key in documented for key in report.summary(book.case()))
    assert "next_attempt_at" in report.summary(book.case())


@pytest.mark.parametrize(
    ("changes", "what", "words"),
    [
        ({"stripe_retries_stopped": False}, "stop_stripe", "Stripe's own retries of this invoice are switched off"),
        ({}, "decision", "The next step is decided"),
        ({"state": CaseState.WAITING_FOR_CUSTOMER}, "customer", "until the customer acts or the card changes"),
        ({"state": CaseState.NEEDS_REVIEW}, "review", "until a person has looked"),
        ({"state": CaseState.PARKED, "closed_because": "key_refused"}, "parked", "Stopped (key_refused)"),
        ({"state": CaseState.PARKED}, "parked", "Stopped (no cause noted)"),
    ],
)
def test_what_is_waited_for_has_a_word_for_machines_and_one_for_people(changes, what, words):
    """Programs read the word, people the sentence; a case whose Stripe retries still run says that first."""
    told = report.next_of(material(case=book.case(**changes), attempts=()))
    assert told.what == what
    assert words in told.sentence


def test_a_case_that_finishes_without_a_reason_says_so_plainly():
    """An end whose cause is not on record, and an attempt whose network is unknown, leave no hole in the sentence."""
    assert "No further attempt: recovery has ended. What follows" in report_words.finishing(book.case(), ())
    planned = book.attempt(state=AttemptState.PLANNED, network=None)
    told = text(material(attempts=(planned,)))
    assert f"on the payment method {planned.payment_method}." in told
    assert "(None)" not in told
    unresolved = book.attempt(state=AttemptState.UNRESOLVED, note="")
    assert "no reason given" in report_words.under_way(unresolved)
