"""What a subscription can become: on trial, prorated, moved to another price, paused, resumed, ended at a date."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import DAY, Guide


def tour(guide: Guide) -> None:
    """Every parameter that changes a subscription's course, as far as the simulator takes it."""
    for more in (
        {"trial_period_days": 3},
        {"billing_mode": {"type": "flexible"}},
        {"billing_mode": {"type": "classic"}},
        {"cancel_at": guide.world.now + 40 * DAY},
        {"collection_method": "send_invoice", "days_until_due": 7},
        {"payment_behavior": "default_incomplete"},
    ):
        if all(guide.takes("POST", "subscriptions", name) for name in more):
            _made(guide, more)
    for changes in (
        {"cancel_at": guide.world.now + 60 * DAY, "proration_behavior": "none"},
        {"pause_collection": {"behavior": "keep_as_draft"}},
        {"trial_end": guide.world.now + 20 * DAY, "proration_behavior": "none"},
    ):
        if all(guide.takes("POST", "subscriptions/*", name) for name in changes):
            _changed(guide, changes)
    if guide.takes("POST", "subscriptions/*", "items"):
        _moved(guide)
    _paused(guide)
    _items(guide)
    _previewed(guide)
    guide.wait(45)


def _made(guide: Guide, more: dict[str, Any]) -> Any:
    customer, card = guide.new_customer()
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card, **more}
    return guide.read(guide.v1.subscriptions.create(wanted))


def _changed(guide: Guide, changes: Any) -> None:
    made = _made(guide, {})
    guide.read(guide.v1.subscriptions.update(made.id, changes))
    guide.read(guide.v1.subscriptions.retrieve(made.id))


def _moved(guide: Guide) -> None:
    """To a dearer price in the middle of a period, with and without proration."""
    for behaviour in ("create_prorations", "always_invoice", "none"):
        made = _made(guide, {})
        guide.wait(5)
        item = made["items"]["data"][0]["id"]
        wanted: Any = {
            "items": [{"id": item, "price": guide.price(4500), "quantity": 2}],
            "proration_behavior": behaviour,
        }
        guide.read(guide.v1.subscriptions.update(made.id, wanted))
        guide.read(guide.v1.invoice_items.list({"customer": made.customer}))


def _paused(guide: Guide) -> None:
    """A subscription of the flexible mode stands still and goes on."""
    if not guide.knows("subscriptions/*/pause"):
        return
    subscriptions = guide.v1.subscriptions
    for behaviour in ("invoice", "pending_invoice_item"):
        made = _made(guide, {"billing_mode": {"type": "classic"}})
        flexible: Any = {"billing_mode": {"type": "flexible"}}
        guide.read(subscriptions.migrate(made.id, flexible))
        guide.wait(5)
        how: Any = {"type": "subscription", "invoicing_behavior": behaviour}
        guide.read(subscriptions.pause(made.id, how))
        guide.wait(5)
        again: Any = {"billing_cycle_anchor": {"type": "now"}, "payment_behavior": "resume_on_payment_attempt"}
        guide.read(subscriptions.resume(made.id, again))


def _items(guide: Guide) -> None:
    """Items of a subscription, one by one."""
    if not guide.knows("subscription_items", "POST"):
        return
    items = guide.v1.subscription_items
    made = _made(guide, {})
    guide.read(items.list({"subscription": made.id}))
    wanted: Any = {"subscription": made.id, "price": guide.price(300), "quantity": 2, "proration_behavior": "none"}
    added = guide.read(items.create(wanted))
    guide.read(items.update(added.id, {"quantity": 3, "metadata": {"a": "b"}}))
    guide.read(items.retrieve(added.id))
    guide.read(items.delete(added.id))


def _previewed(guide: Guide) -> None:
    """What the next invoice would hold."""
    if not guide.knows("invoices/create_preview"):
        return
    made = _made(guide, {})
    guide.read(guide.v1.invoices.create_preview({"subscription": made.id}))
    guide.read(guide.v1.invoices.create_preview({"customer": made.customer, "subscription": made.id}))
