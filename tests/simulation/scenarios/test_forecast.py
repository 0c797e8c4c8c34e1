"""The forecast of a take-over against what then happens: the same cancellations, one by one, at the same moments."""

from __future__ import annotations

import dataclasses
import os
from unittest import mock

import pytest

from flexpay_reconcile.billing.forecast import ChangeKind, Consequence, Ending, Fate, Impact
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.operations import forecast_book
from flexpay_reconcile.operations.forecast_impact import OLDER, Forecaster
from flexpay_reconcile.recovery import opening
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.ids import SubscriptionId
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import worlds
from tests.simulation.rig import Rig

SIZE = int(os.environ.get("STORM_SIZE", "120"))
CODES = (
    "insufficient_funds", "lost_card", "stolen_card", "expired_card", "do_not_honor", "pickup_card",
    "generic_decline", "processing_error", "incorrect_cvc", "invalid_account", "no_such_code_is_known", "fraudulent",
)  # fmt: skip
SLACK = Span.of(hours=1)


def failing_book(customers: int) -> tuple[Rig, Loaded]:
    """Renewals that failed with many codes, and one decline each, before anything was applied."""
    names = [f"c{number:04}" for number in range(customers)]
    with mock.patch.object(arm, "apply"):
        rig = Rig({name: worlds.customer(renews_in_days=0.5 + number % 7) for number, name in enumerate(names)})
    for number, name in enumerate(names):
        account, row = control.customer_of(rig.world, name)
        for id_ in account.table("payment_method").by("customer", row["id"]):
            card = account.table("payment_method").rows[id_]["card"]
            account.table("payment_method").rows[id_]["card"] = {**card, "fingerprint": f"of-{name}"}
        rig.decline(name, CODES[number % len(CODES)], None)
    rig.rest(Span.of(days=9))
    for number, name in enumerate(names):  # some have put in another card since, and nobody has tried it
        if number % 10 == 3:
            control.replace_card(rig.world, name, "tok_mastercard")
    return rig, worlds.manifest(take_over=True, delay_days=2, window_days=8, attempts=4)


def foretold(rig: Rig, loaded: Loaded) -> tuple[Consequence, ...]:
    """What the plan would say now."""
    wanted = loaded.configuration
    assert wanted is not None
    rig.parts.learn(wanted)
    forecaster = Forecaster(books=rig.parts.gateways.book_reader, facts=rig.parts.facts, configurations=rig.parts.state)
    (impact,) = forecaster.impacts(wanted, rig.now)
    assert (impact.change, impact.unseen) == (ChangeKind.TAKE_OVER, None)
    assert impact.notes == () or (SIZE > 1_000 and impact.notes == (OLDER,))  # 150 calls are fewer than its charges
    return impact.consequences


def cancelled_untried(rig: Rig) -> dict[SubscriptionId, Instant]:
    """Subscriptions that were cancelled for an invoice nobody tried again, and when that was due."""
    found: dict[SubscriptionId, Instant] = {}
    for case in rig.cases():
        if any(each.sends for each in rig.attempts(case)):
            continue
        with rig.parts.store.reading() as view:
            actions = view.actions.of_case(case.id)
        for action in actions:
            if action.kind is ActionKind.CANCEL_SUBSCRIPTION and action.state is ActionState.DONE:
                found[case.subscription] = action.due_at
    return found


@pytest.mark.timeout(3_600)
def test_the_certain_cancellations_of_a_plan_are_those_that_happen():
    """0 differences between the plan's certain cancellations and those without an attempt, in few reads (G19)."""
    rig, loaded = failing_book(SIZE)
    before = len(rig.requests)
    told = foretold(rig, loaded)
    reads = rig.requests[before:]
    assert {each.method for each in reads} == {"GET"}
    assert len(reads) <= forecast_book.MOST_GETS
    certain = {
        each.subscription: each.at for each in told if each.fate is Fate.CERTAIN and each.ending is Ending.CANCEL
    }
    assert certain
    assert any(each.fate is Fate.POSSIBLE for each in told)
    assert any(each.fate is Fate.LEFT_ALONE for each in told)
    arm.apply(rig, loaded)
    rig.live(40)
    happened = cancelled_untried(rig)
    assert happened.keys() == certain.keys(), happened.keys() ^ certain.keys()
    for subscription, at in happened.items():
        wanted = certain[subscription]
        assert wanted is not None
        assert abs(at.since(wanted).ms) <= SLACK.ms, (subscription, at.text(), wanted.text())


