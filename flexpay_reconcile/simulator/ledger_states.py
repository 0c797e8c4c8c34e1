"""The ledger's changes of state, in columns: some forty bytes each instead of several hundred.

Each row links to the one before it of the same object. May not change a row once it is written.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

_NONE = -1


class _Words:
    """Texts by number: each is kept once."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.number: dict[str, int] = {}

    def of(self, word: str) -> int:
        """The word's number, a new one for a new word."""
        found = self.number.get(word)
        if found is None:
            found = self.number[word] = len(self.words)
            self.words.append(word)
        return found


_LARGEST = 2**63 - 1


class StateColumns:
    """Changes of state by place, from 0."""

    def __init__(self, cause: Callable[[], Any] | None) -> None:
        self._cause = cause
        self._at = array("q")
        self._amount = array("q")
        self._account = array("i")
        self._object = array("i")
        self._status = array("i")
        self._detail = array("i")
        self._by = array("i")
        self._before = array("i")
        self._newest = array("i")
        """The newest row of each object that tells its status, by the object's number."""
        self._objects = _Words()
        self._words = _Words()
        self._causes: list[Any] = []
        self._cause_number: dict[Any, int] = {}
        self._last_cause: Any = self
        self._last_number = _NONE

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: int, account: str, object_: str, status: str, amount: int | None, detail: str | None) -> None:
        """Append a row; OverflowError, before anything is written, for a number that no column holds."""
        if not -_LARGEST <= (amount or 0) <= _LARGEST:
            raise OverflowError(f"{object_}: an amount of {amount}")
        number = self._objects.of(object_)
        if number == len(self._newest):
            self._newest.append(_NONE)
        self._before.append(self._newest[number])
        self._newest[number] = len(self._at)
        self._at.append(at)
        self._amount.append(_NONE if amount is None else amount)
        self._account.append(self._words.of(account))
        self._object.append(number)
        self._status.append(self._words.of(status))
        self._detail.append(_NONE if detail is None else self._words.of(detail))
        self._by.append(self._cause_now())

    def _cause_now(self) -> int:
        if self._cause is None:
            return _NONE
        cause = self._cause()
        if cause is not self._last_cause:
            number = self._cause_number.get(cause)
            if number is None:
                number = self._cause_number[cause] = len(self._causes)
                self._causes.append(cause)
            self._last_cause, self._last_number = cause, number
        return self._last_number

    def last(self, object_: str) -> str | None:
        """The last status of an object, None when nothing is recorded. What holds a space is a remark, no status."""
        number = self._objects.number.get(object_)
        place = _NONE if number is None else self._newest[number]
        while place != _NONE:
            status = self._words.words[self._status[place]]
            if " " not in status:
                return status
            place = self._before[place]
        return None

    def places_of(self, object_: str) -> list[int]:
        """The places of an object's rows, oldest first."""
        number = self._objects.number.get(object_)
        place = _NONE if number is None else self._newest[number]
        found = []
        while place != _NONE:
            found.append(place)
            place = self._before[place]
        return found[::-1]

    def object_at(self, place: int) -> str:
        """The object of a row."""
        return self._objects.words[self._object[place]]

    def text(self, place: int) -> str:
        """A row as a text, but for the key and the request that brought it about."""
        source = None if self._by[place] == _NONE else self._causes[self._by[place]].source
        words, detail = self._words.words, self._detail[place]
        what = (words[self._account[place]], self._objects.words[self._object[place]], words[self._status[place]])
        more = (self._amount[place], None if detail == _NONE else words[detail], source)
        return repr((self._at[place], *what, *more))

    def row(self, place: int) -> dict[str, Any]:
        """A row as a dict."""
        cause = None if self._by[place] == _NONE else self._causes[self._by[place]]
        detail, amount = self._detail[place], self._amount[place]
        return {
            "at": self._at[place],
            "account": self._words.words[self._account[place]],
            "object": self._objects.words[self._object[place]],
            "status": self._words.words[self._status[place]],
            "amount": None if amount == _NONE else amount,
            "detail": None if detail == _NONE else self._words.words[detail],
            "source": None if cause is None else cause.source,
            "request": None if cause is None else cause.request_id,
            "idempotency_key": None if cause is None else cause.idempotency_key,
            "key_name": None if cause is None else cause.key_name,
        }
