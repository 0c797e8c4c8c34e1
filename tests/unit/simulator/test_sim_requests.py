"""Requests: idempotency, scripted faults, strict parameters, hostile input."""

from __future__ import annotations

import base64

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.protocol import params
from flexpay_reconcile.simulator.protocol.faults import NoAnswer
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.scenario.scenario import env_of
from tests.unit.simulator.helpers import DAY, client, failed_invoice, send, small_world


def test_the_same_key_replays_a_decline_without_charging_again() -> None:
    """The saved 402 comes back with Idempotent-Replayed; the ledger holds one charge."""
    world = small_world()
    invoice = failed_invoice(world)
    before = len(world.ledger.charges)
    first = send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    control.approve(world, "ada")
    again = send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    assert first[0] == again[0] == 402
    assert first[1]["error"]["charge"] == again[1]["error"]["charge"]
    assert again[2]["Idempotent-Replayed"] == "true"
    assert len(world.ledger.charges) == before + 1


def test_a_key_with_other_parameters_or_path_is_refused() -> None:
    """400 idempotency_error, for other parameters and for another path."""
    world = small_world()
    invoice = failed_invoice(world)
    send(world, "POST", f"/v1/invoices/{invoice}", body="metadata[a]=1", Idempotency_Key="k1")
    for path, body in ((f"/v1/invoices/{invoice}", "metadata[a]=2"), (f"/v1/invoices/{invoice}/pay", "metadata[a]=1")):
        status, answer, _ = send(world, "POST", path, body=body, Idempotency_Key="k1")
        assert (status, answer["error"]["type"]) == (400, "idempotency_error")


def test_a_key_is_forgotten_after_a_day() -> None:
    """24 hours later the same key is a new request."""
    world = small_world()
    invoice = failed_invoice(world)
    send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    control.approve(world, "ada")
    world.advance_to(world.now + DAY - 1)
    assert send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")[0] == 402
    world.advance_to(world.now + 1)
    assert send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")[0] == 200


def test_two_api_keys_of_one_account_share_the_idempotency_keys() -> None:
    """A key used with one API key replays with the other."""
    world = small_world()
    invoice = failed_invoice(world)
    send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    other = send(world, "POST", f"/v1/invoices/{invoice}/pay", key=env_of(world)["PRIMARY"], Idempotency_Key="k1")
    assert other[2].get("Idempotent-Replayed") == "true"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/invoices/in_none/pay", ""),
        ("/v1/invoices/{invoice}/pay", "nope=1"),
        ("/v1/invoices/{invoice}/pay", "off_session=perhaps"),
        ("/v1/invoices/{invoice}/pay", "payment_method=pm_none"),
    ],
)
def test_what_was_not_executed_is_not_saved(path, body) -> None:
    """After a refused request its key is free for the right one."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    assert send(world, "POST", path.format(invoice=invoice), body=body, Idempotency_Key="k1")[0] in (400, 404)
    assert send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "executed"),
    [
        ("500", 500, False),
        ("429", 429, False),
        ("429_lock", 429, False),
        ("409", 409, False),
        ("refused", None, False),
        ("timeout_before", None, False),
        ("lost_answer", None, True),
    ],
)
def test_scripted_faults_do_what_they_say(kind, status, executed) -> None:
    """Each kind of fault hits the nth matching request once, executed or not."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    world.sim.faults.add(kind, method="POST", path="/v1/invoices/*/pay", nth=1)
    before = len(world.ledger.charges)
    if status is None:
        with pytest.raises(NoAnswer) as caught:
            send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
        assert caught.value.executed is executed
    else:
        got, _, headers = send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
        assert got == status
        assert ("Stripe-Rate-Limited-Reason" in headers) is (kind == "429")
    assert (len(world.ledger.charges) - before == 1) is executed
    replay = send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    assert replay[0] == (500 if kind == "500" else 200)
    assert world.ledger.successes_by_invoice().get(invoice, 0) == (0 if kind == "500" else 1)


def test_the_transport_turns_silence_into_the_sdks_error() -> None:
    """Before and after hooks and scripted silence all surface as APIConnectionError; `after` comes after execution."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")

    def lose(method: str, path: str) -> None:
        if path.endswith("/pay"):
            raise stripe.APIConnectionError("lost")

    door = SimulatorTransport(world, after=lose)
    api = stripe.StripeClient(env_of(world)["PRIMARY"], http_client=door)
    with pytest.raises(stripe.APIConnectionError):
        api.v1.invoices.pay(invoice)
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    door.faults.add("refused", path="/v1/charges")
    with pytest.raises(stripe.APIConnectionError):
        api.v1.charges.list()
    door.before = lose
    with pytest.raises(stripe.APIConnectionError):
        api.v1.invoices.pay(invoice)


def test_a_lost_answer_is_replayed_under_its_key() -> None:
    """Executed, no answer: the same key gives the saved 200 and there is one charge."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    world.sim.faults.add("lost_answer", path="/v1/invoices/*/pay")
    with pytest.raises(stripe.APIConnectionError):
        api.v1.invoices.pay(invoice, options={"idempotency_key": "k"})
    assert api.v1.invoices.pay(invoice, options={"idempotency_key": "k"}).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_unknown_and_missing_parameters_are_named() -> None:
    """Unknown ones (nested too), missing ones and empty ones are refused with their name."""
    world = small_world()
    cases = {
        "customer=a&items[0][price]=p&colour=red": ("parameter_unknown", "colour"),
        "customer=a&items[0][price]=p&items[0][size]=1": ("parameter_unknown", "items[0][size]"),
        "customer=a": ("parameter_missing", "items"),
        "customer=&items[0][price]=p": ("parameter_invalid_empty", "customer"),
        "customer=a&items[0][price]=p&items[0][quantity]=x": ("parameter_invalid_integer", "items[0][quantity]"),
    }
    for body, expected in cases.items():
        status, answer, _ = send(world, "POST", "/v1/subscriptions", body=body)
        assert status == 400
        assert (answer["error"]["code"], answer["error"]["param"]) == expected


