"""A guard that was applied holds against the change that would lift it."""

from __future__ import annotations

import pytest

from flexpay_reconcile.config.configuration import Guards
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile.guards import in_force
from tests.unit.operations_control.harness import EMPTY, MANIFEST, House

STRICT = "guards: {max_webhook_deletes: 0}"
USUAL = "guards: {max_webhook_deletes: 1}\n"


@pytest.mark.parametrize("lifted", ["", "guards: {max_webhook_deletes: 9}\n"], ids=["section deleted", "limit raised"])
def test_a_change_cannot_lift_the_guard_that_refuses_it(lifted):
    """Applied with no deletion allowed, the endpoint stays whatever the next manifest says; raised first, it goes."""
    house = House()
    house.apply(MANIFEST.replace(USUAL.strip(), STRICT))
    gone = EMPTY.replace(USUAL, lifted)
    with pytest.raises(OperatorError, match="max_webhook_deletes is 0") as refused:
        house.apply(gone)
    assert refused.value.kind is ErrorKind.GUARD_REFUSED
    assert len(house.endpoints) == 1
    house.apply(MANIFEST.replace(USUAL, lifted))
    house.apply(gone)
    assert house.endpoints == {}


def test_a_stricter_guard_counts_at_once():
    """What the manifest forbids from now on is forbidden to the same change."""
    house = House()
    house.apply(MANIFEST)
    with pytest.raises(OperatorError, match="max_webhook_deletes is 0"):
        house.apply(EMPTY.replace(USUAL.strip(), STRICT))
    assert len(house.endpoints) == 1


def test_each_limit_is_the_stricter_one():
    """Of the manifest's limits and those applied last the lower counts, each by itself; the first apply has its own."""
    wanted = Guards(max_certain_cancellations=50, max_webhook_deletes=1)
    applied = Guards(max_certain_cancellations=3, max_webhook_deletes=9)
    assert in_force(wanted, applied) == Guards(max_certain_cancellations=3, max_webhook_deletes=1)
    assert in_force(wanted, None) == wanted
