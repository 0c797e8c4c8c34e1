"""Rate limits and locks: what is counted for whom, which reason is named, and that nothing is limited by default."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.protocol.limiter import REASONS, STRIPE_LIMITS, Limiter, Limits, limits_of
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, document, error_of, failed_invoice, send, small_world

REASON = "Stripe-Rate-Limited-Reason"


def limited(limits: Any, **changes: Any) -> World:
    """The small world with limits."""
    return build_world({**document(**changes), "limits": limits})


def reasons(world: World, path: str, times: int, method: str = "GET", **headers: str) -> list[str]:
    """Ask so often; the reason of every 429, in order, and "" for what was admitted."""
    answers = [send(world, method, path, **headers) for _ in range(times)]
    assert {status for status, _, _ in answers} <= {200, 402, 404, 429}
    return [lines.get(REASON, "") for _, _, lines in answers]


def test_nothing_is_limited_by_default() -> None:
    """In process thousands of requests may fall on one virtual second."""
    assert set(reasons(small_world(), "/v1/charges?limit=1", 300)) == {""}


def test_row_rate_limit_endpoint() -> None:
    """The 26th call of one operation in a second is 429 endpoint-rate, without a lock's header; a second later not."""
    world = limited({"endpoint": 25})
    assert reasons(world, "/v1/charges", 26) == [""] * 25 + ["endpoint-rate"]
    assert reasons(world, "/v1/customers", 1) == [""]
    with pytest.raises(stripe.RateLimitError) as caught:
        client(world).v1.charges.list()
    assert (caught.value.http_status, error_of(caught).code) == (429, "rate_limit")
    headers = caught.value.headers or {}
    assert (headers[REASON.lower()], headers["stripe-should-retry"]) == ("endpoint-rate", "false")
    world.advance_to(world.now + 1)
    assert reasons(world, "/v1/charges", 26) == [""] * 25 + ["endpoint-rate"]


