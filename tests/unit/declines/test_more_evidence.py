"""More evidence never makes a decline less strict: a property over all codes, networks and strange texts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.declines import data
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import STRICTNESS, Advice, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from tests.unit.declines.expected import KINDS

WORDS = sorted({code for _, code in KINDS})
NETWORK_CODES = sorted({code for rule in data.rules().rules for code in rule.facts.get("codes", ())})
ADVICE = sorted({code for rule in data.rules().rules for code in rule.facts.get("mac", ())})
strange = st.text(max_size=12)
word = st.one_of(st.sampled_from(WORDS), strange)
network_code = st.one_of(st.sampled_from(NETWORK_CODES), strange)
network_advice = st.one_of(st.sampled_from(ADVICE), strange)
networks = st.sampled_from(["visa", "mastercard", "amex", "discover", "jcb", None])
types = st.sampled_from(["card", "paypal", "us_bank_account", "sepa_debit", "bacs_debit", "acss_debit", None])
outcome = st.fixed_dictionaries(
    {
        "outcome_type": st.sampled_from(
            ["issuer_declined", "blocked", "invalid", "authorized", "manual_review", "new"]
        ),
        "outcome_reason": word,
        "network_status": st.sampled_from(
            ["declined_by_network", "not_sent_to_network", "reversed_after_approval", "approved_by_network", "new"]
        ),
    }
)
# What belongs together is one piece: an outcome without its reason, or a Mastercard group without its advice, says less
# than the whole and is read more strictly than some wholes.
piece = st.one_of(
    st.fixed_dictionaries({"decline_code": word}),
    st.fixed_dictionaries({"error_code": word}),
    st.fixed_dictionaries({"advice_code": word}),
    st.fixed_dictionaries({"network_decline_code": network_code}),
    st.fixed_dictionaries({"network_advice_code": network_advice}),
    st.fixed_dictionaries({"network_decline_code": network_code, "network_advice_code": network_advice}),
    st.fixed_dictionaries({"requires_action": st.just(True)}),
    st.fixed_dictionaries({"card_country": st.sampled_from(["IN", "US"])}),
    outcome,
)


@settings(max_examples=600)
@given(networks, types, st.sampled_from(WORDS), st.lists(piece, max_size=3), piece)
def test_more_evidence_never_softens(network, kind, first, pieces, more):
    """Beside a known word, one more piece of evidence leaves the kind as strict and every demand as it was."""
    facts: dict[str, Any] = {"network": network, "payment_method_type": kind, "decline_code": first}
    for each in pieces:
        facts = {**each, **facts}
    if more.keys() & facts.keys():
        return  # another value for the same field is other evidence, not more
    before, after = classify(Evidence(**facts)), classify(Evidence(**facts, **more))
    if before.reason == "no_evidence" or (network == "mastercard" and _completes_a_pair(facts, more)):
        return
    assert STRICTNESS[after.kind] >= STRICTNESS[before.kind]
    assert after.advice.covers(before.advice)


def _completes_a_pair(facts: dict[str, object], more: dict[str, object]) -> bool:
    """Whether Mastercard's 79, 82 or 83 stands alone in the one and gets its advice code by the other."""
    both = {**facts, **more}
    apart = {"network_decline_code", "network_advice_code"}
    return (
        str(both.get("network_decline_code")).strip() in ("79", "82", "83")
        and bool(apart & more.keys())
        and bool(apart & facts.keys())
    )


@settings(max_examples=300)
@given(networks, types, st.lists(piece, max_size=4))
def test_classify_reads_anything(network, kind, pieces):
    """No text makes classify fail, a soft decline demands nothing but time, and a hard one says never."""
    facts: dict[str, Any] = {}
    for each in pieces:
        facts |= each
    decline = classify(Evidence(network=network, payment_method_type=kind, **facts))
    if decline.kind.allows_attempts:
        assert decline.advice == Advice(wait_at_least=decline.advice.wait_at_least)
    if decline.kind is DeclineKind.HARD:
        assert decline.advice.never
    assert decline.reason
    assert all(decline.because)
