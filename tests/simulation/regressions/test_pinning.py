"""Cases in flight keep the revision they began under; new ones begin under the one in force (`migrate: false`, E14).

Each run is held against a twin in which nothing was applied: what was sent to Stripe for the old case is the same, call
by call and second by second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import stripe

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig

FIRST = {"attempts": 3, "window_days": 8, "delay_days": 3}
SECOND = {
    "attempts": 1,
    "window_days": 2,
    "delay_days": 0,
    "spacing_hours": 30,
    "action": "cancel_with_delay_no_proration",
    "invoice": "leave_as_is",
    "stop": "no",
    "first_invoice": True,
}
DAYS = 25
SECOND_OF_TIME = Span.of(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How Ada's case comes to stand in a state, and what it is waited for."""

    state: CaseState
    code: str = "insufficient_funds"
    trouble: Callable[[Rig], None] = lambda _: None
    reached: Callable[[Rig], bool] = lambda _: True


def no_stop(rig: Rig) -> None:
    """Stripe cannot be reached the first three times that its own retries are to be stopped."""
    left = [3]

    def refuse(request: Request) -> None:
        if ("auto_advance", "false") in request.params and left[0]:
            left[0] -= 1
            raise stripe.APIConnectionError("no connection") from ConnectionRefusedError()

    rig.before_call.append(refuse)


def lost_answer(rig: Rig) -> None:
    """The answer of the first `pay` never arrives, and for a while the invoice cannot be read."""
    rig.transport.faults.add("lost_answer", method="POST", path=steps.PAY)
    left = [5]

    def refuse(request: Request) -> None:
        asked = request.method == "GET" and request.path.startswith("/v1/invoices/")
        if asked and left[0] and rig.pays():
            left[0] -= 1
            raise stripe.APIConnectionError("no connection") from ConnectionRefusedError()

    rig.before_call.append(refuse)


WAYS = {
    "opened": Way(state=CaseState.OPENED, trouble=no_stop),
    "scheduled": Way(state=CaseState.SCHEDULED),
    "attempting": Way(state=CaseState.ATTEMPTING, trouble=lost_answer),
    "tried once": Way(state=CaseState.SCHEDULED, reached=lambda rig: rig.case("ada").attempts_used == 1),
    "waiting for the customer": Way(state=CaseState.WAITING_FOR_CUSTOMER, code="expired_card"),
    "finishing": Way(state=CaseState.FINISHING, code="lost_card"),
}


def until_reached(way: Way) -> Rig:
    """Ada's renewal was declined, and her case stands where the way leads."""
    rig = Rig(
        {"ada": worlds.customer(), "bob": worlds.customer("pm_card_mastercard", renews_in_days=6)},
        loaded=worlds.manifest(**FIRST),
    )
    for name in ("ada", "bob"):
        rig.decline(name, way.code, None)
    way.trouble(rig)

    def there() -> bool:
        return bool(rig.cases()) and rig.case("ada").state is way.state and way.reached(rig)

    end = rig.now.plus(steps.HOUR.times(24 * 6))
    while not there():
        assert rig.now < end, "it never came to that"
        due = rig.engine.loops.next_due()
        later = [rig.now.plus(steps.HOUR), *([due.plus(SECOND_OF_TIME)] if due is not None else [])]
        rig.run_until(min(each for each in later if each > rig.now))
    return rig


def sent_for(rig: Rig, name: str) -> list[tuple[int, str, str, tuple[tuple[str, str], ...]]]:
    """Every call that changed something of a customer's invoice or subscription."""
    own = {str(row["id"]) for row in rig.invoices(name)} | {str(rig.subscription(name)["id"])}
    return [
        (each.at, each.method, each.path, each.params)
        for each in rig.requests
        if each.method != "GET" and each.path.count("/") > 2 and each.object_id in own
    ]


def revisions(rig: Rig, name: str) -> set[int]:
    """What the case, its attempts and its final actions say (E14)."""
    case = rig.case(name)
    stored = [*(each.revision for each in rig.attempts(case)), *(each.revision for each in rig.actions(case))]
    assert stored
    return {case.revision, *stored}


@pytest.mark.parametrize("name", WAYS)
def test_a_case_ends_as_the_revision_it_began_under_says(name: str):
    """Revision 2 changes everything while Ada's case is in this state: it goes on as if it had not been applied."""
    way = WAYS[name]
    twin, rig = until_reached(way), until_reached(way)
    assert twin.now == rig.now
    arm.apply(rig, worlds.manifest(**SECOND))
    twin.live(DAYS)
    rig.live(DAYS)
    assert sent_for(rig, "ada") == sent_for(twin, "ada"), steps.journal(rig)
    ended = rig.case("ada")
    assert ended.is_final()
    assert (ended.state, ended.ended_at, ended.attempts_used) == (
        twin.case("ada").state,
        twin.case("ada").ended_at,
        twin.case("ada").attempts_used,
    )
    assert revisions(rig, "ada") == {1}
    truth.agree(rig)


@pytest.mark.parametrize("name", ["scheduled", "finishing"])
def test_a_case_that_begins_after_the_apply_ends_as_the_new_revision_says(name: str):
    """Bob's renewal fails after the apply: one attempt, cancelled at once without proration, his invoice left."""
    way = WAYS[name]
    rig = until_reached(way)
    arm.apply(rig, worlds.manifest(**SECOND))
    rig.live(DAYS)
    case = rig.case("bob")
    soft = way.code == "insufficient_funds"
    assert case.window_until.since(case.window_from) == steps.HOUR.times(48)
    assert len([each for each in rig.attempts(case) if each.state is AttemptState.DECLINED]) == int(soft)
    cancel = [each for each in sent_for(rig, "bob") if each[1] == "DELETE"]
    assert [dict(each[3])["prorate"] for each in cancel] == ["false"]
    assert case.ended_at is not None
    assert case.last_declined_at is not None
    assert case.ended_at.since(case.last_declined_at) < steps.HOUR
    assert rig.invoices("bob")[-1]["status"] == "open"
    assert revisions(rig, "bob") == {2}
    mine = [dict(each[3])["prorate"] for each in sent_for(rig, "ada") if each[1] == "DELETE"]
    assert mine == ["true"]
    truth.agree(rig)


def test_stripes_own_retries_are_handled_as_the_case_agreed():
    """Opened under `per_invoice`, healed or gated under `no`: it is still `auto_advance=false` that is set and asked for."""
    rig = until_reached(WAYS["opened"])
    arm.apply(rig, worlds.manifest(**SECOND))
    rig.live(1)
    stopped = [each for each in rig.requests if ("auto_advance", "false") in each.params and each.status == 200]
    assert [each.object_id for each in stopped] == [rig.case("ada").invoice]
    rig.live(DAYS)
    assert not [each for each in sent_for(rig, "bob") if ("auto_advance", "false") in each[3]]
