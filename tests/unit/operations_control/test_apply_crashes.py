"""Apply killed at every single point ends, after the next apply, in one endpoint and a known secret (invariant E5)."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.errors import ErrorKind, FlexpayError
from flexpay_reconcile.operations.apply_steps import LOCK_TTL
from flexpay_reconcile.ports.control_state import Step, StepState
from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.kinds.webhook_endpoint import secret_name
from tests.unit.operations_control.harness import ADDRESS, EMPTY, MANIFEST, NAME, House, Killed, change_of
from tests.unit.operations_control.test_apply_scope import CONNECTED

WRITES = ("acquire_lock", "refresh_lock", "release_lock", "intend", "receipt", "publish")
MOVED = MANIFEST.replace("acme.example/hooks", "acme.example/other").replace("Webhook EndPoint", "hook")
DISABLED = MANIFEST.replace("status: enabled", "status: disabled")


class CrashAt:
    """Counts the moments before and after each write, of the state and of Stripe; kills at one, and stays dead."""

    def __init__(self, moment: int) -> None:
        self.left = moment
        self.dead = False

    def moment(self) -> None:
        """One more moment at which a process may die."""
        if self.left == 0 or self.dead:
            self.dead = True
            raise Killed
        self.left -= 1

    def around(self, state: Any) -> Any:
        """The state, with a moment before and after each write."""
        crash = self

        class Proxy:
            def __getattr__(self, name: str) -> Any:
                real = getattr(state, name)
                if name not in WRITES:
                    return real

                def call(*args: Any, **more: Any) -> Any:
                    crash.moment()
                    answer = real(*args, **more)
                    crash.moment()
                    return answer

                return call

        return Proxy()

    def on_wire(self, method: str, path: str) -> None:
        """A moment beside each request."""
        self.moment()


def crash(house: House, manifest: str, moment: int) -> bool:
    """Apply and die at that moment; whether the apply was killed at all."""
    killer = CrashAt(moment)
    plan = house.plan(manifest)
    house.wrap = killer.around
    before, house.transport.before = house.transport.before, killer.on_wire
    house.transport.after = killer.on_wire
    try:
        house.apply(manifest, plan)
    except Killed:
        pass
    finally:
        house.wrap = lambda state: state
        house.transport.before, house.transport.after = before, None
    return killer.dead


def outdate(house: House) -> None:
    """What makes the next plan a replacement."""
    house.endpoint()["api_version"] = "2020-08-27"


def disable(house: House) -> None:
    """What makes the next plan a repair of drift."""
    house.endpoint()["status"] = "disabled"


def remove(house: House) -> None:
    """Somebody deleted the endpoint in the Dashboard."""
    house.delete_in_dashboard(next(iter(house.endpoints)))


def lose(house: House) -> None:
    """The state no longer knows the endpoint's secret."""
    (endpoint,) = house.endpoints
    step = Step(
        run_id="lost",
        number=1,
        address=ADDRESS,
        action="update",
        state=StepState.FAILED,
        idempotency_key="fp-apply:lost:1",
        detail={},
        at=house.parts.clock.now(),
    )
    house.parts.state.receipt(step, secret_name=secret_name(NAME, endpoint), integration_id=NAME)


def nothing(house: House) -> None:
    """What leaves the house as it is."""


CASES = {
    "first": (None, nothing, MANIFEST, 1),
    "first, disabled": (None, nothing, DISABLED, 1),
    "update": (MANIFEST, nothing, MOVED, 1),
    "replace": (MANIFEST, outdate, MANIFEST, 1),
    "replace and move": (MANIFEST, outdate, MOVED, 1),
    "repair": (MANIFEST, disable, MANIFEST, 1),
    "deleted by hand": (MANIFEST, remove, MANIFEST, 1),
    "deleted by hand, moved": (MANIFEST, remove, MOVED, 1),
    "delete": (MANIFEST, nothing, EMPTY, 0),
    "lost secret": (MANIFEST, lose, MANIFEST, 1),
    "another scope": (MANIFEST, nothing, CONNECTED, 1),
    "disable": (MANIFEST, nothing, DISABLED, 1),
    "enable": (DISABLED, nothing, MANIFEST, 1),
    "replace, disabled": (MANIFEST, outdate, DISABLED, 1),
}


LATER = ("first", "replace", "deleted by hand", "another scope")
RUNS = [(name, 0) for name in CASES] + [(name, 30) for name in LATER]


