"""JSON logs: one object a line, the engine's own time, and never a secret. Keys are put together, never written out."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.daemon.logs import JsonFormatter, redact
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.secret import Secret

NOW = Instant.from_text("2026-11-22T09:00:00Z")
BODY = "51HxCANARY"
SECRETS = [kind + "_" + world + "_" + BODY for kind in ("sk", "rk") for world in ("live", "test")] + [
    "whsec_" + BODY,
    "sk_" + "org_" + BODY,
    "whsec_" + BODY + "+/=_-" + BODY,
    "rk_" + "test_sim_" + BODY,
]


def line(message: str, *args: object, exc: BaseException | None = None, **extra: object) -> str:
    """The formatted line of one record."""
    info = (type(exc), exc, exc.__traceback__) if exc is not None else None
    record = logging.LogRecord("flexpay", logging.WARNING, "x.py", 1, message, args, info)
    vars(record).update(extra)
    return JsonFormatter(lambda: NOW).format(record)


def named(name: str) -> str:
    """The formatted line of a record with an extra of that name."""
    record = logging.LogRecord("flexpay", logging.WARNING, "x.py", 1, "x", None, None)
    vars(record)[name] = 1
    return JsonFormatter(lambda: NOW).format(record)


def test_the_form_of_a_line():
    """Time of the engine's clock, level, message, and what was given as extra, on one line."""
    text = line("loop %s failed\nbadly", "inbox", loop="inbox", tries=3)
    assert "\n" not in text
    assert json.loads(text) == {
        "at": "2026-11-22T09:00:00.000Z",
        "level": "warning",
        "message": "loop inbox failed\nbadly",
        "loop": "inbox",
        "tries": "3",
    }


def test_a_clock_that_cannot_be_asked_costs_no_line():
    """Where the clock's own source is down, the last known time stands in its place."""
    clock: list[Instant] = [NOW]

    def now() -> Instant:
        if not clock:
            raise TryLater("the clock is down", code="E-clock")
        return clock.pop()

    formatter = JsonFormatter(now)
    record = logging.LogRecord("flexpay", logging.WARNING, "x.py", 1, "x", None, None)
    assert [json.loads(formatter.format(record))["at"] for _ in range(2)] == [NOW.text(), NOW.text()]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "key={}", "\n{}", "\t{},", "x{}", "_{}.", '"{}"', "https://a/?k={}&b=1", "ü{}", "\\{}"]
)
def test_a_secret_is_masked_wherever_it_stands(secret, around):
    """In a message, an argument, an extra or its name, after an escape or a letter: the secret's body never shows."""
    text = around.format(secret)
    for shown in (line(text), line("%s", text), line("x", extra_field=text), named(text), redact(text)):
        assert BODY not in shown
        assert "***" in shown


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_an_exception_is_masked(secret):
    """A traceback shows neither the message's secret nor that of its cause."""
    try:
        try:
            raise ValueError(secret)
        except ValueError as cause:
            raise RuntimeError(f"could not use\n{secret}") from cause
    except RuntimeError as problem:
        text = line("it failed", exc=problem)
    assert BODY not in text
    shown = json.loads(text)["exception"]
    assert "RuntimeError: could not use" in shown
    assert "ValueError: " in shown


@pytest.mark.parametrize("secret", SECRETS)
def test_a_line_with_a_masked_secret_is_still_json(secret):
    """Masking leaves the line readable by machines."""
    assert json.loads(line("%s", {"key": secret}, more=[secret]))["level"] == "warning"


def test_the_kind_of_a_key_is_still_seen():
    """What is left says which kind of key it was, no more."""
    assert redact("rk_" + "test_" + BODY) == "rk_test_***"
    assert redact("whsec_" + BODY) == "whsec_***"


def test_a_wrapped_secret_never_gets_that_far():
    """A `Secret` logged by mistake shows itself as stars."""
    assert BODY not in line("%s", Secret(BODY), key=Secret(BODY))


@pytest.mark.parametrize("text", ["acct_1ABC", "in_1ABC", "fp1:acct_1:in_1:1", "pk_" + "test_abc", "whsec", "sk_", ""])
def test_other_text_is_left_as_it_is(text):
    """Ids, our own idempotency keys and publishable keys are not masked."""
    assert redact(text) == text


@given(st.text(), st.text(), st.sampled_from(SECRETS))
def test_no_surroundings_uncover_a_secret(before, after, secret):
    """Whatever stands before and after it, the secret's body is gone from the line, which stays JSON."""
    if BODY in before + after:
        return
    text = line("%s", before + secret + after)
    assert BODY not in text
    json.loads(text)


def test_an_exception_without_secret_is_whole():
    """What happened and where can be read."""
    try:
        json.loads("{")
    except ValueError:
        text = line("bad", exc=sys.exc_info()[1])
    assert "JSONDecodeError" in json.loads(text)["exception"]
    assert "test_logs.py" in json.loads(text)["exception"]
