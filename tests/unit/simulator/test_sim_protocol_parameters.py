"""Parameters: unknown, missing and of the wrong type, in Stripe's words; bodies that are no form; API versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe._encode import _api_encode

from flexpay_reconcile.simulator.protocol import params
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.state import API_VERSION
from tests.unit.simulator.helpers import client, error_of, send, small_world


def refused(body: str, shape: params.Shape) -> dict[str, Any]:
    """The error of a form that is refused."""
    with pytest.raises(Refusal) as caught:
        params.check(params.decode(body), shape)
    assert (caught.value.status, caught.value.saved) == (400, False)
    return caught.value.error


def test_one_and_several_unknown_parameters() -> None:
    """Singular for one, plural and a list for several; `param` is the first."""
    one = refused("a=1", {"b": "string"})
    assert (one["message"], one["code"], one["param"]) == ("Received unknown parameter: a", "parameter_unknown", "a")
    two = refused("x=1&b=2&y=3", {"b": "string"})
    assert (two["message"], two["param"]) == ("Received unknown parameters: x, y", "x")
    nested = refused("h[x]=1&h[y]=2", {"h": {"b": "string"}})
    assert nested["message"] == "Received unknown parameters: h[x], h[y]"
    with pytest.raises(stripe.InvalidRequestError, match="Received unknown parameters: colour, size"):
        client(small_world()).v1.customers.create({"name": "A", "colour": "red", "size": 1})


def test_a_missing_parameter_is_named() -> None:
    """Also inside a hash."""
    error = refused("", {"name!": "string"})
    assert (error["code"], error["message"]) == ("parameter_missing", "Missing required param: name.")
    assert refused("h[a]=1", {"h": {"a": "string", "b!": "int"}})["param"] == "h[b]"


@pytest.mark.parametrize(
    ("body", "rule", "message", "code"),
    [
        ("p=x", "int", "Invalid integer: x", "parameter_invalid_integer"),
        ("p=1.5", "int", "Invalid integer: 1.5", "parameter_invalid_integer"),
        ("p=", "int", "Invalid integer: ", "parameter_invalid_integer"),
        ("p=1%0A", "int", "Invalid integer: 1\n", "parameter_invalid_integer"),
        ("p=1", "bool", "Invalid boolean: 1", None),
        ("p=True", "bool", "Invalid boolean: True", None),
        ("p[]=a&p[]=b", "string", 'Invalid string: {"0": "a", "1": "b"}', None),
        ("p[a]=1", "int", 'Invalid integer: {"a": "1"}', None),
        ("p[a]=1", "bool", 'Invalid boolean: {"a": "1"}', None),
        ("p=a", "strings", "Invalid array", None),
        ("p=a", {"x": "int"}, "Invalid object", None),
        ("p[a]=1", [{"a": "int"}], "Invalid array", None),
        ("p=", "string", "You passed an empty string for 'p'", "parameter_invalid_empty"),
        ("p=green", ("red", "blue"), "Invalid p: must be one of red or blue", None),
        ("p=green", ("red", "blue", "grey"), "Invalid p: must be one of red, blue, or grey", None),
        ("p[ge]=1", "range", "Received unknown parameter: p[ge]", "parameter_unknown"),
        ("p=" + "x" * 5001, "string", "Invalid string: p must be at most 5000 characters", None),
    ],
)
def test_wrong_types_are_refused_in_words(body: str, rule: Any, message: str, code: str | None) -> None:
    """Each kind of parameter says what is wrong with it, and which it is."""
    error = refused(body, {"p": rule})
    assert error["message"].startswith(message)
    assert error.get("code") == code
    assert error["param"].startswith("p")


def test_arrays_of_hashes_may_be_written_with_or_without_numbers() -> None:
    """`a[0][x]` and `a[][x]` mean the same; without numbers a repeated field begins the next element."""
    expected = {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}
    assert params.decode("a[0][x]=1&a[0][y]=2&a[1][x]=3") == expected
    assert params.decode("a[][x]=1&a[][y]=2&a[][x]=3") == expected


def test_digits_of_other_alphabets_are_names_not_numbers() -> None:
    """A hash whose names look like numbers to Python only stays a hash; absurd numbers do too."""
    assert params.decode("a[²]=1") == {"a": {"²": "1"}}
    assert params.decode("a[" + "9" * 5000 + "]=1") == {"a": {"9" * 5000: "1"}}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.text(alphabet="ab[]0²%&=+\x00é", max_size=12), st.text(max_size=8)), max_size=8))
def test_any_form_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Whatever a form holds, decoding gives a structure or Stripe's 400, nothing else."""
    text = "&".join(f"{name}={value}" for name, value in pairs)
    shape: params.Shape = {"a": {"b": "int"}, "b": [{"a": "string?"}], "ab": "strings", "0": "map"}
    status = 200
    try:
        params.check(params.decode(text), shape)
    except Refusal as refusal:
        status = refusal.status
    assert status in (200, 400)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.text(min_size=1, max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, min_size=1, max_size=3),
        max_leaves=8,
    )
)
def test_what_the_sdk_encodes_is_read_back(value: Any) -> None:
    """The SDK's own encoder and this decoder agree on nested hashes."""
    given_ = {"top": value}
    assert params.decode(urlencode(list(_api_encode(given_)))) == given_


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_bodies_that_are_no_form_are_refused(kind: str) -> None:
    """Stripe's sentence about the content type."""
    status, body, _ = send(small_world(), "POST", "/v1/customers", body='{"name":"A"}', Content_Type=kind)
    assert status == 400
    assert "check that your POST content type is application/x-www-form-urlencoded" in body["error"]["message"]


def test_the_version_of_the_sdk_is_the_one_spoken_and_no_other() -> None:
    """The pinned version and none at all are fine; an older one and nonsense are refused, politely and differently."""
    world = small_world()
    assert stripe.api_version in (None, API_VERSION)
    assert client(world).v1.charges.list().data
    assert send(world, "GET", "/v1/charges")[2]["Stripe-Version"] == API_VERSION
    assert send(world, "GET", "/v1/charges", Stripe_Version=API_VERSION)[0] == 200
    for version, words in (("2025-03-31.basil", "speaks"), ("2019-2-19", "Invalid Stripe API version: 2019-2-19")):
        status, body, _ = send(world, "GET", "/v1/charges", Stripe_Version=version)
        assert status == 400
        assert words in body["error"]["message"]


def test_row_unknown_id() -> None:
    """404 resource_missing that names the object and the parameter."""
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice: 'in_none'") as caught:
        client(small_world()).v1.invoices.pay("in_none")
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (404, "resource_missing", "invoice")
    assert error_of(caught).doc_url.endswith("resource-missing")
