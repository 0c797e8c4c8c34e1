"""The impact block of a plan's text, from the public JSON alone. Long lists are cut, and the cut is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flexpay_reconcile.reconcile.render.words import count, line

SHOWN: Final = 10
_WHAT: Final = {
    "take_over": "takes over invoices that failed before",
    "policy": "changed terms for open cases",
    "disabled": "no new case; open cases run on to their end",
    "currency": "a currency is declared no more",
}
_ENDS: Final = {"cancel": "cancelled", "cancel_at_period_end": "set to end at its period's end"}


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The block; nothing where no money in flight is touched."""
    impact = document["impact"]
    if not impact["integrations"]:
        return
    yield "Impact on payments in flight:"
    for each in impact["integrations"]:
        yield from _one(each)


def _one(each: Mapping[str, Any]) -> Iterator[str]:
    what = _WHAT.get(each["change"], each["change"])
    yield f"  {line(each['integration'])}: {what}"
    if each["unseen"]:
        yield f"      could not be foretold: {line(each['unseen'])}"
        return
    yield f"      {count(each['invoices'], 'invoice')}{_amounts(each['amounts'])}"
    yield from _certain(each["certain"])
    possible = each["possible"]
    if possible["next_attempts"] or possible["cancellations_at_most"]:
        when = (
            f", from {possible['first_attempt_at']} to {possible['last_attempt_at']}"
            if possible["next_attempts"]
            else ""
        )
        yield (
            f"      possible: {count(possible['cancellations_at_most'], 'subscription')} at most, if every further "
            f"attempt fails{_amounts(possible['amounts'])}{when} ({line(possible['model'])})"
        )
    for alone in each["left_alone"]:
        yield f"      left alone: {count(alone['invoices'], 'invoice')}: {line(alone['because'])}"
    for note in each["notes"]:
        yield f"      note: {line(note)}"


def _certain(certain: Mapping[str, Any]) -> Iterator[str]:
    items = [each for each in certain["items"] if each["action"] != "nothing"]
    if not items:
        yield "      certain: no subscription is cancelled"
        return
    before = certain["without_this_plan"]
    already = f", {before} of them without this plan too" if before else ""
    credits_ = f"; Stripe gives back about {_sums(certain['credits'])}" if certain["credits"] else ""
    yield f"      certain: {count(certain['cancellations'], 'subscription')} cancelled{already}{credits_}"
    for each in items[:SHOWN]:
        ends = _ENDS.get(each["action"], each["action"])
        yield (
            f"        {line(each['subscription'])} {ends} {each['at']}: {line(each['because'])} "
            f"({line(each['invoice'])}, {each['amount']['text']})"
        )
    if len(items) > SHOWN:
        yield f"        … and {len(items) - SHOWN} more; the plan's JSON has each of them"


def _amounts(amounts: list[Mapping[str, Any]]) -> str:
    return f", {_sums(amounts)}" if amounts else ""


def _sums(amounts: list[Mapping[str, Any]]) -> str:
    return ", ".join(each["text"] for each in amounts)
