"""While an endpoint is replaced no event is lost and none is counted twice: the listener itself, behind the simulator."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.daemon.listener import build_app
from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.simulator.protocol.access import FLEXPAY_PRESET as PRESET
from flexpay_reconcile.simulator.resources import events
from tests.unit.operations_control.harness import MANIFEST, NAME, House, change_of
from tests.unit.operations_control.test_apply_crashes import WRITES, lose, outdate

HEARD = MANIFEST.replace("acme.example/hooks", f"acme.example/webhooks/stripe/{NAME}")
EVENTS = 200
PER_MOMENT = 10
DAY = 86_400


class Listening:
    """The listener's ASGI app in process, where the simulator delivers to; `answers` counts what it said."""

    def __init__(self, house: House) -> None:
        self.engine = bootstrap.open_engine(house.parts)
        self.app = build_app(self.engine.receive, lambda: {"ready": True})
        self.answers: Counter[int] = Counter()
        house.world.deliver = self.deliver

    def deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """One delivery, as a POST of the raw bytes."""
        path = url.removeprefix("https://recovery.acme.example")
        status = asyncio.run(self._post(path, headers, body))
        self.answers[status] += 1
        return status

    async def _post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return int(next(each["status"] for each in sent if each["type"] == "http.response.start"))


class Shopping:
    """Customers who go on changing while an apply runs: some events at every commit and every call."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.made: list[str] = []
        self.endpoints: list[int] = []
        """How many endpoints there were at each moment."""
        self.when: dict[str, tuple[str, ...]] = {}
        """Which endpoints there were when an event happened."""

    def moment(self, *_: Any) -> None:
        """Some events of this moment, each delivered at once to every endpoint there is."""
        house = self.house
        self.endpoints.append(len(house.endpoints))
        table = house.account.table("event")
        for _each in range(PER_MOMENT):
            before = set(table.rows)
            events.emit(house.world.sim, house.account, "customer.updated", {"id": "cus_1", "object": "customer"})
            new = [each for each in table.rows if each not in before]
            self.made += new
            self.when.update(dict.fromkeys(new, tuple(house.endpoints)))
        house.world.advance_to(house.world.now)

    def around(self, state: Any) -> Any:
        """The state, with a moment before and after each commit."""
        moment = self.moment

        class Proxy:
            def __getattr__(self, name: str) -> Any:
                real = getattr(state, name)
                if name not in WRITES:
                    return real

                def call(*args: Any, **more: Any) -> Any:
                    moment()
                    answer = real(*args, **more)
                    moment()
                    return answer

                return call

        return Proxy()


def inbox(house: House) -> Counter[str]:
    """How often each event id is in the inbox."""
    with house.parts.store.reading() as view:
        return Counter(str(event.event_id) for _, event in view.inbox.after(0, 10_000))


def shop_while_applying(house: House, manifest: str) -> tuple[Listening, Shopping]:
    """Apply with events at every commit and every call, then redeliver for days, then sweep what nobody brought."""
    plan = house.plan(manifest)
    listening, shopping = Listening(house), Shopping(house)
    before, house.transport.before = house.transport.before, shopping.moment
    house.transport.after = shopping.moment
    house.wrap = shopping.around
    house.apply(manifest, plan)
    house.transport.before, house.transport.after = before, None
    house.world.advance_to(house.world.now + 4 * DAY)
    return listening, shopping


@pytest.mark.parametrize(("spoil", "reason"), [(lose, Reason.LOST_SECRET), (outdate, Reason.API_VERSION)])
def test_of_200_events_during_a_replacement_each_is_in_the_inbox_once(tmp_path, spoil, reason):
    """Lost secret: -/+, and of 200 events during the apply, with redelivery and the sweep, each is there once."""
    house = House(state_path=str(tmp_path / "state.db"), permissions=[*PRESET, "rak_event_read"])
    house.apply(HEARD)
    (first,) = house.endpoints
    spoil(house)
    change = change_of(house.plan(HEARD))
    assert (change.action, change.reason) == (Action.REPLACE, reason)
    listening, shopping = shop_while_applying(house, HEARD)
    (second,) = house.endpoints
    assert second != first
    assert (min(shopping.endpoints), max(shopping.endpoints)) == (1, 2)  # both for a while, and never none
    assert listening.answers[400] > 0  # told before the new secret was on disk, or signed with the lost one: refused
    assert len(shopping.made) >= EVENTS
    told = inbox(house)
    assert set(told.values()) == {1}
    lost_with_the_secret = {each for each, there in shopping.when.items() if second not in there}
    missing = set(shopping.made) - set(told)
    assert missing <= (lost_with_the_secret if reason is Reason.LOST_SECRET else set())  # else redelivery brings all
    (history,) = [each for each in listening.engine.loops.loops if each.name == "history"]
    history.turn()
    assert inbox(house) == Counter(shopping.made)


def test_a_move_in_place_loses_nothing(tmp_path):
    """Another description and fewer events at Stripe: ~, and all 200 events of the apply are brought by webhook alone."""
    house = House(state_path=str(tmp_path / "state.db"))
    house.apply(HEARD)
    moved = HEARD.replace("Webhook EndPoint", "hook")
    assert change_of(house.plan(moved)).action is Action.UPDATE
    listening, shopping = shop_while_applying(house, moved)
    assert set(listening.answers) == {200}
    assert inbox(house) == Counter(shopping.made)
    assert len(shopping.made) >= EVENTS
