"""The ledger: an append-only record of every charge, refund, dispute and change of state, with what caused it.

Independent of what a client stores, and kept lean: changes of state lie in columns, and a year of ten thousand
subscriptions fits. Rows are given out as dicts and must not be written to. May not be read by any resource to decide
something: it only records.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from flexpay_reconcile.simulator.ledger_states import StateColumns

Row = dict[str, Any]
_CHARGE, _REFUND, _DISPUTE, _STATE = range(4)
KINDS = ("charge", "refund", "dispute", "state")
_WITH_STATUS = frozenset({"invoice", "subscription", "payment_intent", "dispute"})
# What an event says of an object that has no status of its own.
_SAID = {
    "payment_method.attached": "attached",
    "payment_method.detached": "detached",
    "customer.created": "created",
    "customer.deleted": "deleted",
    "invoice.deleted": "deleted",
}


class _Shared:
    """Gives the rows of one kind a common table of keys, so that each holds its values only."""


class _Charge(_Shared):
    pass


class _Refund(_Shared):
    pass


class _Dispute(_Shared):
    pass


def _lean(row: Row, kind: type[_Shared]) -> Row:
    """The same row in a third of the memory."""
    holder = kind()
    for name, value in row.items():
        setattr(holder, name, value)
    return vars(holder)


class Rows(Sequence[Row]):
    """All rows in the order they happened, each made into a dict with its `kind` when it is asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __len__(self) -> int:
        return len(self._ledger.order)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self._ledger.row(number) for number in range(*place.indices(len(self)))]
        return self._ledger.row(range(len(self))[place])

    def __iter__(self) -> Iterator[Row]:
        for number in range(len(self)):
            yield self._ledger.row(number)


