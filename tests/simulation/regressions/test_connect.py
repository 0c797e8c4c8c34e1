"""A platform and its connected accounts: nobody's money is mixed, and who takes the access back is left alone at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from flexpay_reconcile.operations.follow_accounts import ASK_AGAIN
from flexpay_reconcile.reconcile.change import Action
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.lost_account import CAUSE
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.judge import Judge
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.regressions.conftest import MART, SHOP
from tests.simulation.rig import Request, Rig

pytestmark = pytest.mark.usefixtures("platform")

ADA, BOB = "shop-ada", "mart-bob"
ABOUT_MONEY = ("/v1/invoices", "/v1/subscriptions", "/v1/customers", "/v1/charges", "/v1/invoice_payments")


def connected(listed: tuple[str, ...] = (), **manifest: Any) -> Rig:
    """One renewal fails at each connected account, and one at the platform itself; cards of one fingerprint."""
    given = {ADA: worlds.customer(), BOB: worlds.customer(), "pia": worlds.customer()}
    which = f"\n      connected_accounts: [{', '.join(listed)}]" if listed else ""
    rig = Rig(given, loaded=worlds.manifest(listen_to=f"connected_accounts{which}", **manifest))
    for name in given:
        rig.decline(name, "insufficient_funds", times=1)
    return rig


def with_cases(rig: Rig) -> Rig:
    """Until both shops have a case."""
    steps.until(rig, lambda: len(rig.cases()) == 2)
    return rig


def verb(rig: Rig, name: str, **given: str) -> None:
    """A control request."""
    control_api.VERBS[name].run(rig.world, given)


def about(rig: Rig, account: str, after: int = 0) -> list[Request]:
    """Calls that named this account, without the first so many calls of all."""
    return [each for each in rig.requests[after:] if each.account == account]


def nothing_mixed(rig: Rig) -> None:
    """Each call, charge and case stays in its account; the judge of Stripe's ledger has nothing to say of us."""
    owner: dict[str, str] = {}
    for account in rig.world.sim.accounts.values():
        for table in ("invoice", "subscription", "customer"):
            owner |= dict.fromkeys(account.table(table).rows, account.id)
    for case in rig.cases():
        assert owner[case.invoice] == case.account
        assert case.account in (SHOP, MART)
        for attempt in rig.attempts(case):
            assert attempt.idempotency_key.startswith(f"fp1:{case.account}:{case.invoice}:")
    for each in rig.requests:
        if each.path.startswith(ABOUT_MONEY):
            assert each.account in (SHOP, MART), each
            id_ = each.path.split("/")[3] if each.path.count("/") > 2 else None
            assert id_ is None or owner.get(id_) in (None, each.account), each
    ours = [row for row in rig.charges() if (row["idempotency_key"] or "").startswith("fp1:")]
    assert {row["account"] for row in ours} <= {SHOP, MART}
    assert all(row["idempotency_key"].split(":")[1] == row["account"] for row in ours)
    found = [each for each in Judge(rig.world.ledger).findings() if not each.informative]
    assert found == []
    truth.agree(rig)


def test_two_accounts_are_recovered_and_the_platform_is_left_alone():
    """Both shops' invoices are collected under their own account; the platform's own failure is nobody's case."""
    rig = with_cases(connected())
    assert {each.account for each in rig.cases()} == {SHOP, MART}
    rig.live(12)
    assert {rig.case(name).state for name in (ADA, BOB)} == {CaseState.RECOVERED}
    assert len(rig.pays()) == 2
    assert rig.invoices("pia")[-1]["status"] == "open"
    nothing_mixed(rig)


def test_the_endpoint_is_a_connect_endpoint_and_the_second_plan_is_empty():
    """Applied, the platform has one Connect endpoint that hears of departures; planning again changes nothing."""
    rig = connected()
    (account,) = [each for each in rig.world.sim.accounts.values() if each.id == worlds.ACCOUNT]
    (endpoint,) = account.table("webhook_endpoint").rows.values()
    assert endpoint["id"] in account.hooks.connect
    assert "account.application.deauthorized" in endpoint["enabled_events"]
    with_cases(rig)
    plan = arm.plan(rig, rig.loaded)
    assert [each for each in plan.changes if each.action is not Action.NO_OP] == []
    columns = {each.details["row"]: each.details["column"] for each in plan.checks if each.id == "permission"}
    assert columns.pop("Webhook Endpoints") == "PERMISSIONS"
    assert set(columns.values()) == {"CONNECT PERMISSIONS"}
    assert {each.status.value for each in plan.checks if each.id == "permission"} == {"pass"}


@pytest.mark.parametrize("heard", [True, False], ids=["by event", "by a refused call"])
def test_an_account_that_leaves_is_left_alone_within_one_call(heard: bool):
    """Its case is parked with a readable reason, one call at most goes out, and the other account is recovered."""
    rig = with_cases(connected())
    due = rig.case(ADA).next_attempt_at
    assert due is not None
    left, calls = rig.now, len(rig.requests)
    verb(rig, "deauthorize", account=SHOP)
    if not heard:
        steps.forget_deliveries(rig)
    rig.run_until(min(rig.now.plus(Span.of(hours=1)), due.minus(Span.of(minutes=1))))
    if heard:
        assert rig.case(ADA).state is CaseState.PARKED
        assert len(about(rig, SHOP, calls)) == 1
    rig.run_until(due.plus(Span.of(hours=1)))
    case = rig.case(ADA)
    assert (case.state, case.closed_because) == (CaseState.PARKED, CAUSE)
    assert any(SHOP in each.entry.text and "no more" in each.entry.text for each in rig.story(case))
    assert len(about(rig, SHOP, calls)) <= 1 + rig.now.since(left).ms // ASK_AGAIN.ms
    assert [each for each in about(rig, SHOP, calls) if each.method != "GET"] == []
    rig.live(10)
    assert rig.case(BOB).state is CaseState.RECOVERED
    assert rig.case(ADA).state is CaseState.PARKED
    assert len(about(rig, SHOP, calls)) <= 2 + rig.now.since(left).ms // ASK_AGAIN.ms
    assert {each.path for each in about(rig, SHOP, calls)} <= {
        "/v1/events",
        "/v1/invoices",
        f"/v1/invoices/{case.invoice}",
    }
    nothing_mixed(rig)


