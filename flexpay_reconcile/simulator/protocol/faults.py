"""Injected failures: a script of faults by method, path pattern and nth match, or at random by seed. Both doors obey.

May not execute anything nor answer: `requests` asks which fault a request meets, `corruption` spoils answers.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.protocol.limiter import REASONS, rate_limited
from flexpay_reconcile.simulator.protocol.locks import lock_timeout
from flexpay_reconcile.simulator.protocol.refusals import Refusal, key_in_use

KINDS: dict[str, str] = {
    "refused": "the connection is refused; not executed",
    "timeout_before": "no answer; not executed",
    "lost_answer": "no answer; executed (with `seconds`: its key is in flight that long)",
    "connection_reset_mid_body": "half an answer, then the connection breaks; executed",
    "500": "500, saved under the key; not executed",
    "500_executed": "500, saved under the key; executed all the same",
    "500_unsaved": "500, not saved; not executed",
    "502_html": "a proxy's 502 page; not executed",
    "503_html": "a proxy's 503 page; not executed",
    "504_html": "a proxy's 504 page; executed",
    "truncated": "the answer's body ends half-way; executed",
    "slow": "the answer takes `seconds` (over HTTP at most two; in process the clock stands); executed",
    "429": "the rate limiter, for the `reason` given; not executed",
    "429_lock": "the object is locked; not executed",
    "409": "the key is in flight; not executed",
    "wrong_version": "the answer is in the shape of an API version before basil; executed",
    "new_enum": "the answer carries words Stripe did not have before; executed",
    "missing_field": "a field of the answer is missing (`field`, else status); executed",
}
UNEXECUTED = frozenset({"refused", "timeout_before"})
LOST = frozenset({"lost_answer", "connection_reset_mid_body"})
PAGES = {"502_html": 502, "503_html": 503, "504_html": 504}
ANSWERED_BEFORE = frozenset({"429", "429_lock", "409", "500_unsaved"})
FAMILIES: dict[str, tuple[str, ...]] = {
    "silence": ("refused", "timeout_before", "lost_answer", "connection_reset_mid_body"),
    "server": ("500", "500_executed", "500_unsaved", "502_html", "503_html", "504_html"),
    "limits": ("429", "429_lock", "409"),
    "garbage": ("truncated", "wrong_version", "new_enum", "missing_field"),
    "slowness": ("slow",),
}
FOREVER = 10**9


class NoAnswer(Exception):
    """The caller gets no answer. `executed` says whether the request took effect; `partial` is what did arrive."""

    def __init__(self, kind: str, *, executed: bool, partial: bytes = b"") -> None:
        super().__init__(f"simulated fault: {kind}")
        self.kind = kind
        self.executed = executed
        self.partial = partial


@dataclass(slots=True, kw_only=True)
class Fault:
    """From the `nth` matching request on (counted from 1), `times` requests fail."""

    kind: str
    method: str = "*"
    path: str = "*"
    nth: int = 1
    times: int = 1
    seconds: int = 0
    reason: str = "endpoint-rate"
    field: str = "status"
    seen: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Count a matching request and say whether this one fails."""
        if self.method not in ("*", method) or not fnmatch.fnmatchcase(path, self.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomFaults:
    """Faults by hash of (seed, request number): `rates` from kind or family to the share of requests that meet it."""

    seed: int
    rates: Mapping[str, float]
    method: str = "*"
    path: str = "*"

    def meet(self, method: str, path: str, number: int) -> Fault | None:
        """The fault of the request with this number, or None."""
        if self.method not in ("*", method) or not fnmatch.fnmatchcase(path, self.path):
            return None
        point = chance.uniform(self.seed, "fault", number)
        for name, rate in self.rates.items():
            point -= rate
            if point < 0:
                kinds = FAMILIES.get(name, (name,))
                return Fault(kind=kinds[chance.integer(len(kinds), self.seed, "kind", number)])
        return None


class FaultScript:
    """The faults of a world, in the order they were added; the first that meets a request wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._random: list[RandomFaults] = []

    @classmethod
    def seeded(cls, seed: int, rates: Mapping[str, float], *, method: str = "*", path: str = "*") -> FaultScript:
        """A script of random faults; ValueError for an unknown name or rates that are no shares of one."""
        script = cls()
        script.add_random(seed, rates, method=method, path=path)
        return script

    def add_random(self, seed: int, rates: Mapping[str, float], *, method: str = "*", path: str = "*") -> None:
        """Add random faults; ValueError as in `seeded`."""
        for name, rate in rates.items():
            if name not in KINDS and name not in FAMILIES:
                raise ValueError(f"unknown fault {name!r}; a kind, or one of {', '.join(FAMILIES)}")
            if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= 1:
                raise ValueError(f"the rate of {name} must be between 0 and 1")
        if not rates or sum(rates.values()) > 1:
            raise ValueError("rates must name at least one fault and add up to at most 1")
        self._random.append(RandomFaults(seed=seed, rates=dict(rates), method=method.upper(), path=path))

    def add(
        self,
        kind: str,
        *,
        method: str = "*",
        path: str = "*",
        nth: int = 1,
        times: int = 1,
        seconds: int = 0,
        reason: str = "endpoint-rate",
        field: str = "status",
    ) -> None:
        """Add a fault; ValueError for an unknown kind or reason, or a count out of range."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; one of {', '.join(KINDS)}")
        if nth < 1 or times < 1:
            raise ValueError("nth and times count from 1")
        if not 0 <= seconds <= FOREVER:
            raise ValueError("seconds must not be negative")
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}; one of {', '.join(REASONS)}")
        self._faults.append(
            Fault(
                kind=kind,
                method=method.upper(),
                path=path,
                nth=nth,
                times=times,
                seconds=seconds,
                reason=reason,
                field=field,
            )
        )

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()
        self._random.clear()

    def meet(self, method: str, path: str, number: int = 0) -> Fault | None:
        """The fault this request (the world's `number`th) runs into, or None. `path` is without the query string."""
        hit = None
        if self._faults:
            for fault in self._faults:
                if fault.meets(method, path) and hit is None:
                    hit = fault
            if hit is not None:
                self._faults = [fault for fault in self._faults if fault.seen < fault.nth + fault.times - 1]
        for each in self._random:
            hit = hit or each.meet(method, path, number)
        return hit