class Ledger:
    """Rows in the order they happened. `kind` is charge, refund, dispute or state.

    `cause` says who makes things happen just now: an object with source, request_id, idempotency_key and key_name.
    """

    def __init__(self, cause: Callable[[], Any] | None = None) -> None:
        self.charges: list[Row] = []
        self.refunds: list[Row] = []
        self.disputes: list[Row] = []
        self.states = StateColumns(cause)
        self.order = array("q")
        self.succeeded = 0
        self.failed = 0
        self._rows = Rows(self)
        self._lists = (self.charges, self.refunds, self.disputes)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._found: dict[tuple[str, str], list[int]] = {}
        self._indexed = 0

    @property
    def rows(self) -> Rows:
        """Every row, oldest first."""
        return self._rows

    def charge(self, row: Row) -> None:
        """Record an attempt to collect, whatever its answer."""
        self.order.append(len(self.charges) << 2 | _CHARGE)
        self.charges.append(_lean(row, _Charge))
        self.succeeded += row["status"] == "succeeded"
        self.failed += row["status"] == "failed"

    def refund(self, row: Row) -> None:
        """Record a refund."""
        self.order.append(len(self.refunds) << 2 | _REFUND)
        self.refunds.append(_lean(row, _Refund))

    def dispute(self, row: Row) -> None:
        """Record a dispute."""
        self.order.append(len(self.disputes) << 2 | _DISPUTE)
        self.disputes.append(_lean(row, _Dispute))

    def state(
        self, at: int, account: str, object_: str, status: str, *, amount: int | None = None, detail: str | None = None
    ) -> None:
        """Record that an object reached a status. `amount`: minor units; `detail`: what the status rests on."""
        number = len(self.states)
        self.states.add(at, account, object_, status, amount, detail)
        self.order.append(number << 2 | _STATE)

    def seen(self, at: int, account: str, type_: str, obj: Row) -> None:
        """An event of this type shows `obj`: record the status it shows when that is not the last one recorded."""
        kind = obj.get("object")
        if kind in _WITH_STATUS:
            if type_ == "charge.dispute.created":
                self.dispute(_dispute_row(at, account, obj))
            status = _SAID.get(type_) or obj["status"]
        else:
            status = _SAID.get(type_)
            if status is None:
                return
        last = self.states.last(obj["id"])
        if last == status or (last == "part_paid" and status == "open"):  # a part leaves an invoice open
            return
        amount = detail = None
        if kind == "invoice":
            amount, detail = obj.get("amount_due"), _subscription_of(obj)
        elif kind == "payment_method":
            detail = obj.get("customer")
        self.state(at, account, obj["id"], status, amount=amount, detail=detail)

    def row(self, number: int) -> Row:
        """One row by its number in the order of what happened, from 0."""
        place, kind = self.order[number] >> 2, self.order[number] & 3
        if kind == _STATE:
            return {"kind": "state", **self.states.row(place)}
        return {"kind": KINDS[kind], **self._lists[kind][place]}

    def object_at(self, number: int) -> str | None:
        """The object of a change of state by its number, without making the row; None for rows of other kinds."""
        entry = self.order[number]
        return self.states.object_at(entry >> 2) if entry & 3 == _STATE else None

    def of(self, invoice: str) -> list[Row]:
        """Everything about one invoice, oldest first: its changes of state, its charges, refunds and disputes."""
        numbers = {*self._numbers("invoice", invoice), *self._numbers("object", invoice)}
        return [self.row(number) for number in sorted(numbers)]

    def charges_of(self, customer: str) -> list[Row]:
        """The attempts to collect from a customer, oldest first."""
        rows = (self.row(number) for number in self._numbers("customer", customer))
        return [row for row in rows if row["kind"] == "charge"]

    def states_of(self, object_: str) -> list[Row]:
        """The changes of state of one object, oldest first."""
        return [{"kind": "state", **self.states.row(place)} for place in self.states.places_of(object_)]

    def between(self, a: int, b: int) -> list[Row]:
        """What happened at instants from `a` up to but not at `b`, in the order it happened."""
        return [row for row in self._rows if a <= when(row) < b]

    def successes_by_invoice(self) -> dict[str, int]:
        """How many charges succeeded for each invoice (more than one is a double charge)."""
        counts: dict[str, int] = {}
        for row in self.charges:
            if row["status"] == "succeeded" and row["invoice"]:
                counts[row["invoice"]] = counts.get(row["invoice"], 0) + 1
        return counts

    def digest(self) -> str:
        """A hash over all rows: equal ledgers, equal digests. Goes on from where the last call ended.

        Which key and request brought a state about is left out: what happened is the same under a fresh key.
        """
        for entry in self.order[self._hashed :]:
            place, kind = entry >> 2, entry & 3
            if kind == _STATE:
                text = self.states.text(place)
            else:
                text = KINDS[kind] + json.dumps(self._lists[kind][place], sort_keys=True, separators=(",", ":"))
            self._hash.update(text.encode() + b"\n")
        self._hashed = len(self.order)
        return self._hash.hexdigest()

    def _numbers(self, field: str, value: str) -> list[int]:
        """The rows whose field has this value; the index catches up with the rows first."""
        for number in range(self._indexed, len(self.order)):
            place, kind = self.order[number] >> 2, self.order[number] & 3
            if kind == _STATE:
                self._found.setdefault(("object", self.states.object_at(place)), []).append(number)
                continue
            for name in ("invoice", "customer"):
                known = self._lists[kind][place].get(name)
                if known is not None:
                    self._found.setdefault((name, known), []).append(number)
        self._indexed = len(self.order)
        return self._found.get((field, value), [])


def when(row: Row) -> int:
    """The instant of a row, epoch seconds (in a test clock's time where its object lives in one)."""
    return int(row["at"] if "at" in row else row["created"])


def _subscription_of(invoice: Row) -> str | None:
    parent = invoice.get("parent") or {}
    details = parent.get("subscription_details") or {}
    found = details.get("subscription")
    return None if found is None else str(found)


def _dispute_row(at: int, account: str, dispute: Row) -> Row:
    return {
        "id": dispute["id"],
        "account": account,
        "charge": dispute.get("charge"),
        "payment_intent": dispute.get("payment_intent"),
        "amount": dispute.get("amount"),
        "currency": dispute.get("currency"),
        "reason": dispute.get("reason"),
        "status": dispute["status"],
        "created": at,
    }