def test_an_account_that_comes_back_goes_on_with_the_time_it_lost():
    """Connected again after five days, the case is opened by itself, its window longer by them, and recovered."""
    rig = with_cases(connected())
    before = rig.case(ADA)
    verb(rig, "deauthorize", account=SHOP)
    rig.live(5)
    assert rig.case(ADA).state is CaseState.PARKED
    verb(rig, "authorize", account=SHOP, platform=worlds.ACCOUNT)
    rig.live(0.5)
    again = rig.case(ADA)
    assert again.state is not CaseState.PARKED
    assert again.window_until >= before.window_until.plus(Span.of(days=4))
    rig.live(12)
    assert rig.case(ADA).state is CaseState.RECOVERED
    nothing_mixed(rig)


def test_a_restart_remembers_who_left():
    """A new process sends nothing about an account that is lost, before anything else happens."""
    rig = with_cases(connected())
    verb(rig, "deauthorize", account=SHOP)
    rig.live(0.05)
    rig.restart()
    calls = len(rig.requests)
    rig.live(0.15)
    assert about(rig, SHOP, calls) == []


def test_an_answer_lost_before_the_account_left_is_neither_forgotten_nor_repeated():
    """The charge went through, its answer was lost, and the account left: it stays unresolved until it can be read."""
    rig = with_cases(connected())

    def wrap(send: steps.Send, method: str, _url: str) -> Callable[[], steps.Answer]:
        """The charge is made, the account leaves at that moment, and nobody hears the answer."""

        def go() -> steps.Answer:
            answer = send()
            if method == "POST" and (rig.requests[-1].account, rig.requests[-1].is_pay) == (SHOP, True):
                verb(rig, "deauthorize", account=SHOP)
                raise stripe.APIConnectionError("lost")
            return answer

        return go

    steps.between(rig, wrap)
    steps.until(rig, lambda: bool([each for each in rig.pays() if each.account == SHOP]))
    rig.live(2)
    assert rig.case(ADA).state is CaseState.ATTEMPTING
    verb(rig, "authorize", account=SHOP, platform=worlds.ACCOUNT)
    rig.live(1)
    assert rig.case(ADA).state is CaseState.RECOVERED
    assert len([each for each in rig.pays() if each.account == SHOP]) == 1
    rig.live(10)
    nothing_mixed(rig)


def test_final_actions_stay_in_their_account():
    """Hard declines at both shops: each subscription is cancelled and its invoice marked under its own account."""
    rig = connected()
    for name in (ADA, BOB):
        rig.decline(name, "lost_card", None)
    rig.live(5)
    for name in (ADA, BOB):
        assert rig.case(name).state is CaseState.HARD_DECLINED
        assert rig.subscription(name)["status"] == "canceled"
        assert rig.invoices(name)[-1]["status"] == "uncollectible"
    assert rig.subscription("pia")["status"] != "canceled"
    nothing_mixed(rig)


def test_an_account_that_leaves_while_its_cancellation_is_due_is_not_cancelled():
    """Nothing is sent for its final action while it is away; back again, fresh reads decide and it is done once."""
    rig = connected(delay_days=3)
    rig.decline(ADA, "lost_card", None)
    steps.until(rig, lambda: any(each.state is CaseState.FINISHING for each in rig.cases()))
    verb(rig, "deauthorize", account=SHOP)
    rig.live(6)
    assert rig.case(ADA).state is CaseState.FINISHING
    assert steps.cancellations(rig) == 0
    verb(rig, "authorize", account=SHOP, platform=worlds.ACCOUNT)
    rig.live(1)
    assert rig.subscription(ADA)["status"] == "canceled"
    assert steps.cancellations(rig) == 1
    nothing_mixed(rig)


def test_missed_events_are_found_by_the_sweep_of_each_account():
    """No webhook arrives at all: the accounts of the manifest's list are swept, each under its own name."""
    rig = connected(listed=(SHOP, MART))
    steps.deaf(rig)
    rig.live(12)
    assert {rig.case(name).state for name in (ADA, BOB)} == {CaseState.RECOVERED}
    nothing_mixed(rig)


def test_an_account_that_is_not_listed_is_none_of_ours():
    """Its events are answered and not kept; nothing is ever sent about it."""
    rig = connected(listed=(SHOP,))
    rig.live(12)
    assert [each.account for each in rig.cases()] == [SHOP]
    assert about(rig, MART) == []
    nothing_mixed(rig)


def test_an_account_that_cannot_be_read_does_not_hide_the_others():
    """Every list of one shop's open invoices comes back broken, and no event arrives: the other is recovered all the same."""
    rig = connected(listed=(SHOP, MART))
    steps.deaf(rig)

    def spoil(request: Request, _status: int, body: str) -> str:
        return "no JSON" if (request.account, request.path) == (SHOP, "/v1/invoices") else body

    rig.change_answer.append(spoil)
    rig.live(12)
    assert [each.account for each in rig.cases()] == [MART]
    assert rig.case(BOB).state is CaseState.RECOVERED