def answer(fault: Fault) -> Refusal:
    """The refusal of a fault that answers."""
    if fault.kind == "429":
        return rate_limited(fault.reason)
    if fault.kind == "429_lock":
        return lock_timeout()
    if fault.kind == "409":
        return key_in_use()
    # Nothing is saved of what is answered before the key is looked at (ANSWERED_BEFORE).
    return Refusal(500, "An unknown error occurred", type_="api_error", saved=True)


_FIELDS: dict[str, Callable[[object], bool]] = {
    "kind": lambda value: isinstance(value, str),
    "method": lambda value: isinstance(value, str),
    "path": lambda value: isinstance(value, str),
    "reason": lambda value: isinstance(value, str),
    "field": lambda value: isinstance(value, str),
    "nth": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "times": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "seconds": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "rates": lambda value: isinstance(value, Mapping) and all(isinstance(name, str) for name in value),
}


def add_entry(script: FaultScript, entry: Mapping[str, Any], seed: int) -> None:
    """One entry of a scenario's `faults`: `{kind: …}` scripted, or `{rates: {…}}` at random; ValueError if wrong."""
    for name, value in entry.items():
        if name not in _FIELDS:
            raise ValueError(f"unknown field {name!r}")
        if not _FIELDS[name](value):
            raise ValueError(f"{name} has the wrong type")
    given = dict(entry)
    if "rates" in given:
        allowed = {"rates", "seed", "method", "path"}
        if set(given) - allowed:
            raise ValueError(f"random faults take {', '.join(sorted(allowed))} only")
        script.add_random(given.pop("seed", seed), given.pop("rates"), **given)
        return
    if "kind" not in given or "seed" in given:
        raise ValueError("give either kind or rates; a seed belongs to rates")
    script.add(given.pop("kind"), **given)
