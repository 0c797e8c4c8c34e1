"""A secret's value leaves it by `reveal()` and no other way."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values.secret import Secret, SecretRef, SecretSource

VALUE = "rk_test_" + "4eC39HqLyjWDarjt"


@dataclass(frozen=True)
class Holder:
    """Something of ours that holds a secret."""

    name: str
    key: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        "%s".__mod__,
        "%r".__mod__,
        lambda secret: f"{secret}",
        lambda secret: str([secret]),
        lambda secret: str({secret: secret}),
        lambda secret: repr(Holder(name="primary", key=secret)),
        lambda secret: json.dumps({"key": secret}, default=str),
        lambda secret: logging.LogRecord("x", 20, "x", 1, "key %s", (secret,), None).getMessage(),
        lambda secret: str(hash(secret)),
    ],
)
def test_no_text_shows_it(show):
    """No text form of a secret, or of what holds one, has the value or a part of it."""
    text = show(Secret(VALUE))
    assert VALUE not in text
    assert VALUE[-6:] not in text


@pytest.mark.parametrize(
    "act",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        lambda secret: asdict(Holder(name="primary", key=secret)),
        lambda secret: pickle.dumps(Holder(name="primary", key=secret)),
        vars,
        iter,
        len,
        bytes,
    ],
)
def test_it_cannot_be_serialised(act):
    """Pickling, copying, encoding and taking apart fail, and the error does not show the value."""
    with pytest.raises((BrokenInvariant, TypeError)) as error:
        act(Secret(VALUE))
    assert VALUE not in "".join(traceback.format_exception(error.value))


def test_a_traceback_with_locals_does_not_show_it():
    """A traceback that prints local variables prints the mask."""

    def fail(key: Secret) -> None:
        raise ValueError(f"refused {key}")

    try:
        fail(Secret(VALUE))
    except ValueError as error:
        lines = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(***)" in lines
    assert VALUE not in lines.replace(repr(VALUE), "")
    assert "rk_test_" not in lines.partition("in fail")[2]


def test_reveal_and_equality():
    """The value comes out by `reveal`; equality is by value and a secret is no text."""
    assert Secret(VALUE).reveal() == VALUE
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


def test_an_empty_secret_is_a_bug():
    """There is no empty secret."""
    with pytest.raises(BrokenInvariant):
        Secret("")


def test_references_hold_no_secret():
    """A reference is its source and name; a command's arguments, which may hold one, are not in its text."""
    reference = SecretRef(source=SecretSource.COMMAND, name="vault", arguments=("read", "-token", VALUE))
    assert reference.text() == "command:vault"
    assert SecretRef(source=SecretSource.ENV, name="ACME_KEY").text() == "env:ACME_KEY"
