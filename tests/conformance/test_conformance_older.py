"""Requests in the older version that is answered too: the very version of Stripe's document, so nothing needs declaring."""

from __future__ import annotations

import pytest

from flexpay_reconcile.simulator import versions
from tests.conformance import differences
from tests.conformance.inspection import TOURS
from tests.conformance.spec import VERSION, document
from tests.conformance.tours.guide import Guide
from tests.conformance.watch import Watch, watching

ASKED = ("book", "renewals", "drafts", "intents", "disputes", "instruments")
NEWER = ("status_details", "billing_cycle_anchor", "payment_behavior", "/pause")


def _watched(tours: tuple[str, ...]) -> Watch:
    watch = Watch(document(), version=VERSION)
    with watching(watch.document, watch):
        for name in tours:
            TOURS[name](Guide(watch.note, version=VERSION).listen())
    return watch


@pytest.fixture(scope="module")
def watch() -> Watch:
    """Tours asked in the document's version, with an endpoint pinned to it."""
    return _watched(ASKED)


def test_the_older_version_is_judged_and_differs_in_nothing_that_came_later(watch: Watch) -> None:
    """Hundreds of answers and deliveries of the document's own version show no field and take no parameter added since."""
    assert VERSION in versions.ANSWERED
    assert watch.answers >= 300
    assert watch.deliveries >= 150
    assert differences.undeclared(watch.found) == []
    assert [key for key in watch.found if any(word in key[0] for word in NEWER)] == []


def test_a_newer_field_in_an_older_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the fields added since are left in, answers and deliveries are found out."""
    monkeypatch.setattr(versions, "_ADDED", {})
    found = _watched(("renewals",)).found
    assert ("invoice.status_details", "unknown") in found
    assert ("subscription.status_details", "unknown") in found