@pytest.mark.parametrize(("name", "after_hours"), RUNS)
def test_killed_anywhere_the_next_apply_ends_the_same(name, after_hours):
    """For every moment: the next apply leaves as many endpoints as wanted, each secret known, and an empty plan."""
    before, prepare, manifest, wanted = CASES[name]
    moment = 0
    while True:
        house = House()
        if before is not None:
            house.apply(before)
        prepare(house)
        if not crash(house, manifest, moment):
            break
        house.world.advance_to(house.world.now + LOCK_TTL.seconds + 1 + after_hours * 3600)
        house.apply(manifest)
        assert len(house.endpoints) == wanted, moment
        assert house.secrets() == tuple(house.secret_at_stripe(each) for each in house.endpoints), moment
        assert not house.plan(manifest).has_changes, moment
        assert house.parts.state.unfinished_steps() == (), moment
        lock = house.parts.state.lock()
        assert lock is None or lock.expires_at < house.parts.clock.now(), moment
        moment += 1
    assert moment > 10


def test_the_state_survives_a_restart(tmp_path):
    """The same with a file and a new process: killed after Stripe made the endpoint and before the receipt."""
    house = House(state_path=str(tmp_path / "state.db"))

    def die(method: str, path: str) -> None:
        if (method, path) == ("POST", "/v1/webhook_endpoints"):
            raise Killed

    plan = house.plan()
    house.transport.after = die
    with pytest.raises(Killed):
        house.apply(plan=plan)
    (made,) = house.endpoints
    house.restart()
    house.world.advance_to(house.world.now + LOCK_TTL.seconds + 1)
    change = change_of(house.plan())
    assert (change.action, change.reason) == (Action.CREATE, Reason.RESUME)
    house.apply()
    assert list(house.endpoints) == [made]
    assert house.secrets() == (house.secret_at_stripe(made),)


def test_after_a_day_the_key_is_not_sent_again():
    """An idempotency key Stripe may have forgotten would make a second endpoint; the orphan is replaced instead."""
    house = House()

    def die(method: str, path: str) -> None:
        if (method, path) == ("POST", "/v1/webhook_endpoints"):
            raise Killed

    plan = house.plan()
    house.transport.after = die
    with pytest.raises(Killed):
        house.apply(plan=plan)
    house.transport.after = None
    house.world.advance_to(house.world.now + 23 * 3600)
    assert change_of(house.plan()).reason is Reason.LOST_SECRET
    house.apply()
    assert len(house.endpoints) == 1
    assert not house.plan().has_changes


def test_a_lost_answer_is_unknown_and_is_sent_again_with_the_same_key():
    """No answer to the creation: the step stays open, nothing is published, and the next apply ends with one endpoint."""
    house = House()
    plan = house.plan()

    def lose(method: str, path: str) -> None:
        if (method, path) == ("POST", "/v1/webhook_endpoints"):
            raise stripe.APIConnectionError("the answer was lost")

    house.transport.after = lose
    with pytest.raises(FlexpayError) as failed:
        house.apply(plan=plan)
    house.transport.after = None
    assert failed.value.kind in {ErrorKind.PARTLY_APPLIED, ErrorKind.TIMED_OUT}
    assert house.parts.state.latest() is None
    (step,) = house.parts.state.unfinished_steps()
    house.apply()
    assert len(house.endpoints) == 1
    assert house.secrets() == (house.secret_at_stripe(next(iter(house.endpoints))),)
    assert house.parts.state.unfinished_steps() == ()
    assert step.idempotency_key.startswith("fp-apply:")


def test_a_refused_creation_is_partly_applied_and_goes_on_later():
    """Stripe refuses one step: exit kind PARTLY_APPLIED, no revision; put right, apply goes on to the end."""
    house = House()
    plan = house.plan()
    for number in range(16):
        house.account.table("webhook_endpoint").add(
            {**ROW, "id": f"we_{number}", "created": house.world.now, "url": f"https://x.example/{number}"}
        )
    with pytest.raises(FlexpayError) as failed:
        house.apply(plan=plan)
    assert failed.value.kind is ErrorKind.PARTLY_APPLIED
    assert house.parts.state.latest() is None
    assert house.parts.state.unfinished_steps() == ()
    refused = house.plan()
    assert ErrorKind.GUARD_REFUSED in refused.faults
    house.delete_in_dashboard("we_0")
    assert house.apply().revision == 1
    assert not house.plan().has_changes


ROW: dict[str, Any] = {
    "object": "webhook_endpoint",
    "api_version": None,
    "application": None,
    "description": None,
    "enabled_events": ["*"],
    "livemode": False,
    "metadata": {},
    "status": "enabled",
}
