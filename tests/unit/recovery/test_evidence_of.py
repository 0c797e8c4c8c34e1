"""All evidence in one place: the call's error first, filled up with what the charge says."""

from __future__ import annotations

from dataclasses import fields

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus, RefusalFacts
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.evidence import evidence_of
from tests.unit.billing import reads

TEXTS = [each.name for each in fields(RefusalFacts) if each.name not in ("message", "requires_action")]


def refusal(name: str, value: object) -> RefusalFacts:
    """A refusal that says one thing."""
    return RefusalFacts(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TEXTS)
def test_the_charge_fills_what_the_error_leaves_open(name):
    """Each field comes from the error where it speaks, else from the charge."""
    charge = reads.charge(refusal=refusal(name, "from_the_charge"))
    assert getattr(evidence_of(RefusalFacts(), charge), name) == "from_the_charge"
    assert getattr(evidence_of(refusal(name, "from_the_error"), charge), name) == "from_the_error"
    assert getattr(evidence_of(refusal(name, "from_the_error"), None), name) == "from_the_error"
    assert getattr(evidence_of(refusal(name, ""), charge), name) == "from_the_charge"


@pytest.mark.parametrize(
    ("error", "charge", "expected"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_either_may_ask_for_the_customer(error, charge, expected):
    """That the customer must act counts from wherever it is said (invariant A14)."""
    seen = reads.charge(refusal=RefusalFacts(requires_action=charge))
    assert evidence_of(RefusalFacts(requires_action=error), seen).requires_action is expected


def test_the_network_of_the_charge_goes_first():
    """The charge knows its network; without it the attempt's own counts."""
    assert evidence_of(RefusalFacts(), reads.charge(network="amex"), "visa").network == "amex"
    assert evidence_of(RefusalFacts(), reads.charge(network=None), "visa").network == "visa"
    assert evidence_of(RefusalFacts(), None, "visa").network == "visa"
    assert evidence_of(RefusalFacts(), None).network is None


def test_country_and_type_come_from_the_charge():
    """Only the charge knows where the card was issued and what kind of method it is."""
    evidence = evidence_of(RefusalFacts(), reads.charge(country="IN", payment_method_type="card"))
    assert (evidence.card_country, evidence.payment_method_type) == ("IN", "card")
    assert evidence_of(RefusalFacts(), None).card_country is None


def test_a_charge_without_refusal_adds_nothing():
    """A charge that did not fail is no evidence of a refusal."""
    succeeded = reads.charge(status=ChargeStatus.SUCCEEDED, refusal=None)
    assert classify(evidence_of(RefusalFacts(), succeeded)).kind is DeclineKind.UNKNOWN


def test_a_never_on_the_charge_is_seen_through_a_soft_error():
    """The error says only "declined"; the charge's advice says never: the decline is hard."""
    error = RefusalFacts(error_code="card_declined", decline_code="generic_decline")
    charge = reads.charge(network="mastercard", refusal=RefusalFacts(network_advice_code="03"))
    assert classify(evidence_of(error, None)).kind is DeclineKind.SOFT
    assert classify(evidence_of(error, charge)).kind is DeclineKind.HARD


def test_no_field_of_a_refusal_is_lost():
    """Everything Stripe says about a refusal, but its words for people, is evidence."""
    evidence = evidence_of(RefusalFacts(), None)
    assert {*TEXTS, "requires_action"} <= {each.name for each in fields(evidence)}
