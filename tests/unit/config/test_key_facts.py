"""What a key's prefix says. Live-looking keys are put together here, never written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.config.keys import Environment, KeyFacts, KeyType, facts_of
from flexpay_reconcile.values.secret import Secret

LIVE, TEST = "_" + "live_", "_" + "test_"
REST = st.text(alphabet="ABCDEFabcdef0123456789", min_size=1, max_size=120)
PREFIXES = [
    ("rk" + LIVE, KeyType.RESTRICTED, Environment.LIVE),
    ("rk" + TEST, KeyType.RESTRICTED, Environment.SANDBOX),
    ("sk" + LIVE, KeyType.STANDARD, Environment.LIVE),
    ("sk" + TEST, KeyType.STANDARD, Environment.SANDBOX),
]


@given(REST, st.sampled_from(PREFIXES))
def test_the_four_kinds_of_secret_key(rest, row):
    """The prefix says which kind of key it is and which world it works in."""
    prefix, kind, environment = row
    assert facts_of(Secret(prefix + rest)) == KeyFacts(type=kind, environment=environment)


@pytest.mark.parametrize(
    "value",
    [
        "rk" + LIVE,
        "rk" + TEST,
        "RK" + TEST + "abc",
        " rk" + TEST + "abc",
        "rk" + TEST + "abc ",
        "rk" + TEST + "abc\n",
        "rk" + TEST + "ab-c",
        "rk" + TEST + "ab_c",
        "rk" + TEST + "äbc",
        "rk" + TEST + "abc٣",
        "rk" + TEST + "rk" + TEST + "abc",
        "pk" + LIVE + "abc",
        "whsec_" + "abc",
        "rk_abc",
        "abc",
    ],
)
def test_what_is_no_secret_key(value):
    """A publishable key, a signing secret, a key with something around it, or anything else is no Stripe secret key."""
    assert facts_of(Secret(value)) is None


@given(st.text(min_size=1))
def test_no_text_raises(value):
    """Whatever an environment variable holds, the answer is facts or None."""
    facts_of(Secret(value))


@pytest.mark.parametrize(("environment", "livemode"), [(Environment.LIVE, True), (Environment.SANDBOX, False)])
def test_livemode(environment, livemode):
    """The environment says what `livemode` reads on its objects (invariant A16)."""
    assert environment.livemode is livemode
