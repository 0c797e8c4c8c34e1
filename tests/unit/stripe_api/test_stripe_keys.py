"""The key ring: each reference is resolved once, and a pair that does not fit is refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile.adapters.stripe_api.keys import KeyRing
from flexpay_reconcile.config.keys import Environment, KeyType
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.secret import SecretRef, SecretSource
from tests.unit.stripe_api.canned import Bench, Vault, integration, invoice


def test_references_are_resolved_once():
    """A second look asks nobody, another set of references asks again."""
    vault = Vault()
    ring = KeyRing(vault)
    assert ring.pair(integration()) is ring.pair(integration())
    assert vault.asked == ["PRIMARY", "FALLBACK"]
    moved = integration()
    keys = replace(moved.api_keys, primary=SecretRef(source=SecretSource.FILE, name="PRIMARY"))
    ring.pair(replace(moved, api_keys=keys))
    assert vault.asked == ["PRIMARY", "FALLBACK"] * 2


def test_forgetting_asks_again():
    """After `forget` a replaced secret is found."""
    vault = Vault()
    ring = KeyRing(vault)
    ring.pair(integration())
    vault.values["PRIMARY"] = "rk_test_New1"
    ring.forget(integration())
    assert ring.pair(integration()).primary.reveal() == "rk_test_New1"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"PRIMARY": "hunter2"}, "E-key-shape"),
        ({"FALLBACK": "pk_test_1"}, "E-key-shape"),
        ({"PRIMARY": "sk_test_Canary1"}, "E-key-type"),
        ({"FALLBACK": "rk_" + "live_Canary1"}, "E-key-environment"),
        ({"PRIMARY": "rk_test_Same1", "FALLBACK": "rk_test_Same1"}, "E-key-same"),
    ],
)
def test_pairs_that_do_not_fit(values, code):
    """Shape, type, environment and sameness are checked, and no value is shown."""
    with pytest.raises(OperatorError) as caught:
        KeyRing(Vault(**values)).pair(integration())
    assert (caught.value.code, caught.value.kind) == (code, ErrorKind.KEY_REFUSED)
    assert not any(value in str(caught.value) for value in values.values())


def test_gateways_are_not_made_without_keys():
    """A reference that leads nowhere is known before the first request."""
    bench = Bench()
    del bench.vault.values["FALLBACK"]
    bench.http.answers(200, invoice())
    with pytest.raises(OperatorError):
        bench.gateways().charger(integration())
    assert bench.http.sent == []


def test_a_standard_pair_fits_a_standard_integration():
    """`api_keys.type: standard` takes sk_ keys, in live as well."""
    base = integration(environment=Environment.LIVE)
    standard = replace(base, api_keys=replace(base.api_keys, type=KeyType.STANDARD))
    vault = Vault(PRIMARY="sk_" + "live_A1", FALLBACK="sk_" + "live_B2")
    assert KeyRing(vault).pair(standard).fallback.reveal().startswith("sk_")