def test_a_wrong_forecast_is_seen(monkeypatch: pytest.MonkeyPatch):
    """The comparison is no matter of course: a forecast that forgets the delay, or a code, differs."""
    rig, loaded = failing_book(24)
    told = foretold(rig, loaded)
    hard = [each for each in told if each.fate is Fate.CERTAIN]
    assert hard
    real = opening.first_decline
    monkeypatch.setattr(
        opening,
        "first_decline",
        lambda last, payments, chosen: dataclasses.replace(real(None, payments, chosen)),
    )
    assert foretold(rig, loaded) != told


def terms(**manifest: object) -> Loaded:
    """A policy with attempts left after a day and a half."""
    return worlds.manifest(**{"attempts": 6, "window_days": 12, **manifest})


def live_book(**manifest: object) -> Rig:
    """Three customers in recovery: one planned, one whose recovery has ended, one who waits for a card."""
    names = {"ada": "insufficient_funds", "ben": "lost_card", "cyd": "expired_card"}
    cards = ("pm_card_visa", "pm_card_mastercard", "pm_card_discover")
    people = {name: worlds.customer(card, renews_in_days=0.5) for name, card in zip(names, cards, strict=True)}
    rig = Rig(people, loaded=terms(**manifest))
    for name, code in names.items():
        rig.decline(name, code)
    rig.live(1.5)
    return rig


def impacts_of(rig: Rig, loaded: Loaded) -> dict[ChangeKind, Impact]:
    """What a plan of this manifest would say, by change."""
    forecaster = Forecaster(books=rig.parts.gateways.book_reader, facts=rig.parts.facts, configurations=rig.parts.state)
    assert loaded.configuration is not None
    return {each.change: each for each in forecaster.impacts(loaded.configuration, rig.now)}


def test_nothing_changed_is_no_impact():
    """The same manifest again touches no money, and asks Stripe nothing."""
    rig = live_book(delay_days=5)
    before = len(rig.requests)
    assert impacts_of(rig, terms(delay_days=5)) == {}
    assert len(rig.requests) == before


def test_a_changed_policy_touches_open_cases_only_where_it_migrates():
    """Without `migrate` the plan shows no difference; with it, each case whose end moves, as it then ends."""
    rig = live_book(delay_days=5)
    assert ChangeKind.POLICY not in impacts_of(rig, terms(delay_days=1))
    shorter = terms(delay_days=1, more="    migrate: true\n")
    (policy,) = impacts_of(rig, shorter).values()
    moved = {each.subscription: each.at for each in policy.consequences if each.fate is Fate.CERTAIN}
    ben = rig.subscription("ben")["id"]
    assert ben in moved
    arm.apply(rig, shorter)
    rig.live(20)
    happened = cancelled_untried(rig)
    for subscription, at in moved.items():
        wanted = happened[subscription]
        assert at is not None
        assert abs(wanted.since(at).ms) <= SLACK.ms, (subscription, at.text(), wanted.text())


def test_disabling_names_what_runs_on():
    """The plan of `disabled` shows every open case with its further attempts and ends, none of them caused by it."""
    rig = live_book(delay_days=5)
    loaded = terms(delay_days=5, status="disabled")
    disabled = impacts_of(rig, loaded)[ChangeKind.DISABLED]
    assert len(disabled.consequences) == len([each for each in rig.cases() if not each.is_final()]) == 3
    assert disabled.before == disabled.consequences
    assert {each.fate for each in disabled.consequences} >= {Fate.CERTAIN, Fate.POSSIBLE}, rig.cases()
