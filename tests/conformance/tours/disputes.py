"""Disputes: lost, won with evidence, accepted; and what they leave on the charge."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked of a dispute."""
    if not guide.knows("disputes/*/close"):
        return
    v1 = guide.v1
    _warned(guide)
    _reviewed(guide)
    first, second = _disputed(guide), _disputed(guide)
    for params in ({}, {"limit": 1}, {"charge": first.charge}, {"payment_intent": first.payment_intent}):
        asked: Any = params
        assert guide.read(v1.disputes.list(asked)).data
    guide.read(v1.disputes.retrieve(first.id, {"expand": ["charge", "payment_intent"]}))
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}, "metadata": {"a": "b"}, "submit": True}
    guide.read(v1.disputes.update(first.id, evidence))
    guide.read(v1.disputes.close(second.id))
    guide.wait(2)
    guide.read(v1.charges.retrieve(first.charge))
    guide.refused(lambda: v1.disputes.retrieve("du_nowhere"), 404, "resource_missing")


def _warned(guide: Guide) -> None:
    """What an issuer reports as fraud before anybody disputes it."""
    if not guide.knows("radar/early_fraud_warnings"):
        return
    customer, card = guide.new_customer("pm_card_createIssuerFraudRecord")
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    guide.read(guide.v1.subscriptions.create(wanted))
    guide.wait(1)
    warnings = guide.v1.radar.early_fraud_warnings
    warning = guide.read(warnings.list({"limit": 3})).data[0]
    guide.read(warnings.retrieve(warning.id, {"expand": ["charge"]}))


def _reviewed(guide: Guide) -> None:
    """What Radar puts before a person."""
    if not guide.knows("reviews"):
        return
    customer, card = guide.new_customer("pm_card_riskLevelElevated")
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    guide.read(guide.v1.subscriptions.create(wanted))
    review = guide.read(guide.v1.reviews.list({"limit": 3})).data[0]
    guide.read(guide.v1.reviews.retrieve(review.id, {"expand": ["charge", "payment_intent"]}))
    guide.read(guide.v1.reviews.approve(review.id))


def _disputed(guide: Guide) -> Any:
    """A payment with the card whose payments are disputed; its dispute."""
    customer, card = guide.new_customer("pm_card_createDispute")
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    guide.read(guide.v1.subscriptions.create(wanted))
    guide.wait(1)
    (charge,) = guide.read(guide.v1.charges.list({"customer": customer})).data
    (dispute,) = guide.read(guide.v1.disputes.list({"charge": charge.id})).data
    return dispute
