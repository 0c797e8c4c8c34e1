"""The impact of a plan: counted, worded, guarded; never decided here."""

from __future__ import annotations

import jsonschema
import pytest

from flexpay_reconcile.billing.forecast import ChangeKind, Consequence, Ending, Fate, Impact
from flexpay_reconcile.config.configuration import Guards
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import data, guards, impact
from flexpay_reconcile.reconcile.render import impact as block
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

AT = Instant.from_text("2026-12-01T09:00:00Z")


def one(number: int, fate: Fate = Fate.CERTAIN, *, currency: str = "USD", minor: int = 2900, **changes) -> Consequence:
    """One invoice; a certain one is cancelled."""
    given = {"ending": Ending.CANCEL, "at": AT} if fate is Fate.CERTAIN else {"next_attempt_at": AT}
    return Consequence(
        invoice=InvoiceId(f"in_{number}"),
        subscription=SubscriptionId(f"sub_{number}"),
        amount=money.of(minor, currency),
        fate=fate,
        because=f"reason of {fate.value}",
        **({**given, **changes} if fate is not Fate.LEFT_ALONE else changes),
    )


def over(*consequences: Consequence, before: tuple[Consequence, ...] = (), **changes) -> Impact:
    """A take-over with these consequences."""
    return Impact(integration="acme", change=ChangeKind.TAKE_OVER, consequences=consequences, before=before, **changes)


def document(*impacts: Impact) -> dict:
    """What a plan's JSON would hold of them."""
    return {"impact": impact.to_json(impacts)}


def test_only_what_the_plan_adds_counts():
    """A cancellation that would come without the plan is none of its own; one subscription counts once; possible ones not."""
    same = one(1)
    found = (over(same, one(2), one(2, minor=1), one(3, Fate.POSSIBLE), before=(same,)),)
    assert impact.certain_cancellations(found) == 1
    assert impact.certain_cancellations((over(one(1, ending=Ending.NOTHING, at=None)),)) == 0


def test_currencies_are_never_added_to_each_other():
    """Two dollars and a euro are two sums."""
    told = impact.to_json((over(one(1), one(2), one(3, currency="EUR")),))
    assert [each["text"] for each in told["integrations"][0]["amounts"]] == ["29.00 EUR", "58.00 USD"]


def test_the_guard_of_cancellations_and_its_acceptance():
    """Above the threshold it refuses; a reason lets it pass and stays on it; an unknown guard or an unasked one does not."""
    limits = Guards(max_certain_cancellations=1)
    asked = list(guards.ask_impact(limits, (over(one(1), one(2)),)))
    assert [(each.id, each.actual, each.refused) for each in asked] == [("max_certain_cancellations", 2, True)]
    (passed,) = guards.accepted(asked, {"max_certain_cancellations": "finance"})
    assert (passed.refused, passed.accepted) == (False, "finance")
    fine = list(guards.ask_impact(limits, (over(one(1)),)))
    (unasked,) = guards.accepted(fine, {"max_certain_cancellations": "finance"})
    assert (unasked.refused, unasked.accepted) == (False, None)
    with pytest.raises(OperatorError) as wrong:
        list(guards.accepted(asked, {"max_webhook_deletes": "x"}))
    assert (wrong.value.code, wrong.value.kind) == ("E-accept-impact", ErrorKind.USAGE)


def test_what_could_not_be_foretold_is_refused():
    """A book that could not be read is not an empty one."""
    asked = {each.id: each for each in guards.ask_impact(Guards(), (over(unseen="Stripe did not answer"),))}
    assert asked["impact_unseen"].refused
    assert "Stripe did not answer" in asked["impact_unseen"].message
    assert document(over(unseen="x"))["impact"]["forecast"] == "incomplete"


@pytest.mark.parametrize(("before", "now", "grown"), [(10, 11, False), (10, 12, True), (0, 1, True), (5, 0, False)])
def test_growth_since_the_saved_plan(before, now, grown):
    """More than the agreed share above what somebody looked at is refused; less is fine."""
    saved = {"impact": {"certain_cancellations": before}}
    assert (impact.grown(saved, {"impact": {"certain_cancellations": now}}, 10) is not None) is grown


def test_the_block_says_what_it_cuts():
    """Ten of twelve are listed, the rest is counted; possible, left alone and notes have their lines."""
    many = [one(number) for number in range(12)]
    given = over(*many, one(20, Fate.POSSIBLE), one(21, Fate.LEFT_ALONE), notes=("not all was looked at",))
    text = "\n".join(block.lines(document(given)))
    assert text.count("cancelled 2026-12-01") == 10
    for words in (
        "and 2 more",
        "certain: 12 subscriptions cancelled",
        "1 subscription at most",
        "left alone: 1 invoice: reason of left_alone",
        "note: not all was looked at",
    ):
        assert words in text
    assert list(block.lines(document())) == []


def test_the_json_is_as_published():
    """Every shape of it fits the published schema."""
    schema = data.plan_schema()["properties"]["impact"]
    credit = money.of(100, "USD")
    found = over(one(1, credit=credit, marked=True), one(2, Fate.POSSIBLE), one(3, Fate.LEFT_ALONE))
    for each in ((), (found,), (over(unseen="x"),)):
        jsonschema.validate(impact.to_json(each), schema)
    jsonschema.validate(impact.to_json(None), schema)
