"""One apply at a time: who waits, who is refused, and what one that was stopped for too long may still do (E4)."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.errors import ErrorKind, FlexpayError, TryLater
from flexpay_reconcile.operations.apply_steps import LOCK_TTL, Holder, Patience, beating, lock_held
from flexpay_reconcile.ports.control_state import Lock
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import MANIFEST, House
from tests.unit.operations_control.test_apply_crashes import CASES, WRITES

BEN = Holder(owner="ben", host="ci", pid=2)


def hold(house: House, nonce: str = "x") -> None:
    """Somebody else holds the lock for a minute."""
    now = house.parts.clock.now()
    lock = Lock(owner="ben", host="ci", pid=2, nonce=nonce, acquired_at=now, expires_at=now.plus(Span.of(minutes=1)))
    house.parts.state.acquire_lock(lock, now)


def test_who_waits_gets_the_lock_when_it_is_free():
    """Asked again every second; released after three, it is ours, and one word was said about the wait."""
    house = House()
    hold(house)
    pauses: list[int] = []
    told: list[str] = []

    def pause(span: Span) -> None:
        pauses.append(span.ms)
        if len(pauses) == 3:
            house.parts.state.release_lock("x")

    patience = Patience(timeout=Span.of(seconds=10), pause=pause, told=told.append)
    with lock_held(house.parts.state, house.parts.clock, BEN, "mine", patience):
        held = house.parts.state.lock()
        assert held is not None
        assert held.nonce == "mine"
    assert pauses == [1000, 1000, 1000]
    assert len(told) == 1
    assert house.parts.state.lock() is None


def test_patience_ends():
    """Never released: after the seconds allowed, and no more of them, LOCK_HELD; without patience at once."""
    for seconds in (0, 5):
        house = House()
        hold(house)
        pauses: list[int] = []

        def pause(span: Span, to: list[int] = pauses) -> None:
            to.append(span.ms)

        patience = Patience(timeout=Span.of(seconds=seconds), pause=pause)
        with (
            pytest.raises(TryLater) as refused,
            lock_held(house.parts.state, house.parts.clock, BEN, "mine", patience),
        ):
            raise AssertionError
        assert refused.value.kind is ErrorKind.LOCK_HELD
        assert sum(pauses) == seconds * 1000


def test_reading_many_accounts_keeps_the_lock():
    """Each integration that is read renews the lock, so that a long look does not outlive it."""
    house = House()
    beats: list[int] = []
    loaded = house.load(MANIFEST)
    assert loaded.configuration is not None
    readers = beating(house.parts.reader_for, lambda: beats.append(1))
    house.parts.learn(loaded.configuration)
    for integration in loaded.configuration.integrations.values():
        readers(integration)
    assert beats == [1]
    plan = house.plan()
    renewed: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            if name in {"refresh_lock", "intend"}:
                renewed.append(name)
            return getattr(house.parts.state, name)

    house.wrap = lambda state: Counting()
    house.apply(plan=plan)
    assert renewed[: renewed.index("intend")] == ["refresh_lock"] * 3  # the look, the work, the step


class Stopped:
    """Stops the first apply at one moment for longer than its lock lives, while a second one runs to its end."""

    def __init__(self, moment: int, meanwhile: Any) -> None:
        self.left = moment
        self.meanwhile = meanwhile
        self.happened = False

    def moment(self, *_: Any) -> None:
        """One more moment at which a process may be stopped."""
        if self.happened:
            return
        if self.left == 0:
            self.happened = True
            self.meanwhile()
        self.left -= 1

    def around(self, state: Any) -> Any:
        """The state, with a moment before and after each write."""
        stopped = self

        class Proxy:
            def __getattr__(self, name: str) -> Any:
                real = getattr(state, name)
                if name not in WRITES:
                    return real

                def call(*args: Any, **more: Any) -> Any:
                    stopped.moment()
                    answer = real(*args, **more)
                    stopped.moment()
                    return answer

                return call

        return Proxy()


def end_of(house: House, manifest: str, plan: Plan) -> ErrorKind | None:
    """How an apply ended: None for well, else the kind of its error."""
    try:
        house.apply(manifest, plan)
    except FlexpayError as error:
        return error.kind
    return None


@pytest.mark.parametrize("name", ["first", "update", "replace", "another scope", "delete"])
def test_an_apply_that_was_stopped_too_long_does_no_harm(name):
    """SIGSTOP at every moment, then a whole second apply: the first notices, and the end is one of everything."""
    before, prepare, manifest, wanted = CASES[name]
    moment, refused = 0, 0
    while True:
        house = House()
        if before is not None:
            house.apply(before)
        prepare(house)
        plan = house.plan(manifest)

        def second(house: House = house, manifest: str = manifest) -> None:
            house.wrap, stopped_wrap = (lambda state: state), house.wrap
            house.world.advance_to(house.world.now + LOCK_TTL.seconds + 1)
            house.apply(manifest)
            house.wrap = stopped_wrap

        stopped = Stopped(moment, second)
        house.wrap = stopped.around
        house.transport.before, house.transport.after = stopped.moment, stopped.moment
        ended = end_of(house, manifest, plan)
        assert ended in {None, ErrorKind.LOCK_HELD, ErrorKind.PLAN_STALE}, (moment, ended)
        refused += ended is ErrorKind.LOCK_HELD
        house.wrap = lambda state: state
        house.transport.before = house.transport.after = None
        if not stopped.happened:
            break
        assert len(house.endpoints) == wanted, moment
        assert house.secrets() == tuple(house.secret_at_stripe(each) for each in house.endpoints), moment
        assert house.parts.state.unfinished_steps() == (), moment
        assert not house.plan(manifest).has_changes, moment
        moment += 1
    assert refused > 5
    assert house.parts.state.lock() is None
