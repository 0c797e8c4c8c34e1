"""The ledger's digest sees every change: one amount, one reason, one refund, one state, one entry more, fewer or earlier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.ledger import Ledger
from flexpay_reconcile.simulator.state import Cause
from tests.unit.simulator.helpers import DAY, client, failed_invoice, small_world

Rows = list[dict[str, Any]]
UNSEEN = frozenset({"kind", "request", "idempotency_key", "key_name"})
"""What the digest of a change of state leaves out on purpose: which key and request brought it about."""


def _rows() -> Rows:
    """A refused renewal, a retry that is paid, a refund, a dispute, and all changes of state around them."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.replace_card(world, "ada", "pm_card_createDispute")
    api.v1.invoices.pay(invoice)
    world.advance_to(world.now + DAY)
    control.approve(world, "ben")
    world.advance_to(world.now + 15 * DAY)
    paid = [row for row in world.ledger.charges if row["status"] == "succeeded" and row["invoice"] != invoice]
    api.v1.refunds.create({"charge": paid[-1]["id"], "amount": 100})
    rows = list(world.ledger.rows)
    assert {row["kind"] for row in rows} == {"charge", "refund", "dispute", "state"}
    assert _digest(rows) == world.ledger.digest()
    return rows


def _digest(rows: Rows) -> str:
    """The digest of a ledger that these rows are written into."""
    cause: list[Cause] = []
    ledger = Ledger(lambda: cause[-1])
    for row in rows:
        values = {name: value for name, value in row.items() if name != "kind"}
        if row["kind"] == "state":
            source, place = values["source"], [values[name] for name in ("at", "account", "object", "status")]
            cause.append(Cause(source=source, request_id=values["request"], key_name=values["key_name"]))
            ledger.state(*place, amount=values["amount"], detail=values["detail"])
        else:
            {"charge": ledger.charge, "refund": ledger.refund, "dispute": ledger.dispute}[row["kind"]](values)
    return ledger.digest()


def _other(value: Any) -> Any:
    """Another value of the same kind; a number where there is none (of what may be missing, sums come first)."""
    if isinstance(value, bool):
        return not value
    if value is None or isinstance(value, int):
        return (value or 0) + 1
    return f"{value}x"


def _first(rows: Rows, kind: str, **having: Any) -> int:
    return next(
        number
        for number, row in enumerate(rows)
        if row["kind"] == kind and all(row[name] == value for name, value in having.items())
    )


@pytest.mark.parametrize("kind", ["charge", "refund", "dispute", "state"])
def test_every_field_of_every_kind_of_row_is_in_the_digest(kind: str) -> None:
    """One field of one row with another value is another digest, whichever field it is."""
    rows = _rows()
    before, number = _digest(rows), _first(rows, kind)
    for name in rows[number].keys() - (UNSEEN if kind == "state" else {"kind"}):
        value = "x" if name in ("detail", "source") else _other(rows[number][name])
        changed = [*rows[:number], {**rows[number], name: value}, *rows[number + 1 :]]
        assert _digest(changed) != before, name


@pytest.mark.parametrize(
    ("kind", "having", "field"),
    [
        ("charge", {"status": "failed"}, "amount"),
        ("charge", {"status": "failed"}, "reason"),
        ("charge", {"status": "failed"}, "failure_code"),
        ("refund", {}, "amount"),
        ("state", {"status": "paid"}, "status"),
        ("dispute", {}, "status"),
    ],
)
def test_one_fact_that_differs_is_another_digest(kind: str, having: dict[str, Any], field: str) -> None:
    """One amount, one reason of a refusal, one sum given back, one state, one dispute's standing."""
    rows = _rows()
    number = _first(rows, kind, **having)
    assert rows[number][field] is not None
    changed = [*rows[:number], {**rows[number], field: _other(rows[number][field])}, *rows[number + 1 :]]
    assert _digest(changed) != _digest(rows)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows, at: rows[:at] + rows[at + 1 :], id="left out"),
        pytest.param(lambda rows, at: rows[: at + 1] + rows[at:], id="twice"),
        pytest.param(lambda rows, at: [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]], id="later by one"),
        pytest.param(lambda rows, at: [rows[at], *rows[:at], *rows[at + 1 :]], id="first of all"),
    ],
)
@pytest.mark.parametrize("kind", ["charge", "refund", "dispute", "state"])
def test_one_entry_more_fewer_or_elsewhere_is_another_digest(kind: str, change: Callable[[Rows, int], Rows]) -> None:
    """A row left out, written twice, or written at another place in the order."""
    rows = _rows()
    rows.append({**rows[_first(rows, "state")], "object": "in_last"})
    number = max(_first(rows, kind), 1)
    changed = change(rows, number)
    assert changed != rows
    assert _digest(changed) != _digest(rows)


def test_who_asked_with_which_key_is_not_in_the_digest() -> None:
    """The same happenings under another request, key and idempotency key are the same ledger; another cause is not."""
    rows = _rows()
    number = _first(rows, "state", source="request")
    for name in ("request", "key_name"):
        changed = [*rows[:number], {**rows[number], name: "other"}, *rows[number + 1 :]]
        assert _digest(changed) == _digest(rows)
    changed = [*rows[:number], {**rows[number], "source": "customer"}, *rows[number + 1 :]]
    assert _digest(changed) != _digest(rows)


def test_the_digest_taken_midway_is_that_of_what_was_there() -> None:
    """A digest asked for in between does not hide what is written afterwards."""
    ledger = Ledger()
    seen = {ledger.digest()}
    for amount in (100, 200, 200):
        ledger.refund({"id": "re_1", "amount": amount, "created": 1})
        seen.add(ledger.digest())
    assert len(seen) == 4
