"""The records of a configuration: nothing the daemon runs can change without a line in the plan."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.attributes import span_text
from flexpay_reconcile.reconcile.desired import local_records
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import MANIFEST, House


def configuration() -> Configuration:
    """One of the harness, decoded."""
    found = House.load(MANIFEST).configuration
    assert found is not None
    return found


def leaves(value: Any, path: tuple = ()) -> Any:
    """Every scalar of a plain value with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path, value


def changed(data: Any, path: tuple, value: Any) -> Any:
    """A copy with one scalar replaced."""
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(data[path[0]], path[1:], value)
    return copy


OTHER = {
    "sandbox": "live", "enabled": "disabled", "flexpay": "manual", "account": "connected_accounts",
    "per_invoice": "no", "leave_as_is": None, "hard_decline": "invoice_creation", "restricted": "standard",
    "env": "file", "even": "fixed", "USD": "EUR",
}  # fmt: skip


def test_every_field_of_a_configuration_is_in_the_plan():
    """Whatever single value is changed, some record changes with it."""
    plain = configuration().to_plain()
    base = local_records(configuration())
    checked = 0
    for path, value in leaves(plain):
        if isinstance(value, bool):
            other: Any = not value
        elif isinstance(value, int):
            other = value + 60_000
        elif isinstance(value, str):
            other = OTHER.get(value, value + "x")
        else:
            continue
        if other is None or path[-1] == "id" or path[:2] == ("integrations", "company"):
            continue
        if path[-1] in {"company", "retry_policy"}:
            continue  # a reference: decoding refuses one that leads nowhere
        different = Configuration.from_plain(changed(plain, path, other))
        assert local_records(different) != base, path
        checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span.of(days=28), "28d"),
        (Span.of(days=1, hours=2, minutes=3, seconds=4, ms=5), "1d 2h 3m 4s 5ms"),
        (Span(0), "0s"),
        (Span(-1000), "-1s"),
    ],
)
def test_spans_are_exact_words(span, text):
    """No millisecond is lost, so that no change of a span is."""
    assert span_text(span) == text