def test_forms_with_nested_brackets_are_read() -> None:
    """`a[b][]`, `a[0][b]` and plain values become lists and dicts; one name used in two ways is refused."""
    assert params.decode("a[b][]=1&a[b][]=2&c[0][d]=x&c[1][d]=y&e=f") == {
        "a": {"b": ["1", "2"]},
        "c": [{"d": "x"}, {"d": "y"}],
        "e": "f",
    }
    for text in ("a=1&a[b]=2", "a[b]=1&a=2", "a[b][c][d][e][f][g]=1", "[x]=1"):
        with pytest.raises(Refusal):
            params.decode(text)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/v1/nothing", "", {}, 404),
        ("PUT", "/v1/charges", "", {}, 404),
        ("GET", "/", "", {}, 404),
        ("GET", "/v1/charges/../../etc", "", {}, 404),
        ("GET", "/v1/charges/", "", {}, 404),
        ("POST", "/v1/customers", "a" * (1024 * 1024 + 1), {}, 413),
        ("POST", "/v1/customers", "{}", {"Content_Type": "application/json"}, 400),
        ("POST", "/v1/customers?x=1", "", {}, 400),
        ("GET", "/v1/charges?" + "&".join(f"a{n}=1" for n in range(2000)), "", {}, 400),
        ("GET", "/v1/charges?limit=10&limit[x]=1", "", {}, 400),
        ("GET", "/v1/charges?limit=1e9", "", {}, 400),
        ("GET", "/v1/charges?created[gte]=" + "9" * 40, "", {}, 400),
        ("GET", "/v1/charges?%ff=1", "", {}, 400),
        ("GET", "/v1/charges?expand[]=" + "a." * 50, "", {}, 400),
        ("GET", "/v1/charges", "", {"Stripe_Version": "2014-01-01"}, 400),
        ("POST", "/v1/customers", "", {"Idempotency_Key": "k" * 256}, 400),
    ],
)
def test_hostile_requests_get_a_stripe_shaped_error(method, path, body, headers, status) -> None:
    """Whatever is sent, the answer is an error document with a type and a request id, never a traceback."""
    world = small_world()
    got, answer, lines = send(world, method, path, body=body, **headers)
    assert got == status
    assert set(answer) == {"error"}
    assert answer["error"]["type"]
    assert lines["Request-Id"].startswith("req_")
    assert lines["Simulator-Clock"] == str(world.now)


def test_basic_authentication_works_as_at_stripe() -> None:
    """The key may be the user name of Basic authentication; rubbish there is a 401."""
    world = small_world()
    token = base64.b64encode((env_of(world)["STANDARD"] + ":").encode()).decode()
    assert send(world, "GET", "/v1/charges", key="", Authorization=f"Basic {token}")[0] == 200
    assert send(world, "GET", "/v1/charges", key="", Authorization="Basic §§")[0] == 401


def test_a_refused_expansion_after_a_payment_is_remembered() -> None:
    """The payment was executed before its answer could be refused, so the key remembers and nothing is charged twice."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    key = env_of(world)["PRIMARY"]
    for _ in range(2):
        status, _, _ = send(
            world,
            "POST",
            f"/v1/invoices/{invoice}/pay",
            key=key,
            body="expand[]=default_payment_method",
            Idempotency_Key="k1",
        )
        assert status == 403
    assert world.ledger.successes_by_invoice()[invoice] == 1
