"""G15 and G16 in all combinations, in both billing modes: what stands at Stripe when recovery ended without money."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.resources import subscription_build
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.rig import Rig

MARK, LEAVE = "mark_uncollectible_when_subscription_cancels", "leave_as_is"
ACTIONS = (
    ("cancel_at_period_end", 0),
    ("cancel_with_delay", 0),
    ("cancel_with_delay", 2),
    ("cancel_with_delay_no_proration", 0),
    ("cancel_with_delay_no_proration", 2),
    ("leave_as_is", 0),
)
WEEK, PRICE, DAY = 7 * 86_400, 900, 86_400
SLACK = 3600
TAG = {"fp-uncollectible": "true"}


def ended(action: str, delay: int, invoice: str, mode: str, code: str) -> Rig:
    """Ada's weekly payment failed for good, and her period is over, but for an hour, or by an hour."""
    loaded = worlds.manifest(action=action, delay_days=delay, invoice=invoice, attempts=1, window_days=3)
    rig = Rig({"ada": worlds.customer(price="weekly", renews_in_days=0.5)}, loaded=loaded)
    rig.subscription("ada").update(billing_mode=subscription_build.mode(mode))
    rig.decline("ada", code)
    rig.live(7.5 + (1 if action == "cancel_at_period_end" else -1) / 24)
    return rig


def credits_of(rig: Rig) -> int:
    """What her customer got back, in minor units."""
    (account,) = rig.world.sim.accounts.values()
    rows = account.table("invoiceitem").by("customer", rig.customer_id("ada"))
    return sum(account.get("invoiceitem", each)["amount"] for each in rows)


def writes(rig: Rig) -> Counter[str]:
    """The executed writes of a run, by what they did."""
    names: Counter[str] = Counter()
    for each in rig.requests:
        if each.method == "GET" or each.is_pay or each.status != 200:
            continue
        given = dict(each.params)
        if each.method == "DELETE":
            names[f"cancel prorate={given['prorate']} invoice_now={given['invoice_now']}"] += 1
        elif each.path.endswith("/mark_uncollectible"):
            names["mark"] += 1
        elif "cancel_at_period_end" in given:
            names[f"flag {given['cancel_at_period_end']}"] += 1
        elif "metadata[fp-uncollectible]" in given:
            names[f"tag {each.path.split('/')[2]}"] += 1
        else:
            names["stop retries" if given == {"auto_advance": "false"} else str(each)] += 1
    return names


@pytest.mark.parametrize("code", ["lost_card", "insufficient_funds"], ids=["hard", "soft"])
@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("invoice", [MARK, LEAVE], ids=["mark", "leave"])
@pytest.mark.parametrize(("action", "delay"), ACTIONS)
def test_every_outcome_ends_as_agreed(action: str, delay: int, invoice: str, mode: str, code: str):
    """Subscription, invoice, credit, tags and the number of writes of each combination, from Stripe's side alone."""
    rig = ended(action, delay, invoice, mode, code)
    case, subscription, bill = rig.case("ada"), rig.subscription("ada"), rig.invoices("ada")[-1]
    cancels, marks = action != "leave_as_is", action != "leave_as_is" and invoice == MARK
    assert case.state is (CaseState.HARD_DECLINED if code == "lost_card" else CaseState.EXHAUSTED)
    assert subscription["status"] == ("canceled" if cancels else "past_due")
    assert bill["status"] == ("uncollectible" if marks else "open")
    flagged = action == "cancel_at_period_end"
    tags = (TAG if marks else {}) | ({"fp_cancel": case.id} if flagged else {})
    assert (bill["metadata"], subscription["metadata"]) == (TAG if marks else {}, tags)
    assert case.last_declined_at is not None
    item = subscription["items"]["data"][0]
    left = item["current_period_end"] - (subscription["ended_at"] or 0)
    if flagged:
        assert left == 0
    elif cancels:
        waited = subscription["ended_at"] - case.last_declined_at.seconds
        assert delay * DAY <= waited <= delay * DAY + SLACK
    prorated = action == "cancel_with_delay"
    assert credits_of(rig) == (-((2 * PRICE * left + WEEK) // (2 * WEEK)) if prorated else 0)
    wanted = {"stop retries": 1}
    if flagged:
        wanted["flag true"] = 1
    elif cancels:
        wanted[f"cancel prorate={str(prorated).lower()} invoice_now=false"] = 1
    if marks:
        wanted |= {"mark": 1, "tag invoices": 1, "tag subscriptions": 1}
    assert writes(rig) == wanted
    assert len(rig.invoices("ada")) == 2
    truth.agree(rig)


def test_every_outcome_stays_as_it_is():
    """A week later nothing more has been written: each action was done once and the cases rest (C2)."""
    for (action, delay), invoice in itertools.product(ACTIONS, (MARK, LEAVE)):
        if action == "leave_as_is":
            continue
        rig = ended(action, delay, invoice, "classic", "lost_card")
        before = writes(rig)
        rig.run_until(rig.now.plus(Span.of(days=7)))
        assert writes(rig) == before
