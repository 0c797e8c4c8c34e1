"""Radar's lists and their items."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked of a list of values."""
    if not guide.knows("radar/value_lists"):
        return
    lists, items = guide.v1.radar.value_lists, guide.v1.radar.value_list_items
    wanted: Any = {"alias": "tour_addresses", "name": "Tour", "item_type": "ip_address", "metadata": {"a": "b"}}
    made = guide.read(lists.create(wanted))
    guide.read(lists.update(made.id, {"name": "Tour again"}))
    guide.read(lists.retrieve(made.id))
    for params in ({}, {"alias": "tour_addresses"}, {"contains": "13.65.95.109"}):
        asked: Any = params
        guide.read(lists.list(asked))
    item = guide.read(items.create({"value_list": made.id, "value": "13.65.95.109"}))
    guide.read(items.retrieve(item.id))
    guide.read(items.list({"value_list": made.id, "value": "13.65.95.109"}))
    guide.read(lists.list({"contains": "13.65.95.109"}))
    guide.read(items.delete(item.id))
    guide.read(lists.delete(made.id))
