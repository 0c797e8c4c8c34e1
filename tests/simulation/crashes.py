"""Where a process can die, by name and by number. Each bomb goes off once."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.rig import Crash, Request, Rig


def _once(rig: Rig) -> Callable[[], None]:
    """Raises the first time it is called, and counts itself on the rig."""
    left = [True]

    def go_off() -> None:
        if left[0]:
            left[0] = False
            raise Crash

    return go_off


def before_the_send(rig: Rig) -> None:
    """After the intent is committed, before a byte of `pay` leaves."""
    go_off = _once(rig)
    rig.before_call.append(lambda request: go_off() if request.is_pay else None)


def answer_lost(rig: Rig) -> None:
    """Stripe has executed `pay`; its answer never arrives in this process."""
    go_off = _once(rig)
    rig.after_call.append(lambda request: go_off() if request.is_pay else None)


def before_the_result_is_committed(rig: Rig) -> None:
    """The answer is parsed; the unit of work that holds the result is lost."""
    go_off = _once(rig)
    answered = [False]

    def note(request: Request) -> None:
        answered[0] = answered[0] or request.is_pay

    rig.after_call.append(note)
    rig.before_commit.append(lambda: go_off() if answered[0] else None)


AROUND_PAY: dict[str, Callable[[Rig], None]] = {
    "before the send": before_the_send,
    "after execution, answer lost": answer_lost,
    "before the result is committed": before_the_result_is_committed,
}
"""The three named crash points."""


def after(rig: Rig, method: str, path_end: str) -> None:
    """Stripe has executed a call of that method and path; the process dies before anything is committed."""
    go_off = _once(rig)
    rig.after_call.append(
        lambda request: go_off() if request.method == method and request.path.endswith(path_end) else None
    )


def after_flag(rig: Rig, wanted: str) -> None:
    """Stripe has set (`true`) or cleared (`false`) `cancel_at_period_end`; the process dies before that is committed."""
    go_off = _once(rig)
    rig.after_call.append(lambda request: go_off() if ("cancel_at_period_end", wanted) in request.params else None)


def when(rig: Rig, committed: Callable[[], bool]) -> None:
    """The process dies after the first commit that makes it so."""
    go_off = _once(rig)
    rig.after_commit.append(lambda: go_off() if committed() else None)


class Boundaries:
    """Counts the boundaries of a run (before and after each call and each commit) and dies at the one it is given.

    `durable` leaves out those where nothing lasting has happened since the one before: what remains is after each
    commit and after each call that Stripe may have carried out. A crash anywhere between leaves the same two memories.
    """

    def __init__(self, rig: Rig, *, die_at: int | None = None, durable: bool = True) -> None:
        """Without `die_at` it only counts."""
        self.names: list[str] = []
        self._die_at = die_at
        self._durable = durable
        rig.before_call.append(lambda request: self._pass(f"before {_line(request)}", lasting=False))
        rig.after_call.append(lambda request: self._pass(f"after {_line(request)}", lasting=request.method != "GET"))
        rig.before_commit.append(lambda: self._pass("before commit", lasting=False))
        rig.after_commit.append(lambda: self._pass("after commit", lasting=True))

    def _pass(self, name: str, *, lasting: bool) -> None:
        if self._durable and not lasting:
            return
        self.names.append(name)
        if len(self.names) == self._die_at:
            raise Crash


def _line(request: Request) -> str:
    return f"{request.method} {request.path}"
