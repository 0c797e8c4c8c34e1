"""Test clocks: made, filled, advanced, refused while they move, deleted with what is theirs."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import DAY, START, Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked of a clock and under one."""
    if not guide.knows("test_helpers/test_clocks"):
        return
    clocks = guide.v1.test_helpers.test_clocks
    clock = guide.read(clocks.create({"frozen_time": START, "name": "tour"}))
    under: Any = {"test_clock": clock.id}
    customer, card = guide.new_customer(**under)
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    guide.read(guide.v1.subscriptions.create(wanted))
    guide.read(clocks.advance(clock.id, {"frozen_time": START + 20 * DAY}))
    guide.refused(lambda: clocks.advance(clock.id, {"frozen_time": START + 21 * DAY}), 429)
    guide.wait(0.01)
    guide.read(clocks.retrieve(clock.id))
    guide.read(clocks.advance(clock.id, {"frozen_time": START + 40 * DAY}))
    guide.wait(0.01)
    guide.read(guide.v1.invoices.list({"customer": customer}))
    guide.refused(lambda: clocks.advance(clock.id, {"frozen_time": START}), 400)
    guide.read(clocks.list({"limit": 2}))
    guide.read(clocks.delete(clock.id))
    guide.wait(0.01)
    guide.refused(lambda: clocks.retrieve(clock.id), 404)
