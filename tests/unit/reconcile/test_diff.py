"""The keyed comparison and the three-way reading of it."""

from __future__ import annotations

import pytest

from flexpay_reconcile.reconcile import diff
from flexpay_reconcile.reconcile.change import Action, Cause, Reason, field_changes, local_change, reason_of
from flexpay_reconcile.reconcile.diff import FieldDiff, Op
from flexpay_reconcile.reconcile.resource import Kind, LastApplied, Resource


def test_equal_attributes_differ_in_nothing():
    """Nothing is worded where nothing differs."""
    assert diff.fields({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == ()


def test_each_difference_has_its_path_and_kind():
    """Added, removed and replaced fields, nested and in lists, sorted by path."""
    before = {"x": 1, "m": {"k": "a", "gone": 1}, "l": [1, 2], "n": None}
    after = {"x": 2, "m": {"k": "b", "new": 3}, "l": [1, 2, 3], "n": "text"}
    assert diff.fields(before, after) == (
        FieldDiff(op=Op.ADD, path="l.2", before=None, after=3),
        FieldDiff(op=Op.REMOVE, path="m.gone", before=1, after=None),
        FieldDiff(op=Op.REPLACE, path="m.k", before="a", after="b"),
        FieldDiff(op=Op.ADD, path="m.new", before=None, after=3),
        FieldDiff(op=Op.REPLACE, path="n", before=None, after="text"),
        FieldDiff(op=Op.REPLACE, path="x", before=1, after=2),
    )


def test_sets_have_no_order():
    """The order of a set is no difference; a member is named by itself."""
    sets = frozenset({"events"})
    assert diff.fields({"events": ["a", "b"]}, {"events": ["b", "a"]}, sets=sets) == ()
    assert diff.fields({"events": ["a", "b"]}, {"events": ["c", "b"]}, sets=sets) == (
        FieldDiff(op=Op.ADD, path="events", before=None, after="c"),
        FieldDiff(op=Op.REMOVE, path="events", before="a", after=None),
    )


def test_a_change_of_type_is_a_change():
    """Text that became a number is replaced."""
    assert diff.fields({"a": "1"}, {"a": 1})[0].op is Op.REPLACE


@pytest.mark.parametrize(
    ("desired", "observed", "last", "cause"),
    [
        ("new", "old", "old", Cause.PENDING),
        ("old", "moved", "old", Cause.DRIFT),
        ("new", "moved", "old", Cause.CONFLICT),
        ("new", "old", None, Cause.NEW),
    ],
)
def test_three_way(desired, observed, last, cause):
    """Who moved a field follows from desired, observed and last applied."""
    applied = LastApplied(attributes={"f": last}, remote_id="x") if last else None
    (change,) = field_changes({"f": observed}, {"f": desired}, applied)
    assert change.cause is cause


def test_a_mixture_of_drift_and_pending_is_a_conflict_of_the_resource():
    """The reason of an update does not hide that both sides moved."""
    fields = field_changes(
        {"a": "moved", "b": "old"},
        {"a": "old", "b": "new"},
        LastApplied(attributes={"a": "old", "b": "old"}, remote_id="x"),
    )
    assert reason_of(fields) is Reason.CONFLICT


def test_local_records_are_made_changed_and_removed():
    """Our own records follow the manifest; equal ones are left."""
    one = Resource(kind=Kind.CURRENCY, name="USD", attributes={"code": "USD"})
    two = Resource(kind=Kind.CURRENCY, name="USD", attributes={"code": "US$"})
    assert local_change(one, None).action is Action.CREATE
    assert local_change(None, one).action is Action.DELETE
    assert local_change(one, two).action is Action.UPDATE
    assert local_change(one, one).action is Action.NO_OP
