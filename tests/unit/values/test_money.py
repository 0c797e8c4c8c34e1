"""Money and currencies: whole minor units, one currency at a time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.errors import BrokenInvariant, OperatorError
from flexpay_reconcile.values import currency, money
from flexpay_reconcile.values.currency import AmountRule
from flexpay_reconcile.values.money import Money

ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()
THREE_DECIMAL = "BHD JOD KWD OMR TND".split()


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [
        (1999, "usd", "19.99 USD"),
        (5, "EUR", "0.05 EUR"),
        (0, "usd", "0.00 USD"),
        (-1999, "usd", "-19.99 USD"),
        (500, "jpy", "500 JPY"),
        (-1, "krw", "-1 KRW"),
        (1250, "kwd", "1.250 KWD"),
        (-7, "BHD", "-0.007 BHD"),
        (1900, "isk", "19.00 ISK"),
        (1900, "ugx", "19.00 UGX"),
        (12345, "huf", "123.45 HUF"),
        (12345, "twd", "123.45 TWD"),
        (10**15, "usd", "10000000000000.00 USD"),
    ],
)
def test_text(amount, code, text):
    """Amounts of exponent 0, 2 and 3 are written with that many digits, the sign in front."""
    assert money.of(amount, code).text() == text


def test_exponents():
    """Zero- and three-decimal currencies are the ones Stripe names; every other one has two."""
    by_exponent = {n: {code for code, each in currency.KNOWN.items() if each.exponent == n} for n in (0, 2, 3)}
    assert by_exponent[0] == set(ZERO_DECIMAL)
    assert by_exponent[3] == set(THREE_DECIMAL)
    assert sum(map(len, by_exponent.values())) == len(currency.KNOWN)


def test_stripes_special_cases():
    """ISK and UGX have two digits that must be zero, three-decimal amounts end in zero, HUF and TWD pay out whole."""
    assert {code for code, each in currency.KNOWN.items() if each.rule is AmountRule.MULTIPLE_OF_100} == {"ISK", "UGX"}
    assert {code for code, each in currency.KNOWN.items() if each.rule is AmountRule.MULTIPLE_OF_10} == set(
        THREE_DECIMAL
    )
    assert {code for code, each in currency.KNOWN.items() if each.payout_whole_units} == {"HUF", "TWD"}
    assert currency.of("isk").exponent == 2
    assert currency.of("huf").exponent == 2


@pytest.mark.parametrize("code", ["XXX", "", "usdd", "🪙", "us d"])
def test_unknown_currencies(code):
    """A code outside the table is the operator's to correct, and is not known."""
    assert not currency.is_known(code)
    with pytest.raises(OperatorError) as error:
        currency.of(code)
    assert error.value.code == "E-currency-unknown"


def test_codes_have_two_forms():
    """Either case is read; Stripe's is lower-case."""
    assert currency.of("eUr") == currency.of("EUR")
    assert currency.of("EUR").stripe_code == "eur"
    assert currency.is_known("jpy")


@pytest.mark.parametrize("amount", [1.0, 19.99, True, False, "1", None, Decimal(1)])
def test_only_whole_numbers_are_money(amount):
    """A float, a bool, a text, nothing: none of them becomes money."""
    with pytest.raises(BrokenInvariant):
        Money(amount_minor=amount, currency=currency.of("usd"))


def test_two_currencies_never_meet():
    """Adding or subtracting across currencies is a bug, even when one amount is zero."""
    for act in (money.of(100, "usd").plus, money.of(100, "usd").minus):
        with pytest.raises(BrokenInvariant, match="USD with EUR"):
            act(money.of(0, "eur"))


whole = st.integers(min_value=-(10**18), max_value=10**18)
codes = st.sampled_from(sorted(currency.KNOWN))


@given(whole, whole, codes)
def test_sums_are_exact(left, right, code):
    """Plus and minus are exact and undo each other at any size."""
    one, two = money.of(left, code), money.of(right, code)
    assert one.plus(two).amount_minor == left + right
    assert one.plus(two).minus(two) == one


@given(whole, codes)
def test_text_keeps_every_digit(amount, code):
    """The text read as a decimal, moved by the exponent, is the amount again."""
    number, name = money.of(amount, code).text().split(" ")
    assert name == code
    assert int(Decimal(number).scaleb(currency.of(code).exponent)) == amount


@given(st.lists(st.tuples(whole, codes), max_size=12))
def test_totals_are_one_per_currency(pairs):
    """Totals never mix currencies, leave none out, and come in order of code."""
    sums = money.totals([money.of(amount, code) for amount, code in pairs])
    assert [each.currency.code for each in sums] == sorted({code for _, code in pairs})
    for each in sums:
        assert each.amount_minor == sum(amount for amount, code in pairs if code == each.currency.code)


@pytest.mark.parametrize(("amount", "positive"), [(1, True), (0, False), (-1, False)])
def test_is_positive(amount, positive):
    """Nothing is not something."""
    assert money.of(amount, "usd").is_positive() is positive
