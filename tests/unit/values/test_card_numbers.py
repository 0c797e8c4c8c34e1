"""Card numbers in free text: found however they are written, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.values import card_number
from flexpay_reconcile.values.card_number import MASK

CARDS = {
    "visa": "4242424242424242",
    "visa of nineteen": "4000160000000000002",
    "mastercard": "5555555555554444",
    "mastercard, new range": "2223003122003222",
    "american express": "378282246310005",
    "discover": "6011111111111117",
    "diners": "36227206271667",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
}


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
def test_a_number_of_each_network_is_masked(number: str):
    """However its digits are grouped, and whatever stands around it."""
    grouped = [number[at : at + 4] for at in range(0, len(number), 4)]
    for written in (number, " ".join(grouped), "-".join(grouped), ".".join(grouped), "  ".join(grouped)):
        for text in ("{}", "card {} of Ada", "PAN:{}.", "x{}y", "({})", "{}/12"):
            shown = card_number.masked(text.format(written))
            assert MASK in shown
            assert not any(char.isdigit() for char in shown.replace("/12", ""))
            assert list(card_number.found(text.format(written)))[:1] == [number]


def test_what_follows_a_number_does_not_hide_it():
    """An expiry or a code right behind it goes with it."""
    assert card_number.masked("4242424242424242 12 34 123 ok") == f"{MASK} ok"


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "1760000000000",
        "2026-11-23 17:24:01.123456",
        "in_1NxYz20261123172401",
        "order 9912345678901",
        "12345",
        "",
    ],
)
def test_what_is_no_card_number_stays(text: str):
    """A wrong last digit, instants, order numbers and ids are left alone."""
    assert card_number.masked(text) == text


@given(st.text(alphabet="0123456789 -ab", max_size=60))
def test_masking_leaves_no_number_behind(text: str):
    """After masking nothing is found, and masking again changes nothing."""
    shown = card_number.masked(text)
    assert list(card_number.found(shown)) == []
    assert card_number.masked(shown) == shown
