"""Webhook signatures, with the SDK's own signer as an independent witness."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from flexpay_reconcile.billing.signature import TOLERANCE, Verdict, verify
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret

NOW = Instant.from_text("2026-11-22T09:00:00Z")
BODY = '{"id":"evt_1","amount":1999,"name":"Ada Löwe"}'
ONE, TWO = "whsec_" + "one", "whsec_" + "two"


def signed(body: str = BODY, secret: str = ONE, at: int = NOW.seconds) -> str:
    """The header Stripe's own SDK makes."""
    return str(WebhookSignature.generate_signature_header(body, secret, at))


def v1(secret: str = ONE, body: str = BODY, at: str = str(NOW.seconds)) -> str:
    """Only the hex of a signature."""
    return hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()


def verdict(
    header: str, *, body: bytes = BODY.encode(), secrets: tuple[str, ...] = (ONE,), now: Instant = NOW
) -> Verdict:
    """What our check says."""
    return verify(body, header, [Secret(each) for each in secrets], now)


def test_genuine():
    """A header made by Stripe's SDK is genuine."""
    assert verdict(signed()) is Verdict.GENUINE


@given(st.text(), st.text(alphabet="abcdefghijklmnop0123456789", min_size=1), st.integers(0, 4_000_000_000))
def test_the_sdk_signs_and_we_agree(body, secret, at):
    """Whatever text the SDK signs, with whatever secret and time, we find genuine at that time."""
    body = body.encode("utf-8", "ignore").decode()
    header = signed(body, secret, at)
    assert verdict(header, body=body.encode(), secrets=(secret,), now=Instant.from_seconds(at)) is Verdict.GENUINE


def test_several_secrets():
    """While an endpoint is replaced, the old and the new secret are both accepted, in any order."""
    assert verdict(signed(secret=TWO), secrets=(ONE, TWO)) is Verdict.GENUINE
    assert verdict(signed(secret=TWO), secrets=(TWO, ONE)) is Verdict.GENUINE


def test_several_signatures():
    """While Stripe rolls a secret it signs with both; one that matches is enough, wherever it stands."""
    wrong = "0" * 64
    for signatures in ([wrong, v1()], [v1(), wrong], [v1(TWO), wrong, v1()]):
        header = f"t={NOW.seconds}," + ",".join(f"v1={each}" for each in signatures)
        assert verdict(header) is Verdict.GENUINE


def test_other_schemes_are_ignored():
    """A v0 signature never makes a header genuine, and never spoils one."""
    assert verdict(f"t={NOW.seconds},v0={v1()}") is Verdict.MALFORMED
    assert verdict(f"t={NOW.seconds},v0=abc,v1={v1()}") is Verdict.GENUINE


@pytest.mark.parametrize(
    "header",
    [
        signed(secret=TWO),
        signed(BODY + " "),
        signed().replace(f"t={NOW.seconds}", f"t={NOW.seconds + 1}"),
        f"t={NOW.seconds},v1={'0' * 64}",
        f"t={NOW.seconds},v1=",
        f"t={NOW.seconds},v1={v1()[:-1]}",
        f"t={NOW.seconds},v1={v1().upper()}x",
    ],
    ids=["other secret", "other body", "other time", "zeros", "empty", "cut short", "too long"],
)
def test_forged(header):
    """Another secret, body or time, and anything that is not exactly the signature, is forged."""
    assert verdict(header) is Verdict.FORGED


def test_without_a_secret_everything_is_forged():
    """An endpoint whose secret is not known accepts nothing."""
    assert verdict(signed(), secrets=()) is Verdict.FORGED


@given(st.integers(0, len(BODY.encode()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_forged(place, change):
    """The signature covers every byte of the body."""
    body = bytearray(BODY.encode())
    body[place] ^= change
    assert verdict(signed(), body=bytes(body)) is Verdict.FORGED


def test_raw_bytes_are_verified_not_text():
    """A body that is no UTF-8 at all can be genuine: nothing is decoded before the check."""
    body = b"\xff\xfe{}"
    digest = hmac.new(ONE.encode(), f"{NOW.seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert verdict(f"t={NOW.seconds},v1={digest}", body=body) is Verdict.GENUINE


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (TOLERANCE.ms, Verdict.GENUINE),
        (TOLERANCE.ms + 1, Verdict.TOO_OLD),
        (-TOLERANCE.ms, Verdict.GENUINE),
        (-TOLERANCE.ms - 1, Verdict.FROM_THE_FUTURE),
        (10 * 365 * 24 * 3600 * 1000, Verdict.TOO_OLD),
        (-10 * 365 * 24 * 3600 * 1000, Verdict.FROM_THE_FUTURE),
    ],
)
def test_tolerance_both_ways(ms, expected):
    """Five minutes of age either way are accepted to the millisecond, and nothing beyond."""
    assert verdict(signed(), now=NOW.plus(Span(ms))) is expected


def test_an_own_tolerance():
    """A narrower tolerance is kept too."""
    now = NOW.plus(Span.of(seconds=11))
    assert verify(BODY.encode(), signed(), [Secret(ONE)], now, Span.of(seconds=10)) is Verdict.TOO_OLD


def test_an_old_forgery_is_called_a_forgery():
    """Age is looked at only after the signature, so that a forger learns nothing of our clock."""
    assert verdict(signed(secret=TWO), now=NOW.plus(Span.of(days=1))) is Verdict.FORGED


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "=",
        "t=",
        "t=,v1=",
        "v1=abc",
        f"v1={v1()}",
        f"t={NOW.seconds}",
        f"t=-1,v1={v1()}",
        f"t=1e9,v1={v1()}",
        f"t= {NOW.seconds},v1={v1()}",
        f"t=١٢٣,v1={v1()}",
        f"t={'9' * 13},v1={v1()}",
        f"T={NOW.seconds},V1={v1()}",
        f"t={NOW.seconds};v1={v1()}",
        f"t={NOW.seconds},v1=é",
        "x" * 100_000,
        f"t={NOW.seconds},v1={v1()}," + "v1=0," * 500,
    ],
)
def test_malformed(header):
    """Without a readable time and a v1 signature, or when far too long, a header is malformed."""
    assert verdict(header) is Verdict.MALFORMED


def test_a_flood_of_signatures_is_cut_off():
    """Only the first sixteen signatures are looked at."""
    zeros = ",".join(["v1=0"] * 15)
    assert verdict(f"t={NOW.seconds},{zeros},v1={v1()}") is Verdict.GENUINE
    assert verdict(f"t={NOW.seconds},v1=0,{zeros},v1={v1()}") is Verdict.FORGED


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["t=", "v1=", ",", "=", "1", "a", " ", "v0=", "\n"]), max_size=40).map("".join)
)
def test_no_header_raises_and_none_is_genuine_by_chance(header):
    """Any text at all gets a verdict, and without our secret it is never genuine."""
    assert verdict(header) in (Verdict.MALFORMED, Verdict.FORGED)
