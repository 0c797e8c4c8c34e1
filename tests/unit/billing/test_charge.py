"""What a charge says about itself: whether the network saw it, and which card it was."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus, RefusalFacts
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.recovery.evidence import evidence_of
from tests.unit.billing import reads

REFUSALS = [
    (RefusalFacts(), True),
    (RefusalFacts(network_status="declined_by_network"), True),
    (RefusalFacts(network_status="reversed_after_approval", outcome_type="blocked"), True),
    (RefusalFacts(network_status="not_sent_to_network"), False),
    (RefusalFacts(network_status="not_sent_to_network", outcome_type="issuer_declined"), False),
    (RefusalFacts(outcome_type="blocked"), False),
    (RefusalFacts(outcome_type="invalid"), False),
    (RefusalFacts(outcome_type="issuer_declined"), True),
    (RefusalFacts(network_status="something_new"), True),
]


@pytest.mark.parametrize(("refusal", "reached"), REFUSALS)
def test_which_refusals_reached_the_network(refusal, reached):
    """What Stripe blocked itself is no network attempt; where it says nothing, it counts (invariant A10)."""
    assert reads.charge(refusal=refusal).reached_network() is reached


@pytest.mark.parametrize(("refusal", "reached"), REFUSALS)
def test_charge_and_evidence_agree(refusal, reached):
    """The ledger and the classifier count the same refusals as network attempts."""
    evidence: Evidence = evidence_of(refusal, None)
    assert evidence.reached_network is reached


@pytest.mark.parametrize("status", [ChargeStatus.SUCCEEDED, ChargeStatus.PENDING])
def test_a_charge_without_refusal_reached_the_network(status):
    """Approved and pending charges count against ceilings."""
    assert reads.charge(status=status, refusal=None).reached_network()


def test_a_card_is_known_by_its_fingerprint():
    """Two payment methods of one card share its ceilings; without a fingerprint the method counts, then the charge."""
    assert reads.charge().card_key() == "fingerprint_1"
    assert reads.charge(fingerprint=None).card_key() == "pm_1"
    assert reads.charge(fingerprint=None, payment_method=None).card_key() == "ch_1"
