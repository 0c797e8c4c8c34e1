"""Overlays: maps merge key by key, scalars and lists replace, `null` removes, and every place is the one that counts."""

from __future__ import annotations

import pytest

from flexpay_reconcile.manifest.load import load
from tests.unit.manifest.book import SOUND as GOOD

OVER = "overlays/live.yaml"


def laid(overlay: str, base: str = GOOD):
    """The manifest with an overlay over it."""
    return load([("flexpay.yaml", base.encode())], overlay=(OVER, overlay.encode()))


def faults(loaded) -> list[str]:
    """Codes with places."""
    return [f"{each.place.file if each.place else ''} {each.code}" for each in loaded.diagnostics]


def name_of(loaded) -> str:
    """The one integration's id."""
    return next(iter(loaded.configuration.integrations))


def test_an_empty_overlay_changes_nothing_but_says_it_was_there():
    """Laid over, the digest is the same; the overlay is named."""
    plain, over = load([("flexpay.yaml", GOOD.encode())]), laid("version: 1\n")
    assert (over.digest, over.overlay, plain.overlay) == (plain.digest, OVER, None)
    assert over.places == plain.places


def test_maps_merge_and_scalars_replace():
    """One key deep down is another; its neighbours stay; its place is the overlay's, theirs the manifest's."""
    plain = load([("flexpay.yaml", GOOD.encode())])
    name = name_of(plain)
    assert plain.configuration is not None
    over = laid(f"integrations:\n  {name}:\n    description: Another\n")
    assert over.configuration is not None, faults(over)
    changed, kept = over.configuration.integrations[name], plain.configuration.integrations[name]
    assert changed.description == "Another"
    assert changed.webhook == kept.webhook
    assert over.places[f"integrations.{name}.description"].file == OVER
    assert over.places[f"integrations.{name}.webhook.url"].file == "flexpay.yaml"


def test_lists_replace():
    """A list is not added to."""
    over = laid("currencies: [CHF]\n")
    assert over.configuration is not None, faults(over)
    assert over.configuration.currencies == ("CHF",)
    assert over.places["currencies"].file == OVER
    longer = GOOD.replace("currencies: [", "currencies: [SEK, NOK, DKK, ")
    shorter = laid("currencies: [CHF]\n", longer)
    assert [each for each in shorter.places if each.startswith("currencies.")] == ["currencies.0"]


def test_null_removes_and_a_typo_is_told():
    """`null` takes a key away, and its places; a key that is not there is a fault at the overlay's line."""
    name = name_of(load([("flexpay.yaml", GOOD.encode())]))
    with_guard = GOOD + "guards: {max_webhook_deletes: 3}\n" if "guards:" not in GOOD else GOOD
    gone = laid("guards: null\n", with_guard)
    assert gone.configuration is not None, faults(gone)
    assert not [each for each in gone.places if each.startswith("guards")]
    before = load([("flexpay.yaml", with_guard.encode())]).configuration
    assert before is not None
    assert (before.guards.max_webhook_deletes, gone.configuration.guards.max_webhook_deletes) == (3, 1)
    wrong = laid(f"integrations:\n  {name}:\n    descripton: null\n")
    assert wrong.configuration is None
    assert faults(wrong) == [f"{OVER} E-overlay-nothing"]
    assert wrong.diagnostics[0].place is not None
    assert (wrong.diagnostics[0].place.line, wrong.diagnostics[0].place.column) == (3, 5)


def test_a_new_map_with_a_null_inside_leaves_the_key_out():
    """Nothing that is null is part of the result."""
    over = laid("brakes:\n  attempts: {per_minute: 7, per_day: null}\n", GOOD)
    assert over.configuration is not None, faults(over)
    assert over.configuration.brakes.attempts_per_minute == 7


@pytest.mark.parametrize(
    ("overlay", "code"),
    [
        ("[1]\n", "E-type"),
        ("nonsense: 1\n", "E-unknown-key"),
        ("version: 1\nversion: 1\n", "E-yaml-duplicate"),
        ("currencies: [nowhere]\n", "E-"),
        ("companies: " + "{\n", "E-yaml-syntax"),
    ],
)
def test_what_is_wrong_in_an_overlay_is_told_at_its_line(overlay, code):
    """As in the manifest: no exception, and the overlay's file is named."""
    over = laid(overlay)
    assert over.configuration is None
    assert any(each.startswith(OVER) and code in each for each in faults(over)), faults(over)


def test_a_literal_secret_in_an_overlay_is_refused_and_not_shown():
    """A key that stands in an overlay is a fault of its own, and the value is printed nowhere."""
    secret = "rk_" + "live_" + "a" * 24
    over = laid(f"companies: {{x: {{name: {secret}}}}}\n")
    assert over.configuration is None
    assert secret not in "".join(each.text() for each in over.diagnostics)
