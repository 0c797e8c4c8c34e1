"""Radar's value lists: the default ones, a merchant's own, their items, and who may read them."""

from __future__ import annotations

import pytest

from flexpay_reconcile.simulator.protocol.access import KNOWN
from tests.unit.simulator.helpers import client, small_world
from tests.unit.simulator.payments import refused

FLEXPAY = "13.65.95.109"


def test_the_default_lists_are_there_and_take_items() -> None:
    """The allow list of client addresses can be found by its alias, given the address, and found by `contains`."""
    v1 = client(small_world()).v1
    (allow,) = v1.radar.value_lists.list({"alias": "client_ip_address_allowlist"}).data
    assert (allow.item_type, allow.list_items.data) == ("ip_address", [])
    assert v1.radar.value_lists.list({"contains": FLEXPAY}).data == []
    item = v1.radar.value_list_items.create({"value_list": allow.id, "value": FLEXPAY})
    assert [row.id for row in v1.radar.value_lists.list({"contains": FLEXPAY}).data] == [allow.id]
    assert [row.id for row in v1.radar.value_list_items.list({"value_list": allow.id}).data] == [item.id]
    assert v1.radar.value_lists.retrieve(allow.id).list_items.data[0].value == FLEXPAY
    assert v1.radar.value_list_items.delete(item.id).deleted is True
    assert refused(v1.radar.value_list_items.retrieve, item.id).http_status == 404
    assert v1.radar.value_lists.retrieve(allow.id).list_items.data == []


def test_default_lists_cannot_be_changed() -> None:
    """Neither renamed nor removed."""
    v1 = client(small_world()).v1
    (block,) = v1.radar.value_lists.list({"alias": "email_blocklist"}).data
    assert refused(v1.radar.value_lists.update, block.id, {"name": "Mine"}).http_status == 400
    assert refused(v1.radar.value_lists.delete, block.id).http_status == 400


def test_a_merchants_own_list() -> None:
    """Made, renamed, found, and deleted with its items."""
    v1 = client(small_world()).v1
    made = v1.radar.value_lists.create({"alias": "trusted", "name": "Trusted", "metadata": {"a": "b"}})
    assert (made.item_type, made.created_by, made.metadata["a"]) == ("string", "Standard", "b")
    assert refused(v1.radar.value_lists.create, {"alias": "trusted", "name": "Again"}).param == "alias"
    changed = v1.radar.value_lists.update(made.id, {"name": "More trusted", "alias": "more", "metadata": {"a": ""}})
    assert (changed.name, changed.alias, changed.metadata.to_dict()) == ("More trusted", "more", {})
    item = v1.radar.value_list_items.create({"value_list": made.id, "value": "Word"})
    assert v1.radar.value_list_items.retrieve(item.id).value == "word"
    assert v1.radar.value_list_items.list({"value_list": made.id, "value": "other"}).data == []
    assert v1.radar.value_lists.delete(made.id).deleted is True
    assert refused(v1.radar.value_lists.retrieve, made.id).http_status == 404
    assert refused(v1.radar.value_list_items.retrieve, item.id).http_status == 404


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("ip_address", "13.65.95"),
        ("email", "nobody"),
        ("country", "USA"),
        ("card_bin", "4242"),
        ("customer_id", "sub_1"),
    ],
)
def test_values_must_be_of_the_lists_kind(type_: str, value: str) -> None:
    """A value of another kind is refused."""
    v1 = client(small_world()).v1
    made = v1.radar.value_lists.create({"alias": "a", "name": "A", "item_type": type_})
    error = refused(v1.radar.value_list_items.create, {"value_list": made.id, "value": value})
    assert (error.http_status, error.param) == (400, "value")


def test_a_value_is_in_a_list_once() -> None:
    """The same value again is refused; so is a list that is not there."""
    v1 = client(small_world()).v1
    (allow,) = v1.radar.value_lists.list({"alias": "client_ip_address_allowlist"}).data
    v1.radar.value_list_items.create({"value_list": allow.id, "value": FLEXPAY})
    given = {"value_list": allow.id, "value": FLEXPAY}
    assert refused(v1.radar.value_list_items.create, given).param == "value"
    assert refused(v1.radar.value_list_items.list, {"value_list": "rsl_none"}).http_status == 400


def test_the_lists_need_a_permission_of_their_own() -> None:
    """A key with the preset permissions of the product is told which one it lacks."""
    world = small_world()
    error = refused(client(world, "PRIMARY").v1.radar.value_lists.list, {})
    assert error.http_status == 403
    assert "rak_radar_read" in str(error)
    assert {f"rak_{noun}_read" for noun in ("radar", "review", "dispute", "setup_intent")} <= KNOWN
