"""Secrets in a manifest: found wherever they stand, shown nowhere; and what resolved keys must be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.manifest.key_checks import check_keys
from flexpay_reconcile.values.secret import Secret
from tests.unit.manifest.book import FILE, SOUND, at, configured, expect, loaded, printed, said, swapped

TAIL = "51AbCdEfGh0123456789"
SECRETS = [f"{kind}_{TAIL}" for kind in ("sk_" + "live", "rk_" + "live", "sk_" + "test", "rk_" + "test", "whsec")]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_clear_is_a_fault_at_its_place_and_never_shown(secret):
    """As a value, in a comment, as a key, in the middle of a text: each is found at its line and column."""
    for old, new, more in [
        ("primary: {env: ACME_US_STRIPE_PRIMARY}", f"primary: «{secret}", ["E-type"]),
        ("primary: {env: ACME_US_STRIPE_PRIMARY}", f"primary: {{env: «{secret}}}", []),
        ("name: Acme US\n    company", f"name: key «{secret} of Acme\n    company", []),
        ("version: 1", f"version: 1  # old key: «{secret}", []),
        ("status: enabled", f"status: «{secret}", ["E-choice"]),
        ("retry_policy: default", f"retry_policy: «{secret}", ["E-policy-unknown"]),
        ("time_zone: America/New_York", f"time_zone: «{secret}", ["E-time-zone"]),
        ("  acme-us:\n", f"  acme-us:\n    «{secret}: x\n", ["E-unknown-key"]),
        ("companies:\n", f"companies:\n  «{secret}: {{}}\n", ["E-id"]),
        ("version: 1", f"version: !«{secret} 1", ["E-yaml-tag", "E-version"]),
        ("stripe/acme-us-live", f"stripe/«{secret}#x", ["E-url-fragment"]),
    ]:
        text, where = swapped(old, new)
        found = said(text)
        assert f"{where} E-secret-literal" in found, (new, found)
        assert sorted(each.split()[1] for each in found) == sorted(["E-secret-literal", *more])
        assert TAIL[:6] not in printed(text)
        assert loaded(text).configuration is None


def test_a_secret_is_found_in_what_is_no_yaml():
    """Even where the file cannot be parsed or decoded, the secret in it is told, with a column in characters."""
    assert sorted(each.split()[1] for each in said(f"a: [\nb: {SECRETS[0]}")) == ["E-secret-literal", "E-yaml-syntax"]
    assert "2:4 E-secret-literal" in said(f"a: \x07\nä: {SECRETS[0]}")


def test_an_escaped_or_broken_secret_is_found_once():
    """A secret that only the parsed value shows is found, and one that both show is told once."""
    escaped = SECRETS[0].replace("_", "\\x5f")
    expect("E-secret-literal", "name: Acme US\n    company", f'name: «"{escaped}"\n    company')
    broken = SECRETS[0][:12] + "\\\n      " + SECRETS[0][12:]
    expect("E-secret-literal", "name: Acme US\n    company", f'name: «"{broken}"\n    company')
    text, _ = swapped("name: Acme US\n    company", f"name: |-\n      first\n      {SECRETS[0]}\n    company")
    assert [each.split()[1] for each in said(text)] == ["E-secret-literal"]


def test_names_that_only_resemble_secrets_pass():
    """Prefixes without a body, publishable keys and ordinary words are no secrets."""
    text = (
        SOUND.replace("ACME_US_STRIPE_PRIMARY", "RK_LIVE_ACME").replace("acme_us_fallback", "rk_live_us")
        + "# rk_test_… pk_live_51AbCdEfGh\n"
    )
    assert loaded(text).diagnostics == ()


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, len(SOUND)), secret=st.sampled_from(SECRETS), cut=st.booleans())
def test_no_diagnostic_ever_shows_a_secret(position, secret, cut):
    """Wherever in a manifest a secret is pasted, whatever it breaks, it is reported and its body is in no message, hint or path."""
    text = SOUND[:position] + secret + (SOUND[position + 7 :] if cut else SOUND[position:])
    assert any(diagnostic.code == "E-secret-literal" for diagnostic in loaded(text).diagnostics)
    shown = printed(text)
    assert not any(TAIL[start : start + 8] in shown for start in range(len(TAIL) - 7))


def _checked(primary: str, fallback: str, **changes: str):
    text = SOUND
    for old, new in changes.items():
        text = text.replace(f"{old}: {'live' if old == 'environment' else 'restricted'}", f"{old}: {new}")
    result = loaded(text)
    integration = configured(result).integrations["acme-us-live"]
    return check_keys(integration, Secret(primary), Secret(fallback), result.places)


RESTRICTED_LIVE = "rk_" + "live_"
RESTRICTED_TEST = "rk_" + "test_"
STANDARD_LIVE = "sk_" + "live_"


def test_two_right_keys_pass():
    """Two different restricted live keys fit a restricted live integration."""
    assert _checked(RESTRICTED_LIVE + "a1", RESTRICTED_LIVE + "b2") == []
    assert _checked(RESTRICTED_TEST + "a1", RESTRICTED_TEST + "b2", environment="sandbox") == []


@pytest.mark.parametrize(
    ("primary", "fallback", "codes"),
    [
        (RESTRICTED_LIVE + "same1", RESTRICTED_LIVE + "same1", ["17:7 E-key-same"]),
        (RESTRICTED_TEST + "a1", RESTRICTED_LIVE + "b2", ["16:7 E-key-environment"]),
        (RESTRICTED_LIVE + "a1", STANDARD_LIVE + "b2", ["17:7 E-key-type"]),
        (
            STANDARD_LIVE.replace("live", "test") + "a1",
            RESTRICTED_LIVE + "b2",
            ["16:7 E-key-type", "16:7 E-key-environment"],
        ),
        ("pk_live_a1", "hunter2hunter2", ["16:7 E-key-shape", "17:7 E-key-shape"]),
        (RESTRICTED_LIVE + "with space", RESTRICTED_LIVE + "b2\n", ["16:7 E-key-shape", "17:7 E-key-shape"]),
    ],
)
def test_wrong_keys_are_told_at_their_reference_and_not_shown(primary, fallback, codes):
    """Type, environment, shape and sameness are told at the line of the reference, without any part of the value."""
    found = _checked(primary, fallback)
    assert [f"{at(d)} {d.code}" for d in found] == codes
    shown = "\n".join(d.text() for d in found)
    assert FILE in shown
    for value in (primary, fallback):
        assert value not in shown
        assert value.rpartition("_")[2] not in shown


def test_keys_without_known_places_are_checked_too():
    """A configuration that came from the store has no places; the words still name integration and reference."""
    integration = configured(loaded(SOUND)).integrations["acme-us-live"]
    found = check_keys(integration, Secret("x"), Secret(RESTRICTED_LIVE + "b2"), {})
    assert [d.code for d in found] == ["E-key-shape"]
    assert "the primary key of acme-us-live (env:ACME_US_STRIPE_PRIMARY)" in found[0].text()