def test_row_rate_limit_global_in_a_sandbox_and_live() -> None:
    """Stripe's figures: 25 a second in a sandbox, 100 live, over all endpoints and keys of the account."""
    keys = [{"env": "STANDARD", "type": "standard"}, {"env": "OTHER", "type": "standard"}]
    for livemode, most in ((False, 25), (True, 100)):
        world = limited("stripe", livemode=livemode, keys=keys)
        paths = ("/v1/charges", "/v1/customers", "/v1/invoices", "/v1/products", "/v1/prices")
        for number in range(most):
            key = env_of(world)["OTHER" if number % 2 else "STANDARD"]
            assert send(world, "GET", paths[number // 2 % 5], key=key)[0] == 200
        status, _, headers = send(world, "GET", "/v1/events")
        assert (status, headers[REASON]) == (429, "global-rate")


def test_each_account_and_mode_has_its_own_bucket() -> None:
    """One mode's flood leaves the other mode alone."""
    keys = [{"env": "STANDARD", "type": "standard"}, {"env": "LIVE", "type": "standard", "livemode": True}]
    world = limited({"global": 3}, keys=keys)
    assert reasons(world, "/v1/charges", 4)[-1] == "global-rate"
    assert send(world, "GET", "/v1/charges", key=env_of(world)["LIVE"])[0] == 200


def test_all_invoices_share_the_endpoint_of_pay() -> None:
    """Each named operation is one endpoint: another id is the same endpoint, another verb is not."""
    world = limited({"endpoint": 2})
    assert reasons(world, "/v1/invoices/in_a/pay", 2, "POST") == ["", ""]
    assert reasons(world, "/v1/invoices/in_b/pay", 1, "POST") == ["endpoint-rate"]
    assert reasons(world, "/v1/invoices/in_b/void", 1, "POST") == [""]


def test_a_limited_request_is_not_executed_and_its_key_stays_free() -> None:
    """The limiter comes before the idempotency layer: nothing is charged, nothing saved, even for a known key."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    control_api.post(world, "limits", {"value": "stripe"})
    reasons(world, "/v1/charges", 25)
    path = f"/v1/invoices/{invoice}/pay"
    before = len(world.ledger.charges)
    assert send(world, "POST", path, Idempotency_Key="k1")[2][REASON] == "global-rate"
    assert len(world.ledger.charges) == before
    world.advance_to(world.now + 1)
    assert send(world, "POST", path, Idempotency_Key="k1")[0] == 200
    reasons(world, "/v1/charges", 24)
    assert send(world, "POST", path, Idempotency_Key="k1")[0] == 429
    control_api.post(world, "limits", {"value": "off"})
    assert send(world, "POST", path, Idempotency_Key="k1")[2]["Idempotent-Replayed"] == "true"


def test_a_bad_key_is_not_counted_and_a_missing_permission_is() -> None:
    """401 comes before the limiter, 403 after it."""
    world = limited({"global": 2}, keys=[{"env": "STANDARD", "type": "restricted", "permissions": "flexpay"}])
    for _ in range(5):
        assert send(world, "GET", "/v1/charges", key="sk_test_" + "x" * 24)[0] == 401
    assert [send(world, "GET", "/v1/account")[0] for _ in range(3)] == [403, 403, 429]


def test_a_subscription_gets_ten_new_invoices_a_minute() -> None:
    """Resource-specific: with ten invoices of the last minute the subscription's next update is refused, later not."""
    world = limited({"resources": True})
    subscription = client(world).v1.subscriptions.list({"limit": 1}).data[0].id
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    table = account.table("invoice")
    ids = account.invoices_of[subscription]
    while len(ids) < 10:
        ids.append(table.add({**table.rows[ids[0]], "id": f"in_more{len(ids)}"})["id"])
    for id_ in ids:
        table.rows[id_]["created"] = world.now
    path = f"/v1/subscriptions/{subscription}"
    status, _, headers = send(world, "POST", path, body="metadata[a]=b")
    assert (status, headers[REASON]) == (429, "resource-specific")
    world.step_to(world.now + 61)
    assert send(world, "POST", path, body="metadata[a]=b")[0] == 200


def test_twenty_new_invoices_a_day_and_a_thousand_updates_of_an_intent_an_hour() -> None:
    """The day's figure counts beside the minute's; an intent's thousand refill over the hour."""
    limiter = Limiter()
    limiter.set(STRIPE_LIMITS)
    limiter.admit_invoice([100 * number for number in range(19)], 3000)
    with pytest.raises(Refusal):
        limiter.admit_invoice([100 * number for number in range(20)], 3000)
    limiter.admit_invoice([100 * number for number in range(20)], 3000 + DAY)
    for _ in range(1000):
        limiter.admit_update(("acct_1", False), "pi_1", 0)
    with pytest.raises(Refusal) as caught:
        limiter.admit_update(("acct_1", False), "pi_1", 0)
    assert caught.value.headers[REASON] == "resource-specific"
    limiter.admit_update(("acct_1", False), "pi_2", 0)
    limiter.admit_update(("acct_1", False), "pi_1", 4)


def test_requests_that_still_run_count_against_concurrency() -> None:
    """As many as the limit may run at once, of an endpoint and in all; one that ends makes room."""
    limiter = Limiter()
    limiter.set(Limits(global_at_once=2, endpoint_at_once=1))
    account, pay, void = ("acct_1", False), ("POST", ("pay",)), ("POST", ("void",))
    limiter.begin(account, pay)
    with pytest.raises(Refusal) as caught:
        limiter.admit(account, pay, 0)
    assert caught.value.headers[REASON] == "endpoint-concurrency"
    limiter.admit(account, void, 0)
    limiter.begin(account, void)
    with pytest.raises(Refusal) as caught:
        limiter.admit(account, ("GET", ("x",)), 0)
    assert caught.value.headers[REASON] == "global-concurrency"
    limiter.end(account, pay)
    limiter.admit(account, pay, 0)
    limiter.end(account, void)
    assert limiter.running == {}


def test_a_bucket_holds_one_seconds_worth_at_most() -> None:
    """After an idle hour no more than a second's requests pass at once."""
    world = limited({"global": 5})
    assert reasons(world, "/v1/charges", 1) == [""]
    world.advance_to(world.now + 3600)
    assert reasons(world, "/v1/charges", 6) == [""] * 5 + ["global-rate"]


@pytest.mark.parametrize(
    "value", ["many", 25, {"galactic": 3}, {"global": 0}, {"endpoint": True}, {"endpoint": "25"}, {"resources": 1}]
)
def test_scenarios_with_impossible_limits_are_refused(value: Any) -> None:
    """Names, numbers and types are checked, with the path."""
    with pytest.raises(ScenarioError, match="limits"):
        limited(value)


def test_limits_are_read_as_they_are_written() -> None:
    """`global` stands for both modes unless one is named; every reason of Stripe's can be given."""
    read = limits_of({"global": 25, "live": 100, "endpoint": 7, "global_concurrency": 3, "endpoint_concurrency": 2})
    assert (read.live, read.sandbox, read.endpoint, read.global_at_once, read.endpoint_at_once) == (100, 25, 7, 3, 2)
    assert len(REASONS) == 5


def test_row_lock_timeout() -> None:
    """A held object cannot be written: 429 lock_timeout that may be sent again at once, without a limiter's reason."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    control_api.post(world, "lock", {"object": invoice, "seconds": 30})
    before = len(world.ledger.charges)
    with pytest.raises(stripe.RateLimitError) as caught:
        client(world).v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
    headers = caught.value.headers or {}
    assert error_of(caught).code == "lock_timeout"
    assert headers["stripe-should-retry"] == "true"
    assert REASON.lower() not in headers
    assert len(world.ledger.charges) == before
    assert client(world).v1.invoices.retrieve(invoice).status == "open"
    world.advance_to(world.now + 30)
    assert client(world).v1.invoices.pay(invoice, options={"idempotency_key": "k1"}).status == "paid"


def test_a_lock_holds_for_parameters_too_and_can_be_lifted() -> None:
    """An object named in a parameter is held as well; 0 seconds lets it go; two holds last as long as the longer."""
    world = small_world()
    customer = client(world).v1.customers.list({"limit": 1}).data[0].id
    control_api.post(world, "lock", {"object": customer, "seconds": 60})
    control_api.post(world, "lock", {"object": customer, "seconds": 10})
    path, body = "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}"
    world.advance_to(world.now + 20)
    assert send(world, "POST", path, body=body)[1]["error"]["code"] == "lock_timeout"
    assert send(world, "POST", path, body=f"{body}&nope=1")[1]["error"]["code"] == "parameter_unknown"
    control_api.post(world, "lock", {"object": customer, "seconds": 0})
    assert send(world, "POST", path, body=body)[0] == 200


def test_the_sdk_sends_a_locked_request_again_by_itself_but_not_a_limited_one(monkeypatch: Any) -> None:
    """Stripe-Should-Retry decides: with two retries the lock is asked three times, the limiter once."""
    waits: list[float] = []
    monkeypatch.setattr("stripe._http_client.time", SimpleNamespace(sleep=waits.append, time=lambda: 0.0))
    for kind, asked in (("429_lock", 3), ("429", 1)):
        world = small_world()
        world.sim.faults.add(kind, times=100)
        before = world.sim.requests
        with pytest.raises(stripe.RateLimitError):
            client(world).v1.charges.list(options={"max_network_retries": 2})
        assert world.sim.requests - before == asked
    assert len(waits) == 2
