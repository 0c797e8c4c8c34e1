"""Bugs in final actions: whom they hit, how often, when, and in which order."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.adapters.stripe_api import billing_writer
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.operations import finish_case, finishing, follow_subscription, judge_action
from flexpay_reconcile.recovery import decide, final_plan
from flexpay_reconcile.recovery.case import CaseState, EndedBy
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.values.instant import Span
from tests.simulation.mutants.planting import Patch, mutant


def no_read_before_cancelling(patch: Patch) -> None:
    """The cancellation goes out on what was known when it was decided."""
    real = judge_action.judge

    def judge(reader, case, action):
        planned = action.kind is ActionKind.CANCEL_SUBSCRIPTION and action.state is ActionState.PLANNED
        return judge_action.Due() if planned else real(reader, case, action)

    patch.setattr(judge_action, "judge", judge)


def later_payment_ignored(patch: Patch) -> None:
    """A customer who paid a later invoice is cancelled."""
    from flexpay_reconcile.adapters.stripe_api import billing_reader

    patch.setattr(billing_reader.StripeBillingReader, "paid_after", lambda *_, **__: False)


def cancelled_twice(patch: Patch) -> None:
    """Each case cancels its subscription, whoever has done it already."""
    real = billing_writer.StripeBillingWriter.cancel_now

    def cancel_now(self, subscription, *, prorate, comment):
        real(self, subscription, prorate=prorate, comment=comment)
        return real(self, subscription, prorate=prorate, comment=comment)

    patch.setattr(billing_writer.StripeBillingWriter, "cancel_now", cancel_now)


def written_off_first(patch: Patch) -> None:
    """The invoice is written off before the subscription is cancelled."""
    real = final_plan.actions_of

    def actions(case, ended_by, agreed, now):
        found = list(real(case, ended_by, agreed, now))
        found.sort(key=lambda each: each.kind is not ActionKind.MARK_UNCOLLECTIBLE)
        return [dataclasses.replace(each, order=order) for order, each in enumerate(found)]

    patch.setattr(final_plan, "actions_of", actions)
    mark = judge_action._mark
    patch.setattr(judge_action, "_mark", lambda reader, invoice, *, over: mark(reader, invoice, over=True))


def tag_lost(patch: Patch) -> None:
    """What is written off is not tagged."""
    patch.setattr(judge_action, "_tag", lambda metadata: judge_action.Already())


def delay_ignored(patch: Patch) -> None:
    """Cancelled at once, whatever delay the policy gives."""
    real = final_plan.actions_of

    def actions(case, ended_by, agreed, now):
        return [dataclasses.replace(each, due_at=now) for each in real(case, ended_by, agreed, now)]

    patch.setattr(final_plan, "actions_of", actions)


def delay_twice(patch: Patch) -> None:
    """The delay counts from a week later."""
    real = final_plan.actions_of

    def actions(case, ended_by, agreed, now):
        late = Span.of(days=7)
        return [dataclasses.replace(each, due_at=each.due_at.plus(late)) for each in real(case, ended_by, agreed, now)]

    patch.setattr(final_plan, "actions_of", actions)


def unknown_code_cancels(patch: Patch) -> None:
    """A refusal nobody knows ends the case like a hard one."""
    real = decide.decide

    def decided(case, history, policy, aim, now):
        if case.decline_kind in (DeclineKind.UNKNOWN, DeclineKind.OPERATOR):
            return decide.Stop(ended_by=EndedBy.HARD_DECLINE, because=("nobody knows this code",))
        return real(case, history, policy, aim, now)

    patch.setattr(decide, "decide", decided)
    begin = finishing.begin

    def began(unit, case, stop, pinned, now):
        known = case if case.decline_kind in _KNOWN else dataclasses.replace(case, decline_kind=DeclineKind.HARD)
        return begin(unit, known, stop, pinned, now)

    patch.setattr(finishing, "begin", began)


_KNOWN = (DeclineKind.SOFT, DeclineKind.HARD, DeclineKind.CREDENTIAL, DeclineKind.CUSTOMER, DeclineKind.TECHNICAL)


def intent_of_action_forgotten(patch: Patch) -> None:
    """A cancellation goes out without its intent on disk."""
    real = finish_case._call

    def call(context, reader, writer, case, action):
        finish_case._send(writer, case, action)
        return real(context, reader, writer, case, action)

    patch.setattr(finish_case, "_call", call)


def scheduled_end_not_taken_back(patch: Patch) -> None:
    """A cancellation at the period's end stays though the money came."""
    patch.setattr(finishing, "owe_take_back", lambda *_, **__: None)


def never_finishes(patch: Patch) -> None:
    """What is decided is never carried out, only put off by a day, and again."""

    def finish_due(context, writers, *, limit=50):
        now = context.clock.now()
        with context.store.begin() as unit:
            for case in unit.cases.due([CaseState.FINISHING], now, limit):
                unit.cases.save(dataclasses.replace(case, due_at=now.plus(Span.of(days=1))))
        return 0

    patch.setattr(finish_case, "finish_due", finish_due)


def end_of_subscription_missed(patch: Patch) -> None:
    """The recovery of a cancelled subscription's other invoices goes on."""
    patch.setattr(follow_subscription, "_end_sibling", lambda *_, **__: None)
    patch.setattr("flexpay_reconcile.recovery.gates._subscription", lambda facts: iter(()))


def other_proration(patch: Patch) -> None:
    """What the policy says of proration is sent the other way round."""
    real = billing_writer.StripeBillingWriter.cancel_now

    def cancel_now(self, subscription, *, prorate, comment):
        return real(self, subscription, prorate=not prorate, comment=comment)

    patch.setattr(billing_writer.StripeBillingWriter, "cancel_now", cancel_now)


MUTANTS = (
    mutant("proration is the other way round", other_proration, "C6"),
    mutant("cancelled without a read", no_read_before_cancelling, "C4 C8"),
    mutant("a paying customer is cancelled", later_payment_ignored, "C4"),
    mutant("cancelled twice", cancelled_twice, "C8 C2"),
    mutant("written off before cancelled", written_off_first, "C5"),
    mutant("the tag is lost", tag_lost, "C5"),
    mutant("the delay is ignored", delay_ignored, "C3"),
    mutant("the delay is far too long", delay_twice, "C3 C1"),
    mutant("an unknown code cancels", unknown_code_cancels, "A21"),
    mutant("a final action without an intent on disk", intent_of_action_forgotten, "A3 C8 C2"),
    mutant("a scheduled end is not taken back", scheduled_end_not_taken_back, "C4 G15"),
    mutant("final actions are never carried out", never_finishes, "C1"),
    mutant("the other invoices of a cancelled subscription go on", end_of_subscription_missed, "C1 A7 B3 C4 A17"),
)
