"""The inbox: insert wins, order of receipt, nothing dropped."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.rows import InboxState
from flexpay_reconcile.values.ids import IntegrationId
from tests.contract.store.makers import at, event_of


def test_second_delivery_is_a_no_op(store):
    """The same event id of one integration is stored once, and the first body stays."""
    with store.begin() as unit:
        assert unit.inbox.put(event_of(1)) is True
        assert unit.inbox.put(event_of(1, body=b"{}")) is False
    with store.reading() as unit:
        assert unit.inbox.pending(at(1), 10) == (event_of(1),)


def test_two_integrations_may_get_one_event(store):
    """Uniqueness is by integration and event id, for a platform's event may concern two scopes."""
    with store.begin() as unit:
        assert unit.inbox.put(event_of(1))
        assert unit.inbox.put(event_of(1, integration_id=IntegrationId("other")))
    with store.reading() as unit:
        assert unit.inbox.counts() == {"pending": 2}


def test_fifty_threads_with_one_event(store):
    """Fifty deliveries of one event at once: exactly one is new (invariant D3)."""
    barrier = threading.Barrier(50)
    won: list[bool] = []

    def deliver() -> None:
        barrier.wait()
        with store.begin() as unit:
            new = unit.inbox.put(event_of(1))
        won.append(new)

    threads = [threading.Thread(target=deliver) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), won.count(True)) == (50, 1)
    with store.reading() as unit:
        assert unit.inbox.counts() == {"pending": 1}


def test_pending_is_in_order_of_receipt_and_bounded(store):
    """Events come back in the order in which they were received, at most `limit` of them."""
    with store.begin() as unit:
        for number in (3, 1, 2):
            unit.inbox.put(event_of(number))
    with store.reading() as unit:
        assert [each.event_id for each in unit.inbox.pending(at(1), 2)] == ["evt_1", "evt_2"]


def test_events_received_at_one_instant_keep_their_order(store):
    """Where the clock cannot tell two events apart, the order of arrival does."""
    with store.begin() as unit:
        for number in (2, 1, 3):
            unit.inbox.put(event_of(number, received_at=at()))
    with store.reading() as unit:
        assert [each.event_id for each in unit.inbox.pending(at(1), 9)] == ["evt_2", "evt_1", "evt_3"]


def test_a_failed_event_waits_and_does_not_block_others(store):
    """An event with a later `next_try_at` is left out until then; a dead one is kept and counted."""
    with store.begin() as unit:
        for number in (1, 2, 3):
            unit.inbox.put(event_of(number))
        unit.inbox.mark(dataclasses.replace(event_of(1), tries=1, next_try_at=at(2), error="Stripe was away"))
        unit.inbox.mark(dataclasses.replace(event_of(2), state=InboxState.DEAD, tries=9, error="no such invoice"))
    with store.reading() as unit:
        assert [each.event_id for each in unit.inbox.pending(at(1), 9)] == ["evt_3"]
        assert [each.event_id for each in unit.inbox.pending(at(2), 9)] == ["evt_1", "evt_3"]
        assert unit.inbox.pending(at(2), 9)[0].error == "Stripe was away"
        assert unit.inbox.counts() == {"dead": 1, "pending": 2}


def test_marking_an_event_never_stored_is_a_bug(store):
    """Nothing is created by `mark`."""
    with pytest.raises(BrokenInvariant, match="never stored"), store.begin() as unit:
        unit.inbox.mark(event_of(1))


def test_events_are_found_by_key_and_by_object(store):
    """The resolver finds what its own request caused, oldest first, done or not."""
    with store.begin() as unit:
        unit.inbox.put(event_of(2, idempotency_key="fp1:a:b:1", object_id="in_1", state=InboxState.DONE))
        unit.inbox.put(event_of(1, idempotency_key="fp1:a:b:1", object_id="in_1"))
        unit.inbox.put(event_of(3, idempotency_key="fp1:a:b:2"))
    with store.reading() as unit:
        assert [each.event_id for each in unit.inbox.with_key("fp1:a:b:1")] == ["evt_1", "evt_2"]
        assert [each.event_id for each in unit.inbox.for_object("in_1")] == ["evt_1", "evt_2"]
        assert unit.inbox.with_key("fp1:a:b:9") == ()


def test_a_body_comes_back_byte_for_byte(store):
    """The body is kept as bytes, whatever is in it."""
    body = bytes(range(256)) * 30
    with store.begin() as unit:
        unit.inbox.put(event_of(1, body=body))
    with store.reading() as unit:
        assert unit.inbox.pending(at(1), 1)[0].body == body
