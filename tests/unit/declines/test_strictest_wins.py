"""All evidence is read and the strictest wins; what is unknown or contradictory is never quietly soft."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.values.instant import Span

CARD = Evidence(payment_method_type="card", network="visa")


def test_no_evidence_is_unknown():
    """Nothing said is UNKNOWN, with a sentence."""
    decline = classify(Evidence())
    assert (decline.kind, decline.reason) == (DeclineKind.UNKNOWN, "no_evidence")
    assert len(decline.because) == 1


@pytest.mark.parametrize(
    "evidence",
    [
        CARD,
        Evidence(error_code="card_declined"),
        Evidence(error_code="payment_intent_payment_attempt_failed"),
        Evidence(outcome_type="issuer_declined", network_status="declined_by_network"),
        Evidence(card_country="IN"),
        Evidence(advice_code="code_of_next_year"),
        Evidence(network="amex", network_decline_code="100"),
        Evidence(decline_code="  "),
    ],
)
def test_containers_and_circumstances_alone_are_unknown(evidence):
    """That there was a refusal, where the card is from or how long to wait does not say why it was refused."""
    decline = classify(evidence)
    assert (decline.kind, decline.reason) == (DeclineKind.UNKNOWN, "no_evidence")


@pytest.mark.parametrize("field", ["decline_code", "outcome_reason", "error_code", "outcome_type", "network_status"])
def test_an_unknown_word_is_never_quietly_soft(field):
    """A word outside the table makes the decline UNKNOWN beside any soft word and any permission."""
    soft = replace(
        CARD,
        decline_code="insufficient_funds",
        advice_code="try_again_later",
        network_decline_code="51",
        outcome_type="issuer_declined",
        outcome_reason="insufficient_funds",
        network_status="declined_by_network",
    )
    assert classify(soft).kind is DeclineKind.SOFT
    change: dict[str, Any] = {field: "code_of_next_year"}
    unknown = classify(replace(soft, **change))
    assert unknown.kind is DeclineKind.UNKNOWN
    assert "code_of_next_year" in unknown.because[0]
    assert "code_of_next_year" in unknown.reason


@pytest.mark.parametrize(
    ("hard", "other", "kind"),
    [
        ({"decline_code": "lost_card"}, {"outcome_type": "blocked", "outcome_reason": "rule"}, "operator"),
        ({"advice_code": "do_not_try_again"}, {"decline_code": "merchant_blacklist"}, "operator"),
        ({"network_decline_code": "41"}, {"outcome_type": "invalid"}, "operator"),
        ({"advice_code": "do_not_try_again"}, {"decline_code": "code_of_next_year"}, "unknown"),
        ({"decline_code": "stolen_card"}, {"outcome_type": "authorized"}, "unknown"),
        ({"decline_code": "stolen_card"}, {"network_status": "approved_by_network"}, "unknown"),
        ({"decline_code": "stolen_card"}, {"outcome_type": "manual_review"}, "unknown"),
    ],
)
def test_hard_beside_operator_or_unknown_neither_charges_nor_cancels(hard, other, kind):
    """Contradictory evidence ends no recovery, and the card's "never" stands all the same (invariants A9, A21)."""
    assert classify(replace(CARD, **hard)).kind is DeclineKind.HARD
    decline = classify(replace(CARD, **hard, **other))
    assert decline.kind == kind
    assert not decline.kind.may_end_recovery
    assert not decline.kind.allows_attempts
    assert decline.advice.never


def test_only_operator_and_unknown_may_not_end_recovery():
    """Invariant A21, kind by kind."""
    assert {kind for kind in DeclineKind if not kind.may_end_recovery} == {DeclineKind.OPERATOR, DeclineKind.UNKNOWN}
    assert {kind for kind in DeclineKind if kind.allows_attempts} == {DeclineKind.SOFT, DeclineKind.TECHNICAL}


@pytest.mark.parametrize(
    ("reason", "word", "kind", "never"),
    [
        ("highest_risk_level", "fraudulent", "hard", True),
        ("rule", "generic_decline", "operator", False),
        ("low_probability_of_authorization", "generic_decline", "soft", False),
        ("previously_declined_do_not_retry", "generic_decline", "hard", True),
        (None, "generic_decline", "unknown", False),
        ("generic_decline", "generic_decline", "unknown", False),
        ("code_of_next_year", "generic_decline", "unknown", False),
    ],
)
def test_blocked_by_stripe(reason, word, kind, never):
    """A block is read by its reason, never by the generic word that comes with it; it is no issuer's answer."""
    decline = classify(
        replace(
            CARD,
            error_code="card_declined",
            decline_code=word,
            outcome_type="blocked",
            outcome_reason=reason,
            network_status="not_sent_to_network",
        )
    )
    assert (decline.kind, decline.advice.never, decline.blocked_by_stripe) == (kind, never, True)
    assert not decline.evidence.reached_network


@pytest.mark.parametrize(
    ("outcome_type", "network_status", "reached"),
    [
        (None, None, True),
        ("issuer_declined", "declined_by_network", True),
        ("blocked", "not_sent_to_network", False),
        ("blocked", None, False),
        ("invalid", None, False),
        ("blocked", "reversed_after_approval", True),
        ("issuer_declined", " Not_Sent_To_Network ", False),
    ],
)
def test_reached_network(outcome_type, network_status, reached):
    """A request counts against ceilings unless Stripe says that it never left; a block after approval did leave."""
    assert Evidence(outcome_type=outcome_type, network_status=network_status).reached_network is reached


def test_authentication_asked_for_parks_with_the_customer():
    """A payment that waits for authentication is the customer's, whatever soft word is beside it (invariant A14)."""
    decline = classify(replace(CARD, requires_action=True, decline_code="insufficient_funds"))
    assert (decline.kind, decline.reason) == (DeclineKind.CUSTOMER, "requires_action")
    assert classify(Evidence(requires_action=True)).kind is DeclineKind.CUSTOMER


def test_cards_of_india_need_the_customer():
    """A soft decline of a card issued in India is not retried without the customer; a hard one stays hard."""
    assert classify(replace(CARD, card_country="in", decline_code="insufficient_funds")).kind is DeclineKind.CUSTOMER
    assert classify(replace(CARD, card_country="IN", decline_code="lost_card")).kind is DeclineKind.HARD
    assert classify(replace(CARD, card_country="US", decline_code="insufficient_funds")).kind is DeclineKind.SOFT


@pytest.mark.parametrize(
    ("advice", "kind"),
    [("do_not_try_again", "hard"), ("confirm_card_data", "credential"), ("try_again_later", "soft")],
)
def test_stripes_advice_beside_a_soft_word(advice, kind):
    """Advice hardens a soft word and never softens a hard one."""
    assert classify(replace(CARD, advice_code=advice, decline_code="insufficient_funds")).kind == kind
    assert classify(replace(CARD, advice_code=advice, decline_code="lost_card")).kind is DeclineKind.HARD


def test_an_unknown_stripe_advice_waits():
    """An advice code that we do not know waits 72 h beside a soft word: never retry now (invariant A9)."""
    decline = classify(replace(CARD, advice_code="code_of_next_year", decline_code="insufficient_funds"))
    assert decline.kind is DeclineKind.SOFT
    assert decline.advice.wait_at_least == Span.of(hours=72)


def test_the_longest_wait_counts():
    """Of several waits the longest is the lower bound."""
    decline = classify(
        Evidence(
            network="mastercard", decline_code="duplicate_transaction", network_advice_code="27", advice_code="new"
        )
    )
    assert decline.advice.wait_at_least == Span.of(hours=96)


def test_the_deciding_sentence_comes_first_and_all_are_there():
    """One sentence per piece of evidence, the deciding one first."""
    decline = classify(
        replace(
            CARD,
            error_code="card_declined",
            decline_code="insufficient_funds",
            network_decline_code="14",
            advice_code="try_again_later",
        )
    )
    assert decline.reason == "visa:14"
    assert decline.because[0].startswith("visa code 14")
    assert len(decline.because) == 4
    assert all("\n" not in sentence and sentence for sentence in decline.because)


def test_the_issuers_answer_decides_beside_a_technical_fault():
    """SOFT beside TECHNICAL is SOFT, so that the answer is learnt."""
    decline = classify(replace(CARD, decline_code="do_not_honor", error_code="processing_error"))
    assert (decline.kind, decline.reason) == (DeclineKind.SOFT, "do_not_honor")


def test_case_and_spaces_do_not_matter():
    """The same codes in another case, with spaces around them, give the same verdict; the evidence is kept as given."""
    plain = Evidence(
        network="mastercard", decline_code="insufficient_funds", network_advice_code="03", card_country="IN"
    )
    loud = Evidence(
        network=" MasterCard\n", decline_code="\tInsufficient_Funds ", network_advice_code="3", card_country=" in "
    )
    one, two = classify(plain), classify(loud)
    assert (one.kind, one.reason, one.advice, one.because) == (two.kind, two.reason, two.advice, two.because)
    assert two.evidence == loud


def test_strange_text_is_bounded_in_reasons():
    """A code of any length and content comes out as a short word without line breaks."""
    decline = classify(Evidence(decline_code="<b>\n" + "x" * 500))
    assert decline.kind is DeclineKind.UNKNOWN
    assert len(decline.reason) < 80
    assert "\n" not in decline.because[0]
    assert "<" not in decline.because[0]


def test_a_decline_names_its_editions():
    """Every decline says by which editions it was read."""
    assert classify(Evidence()).edition == "codes 2026-11-22, network rules 2026-11-22"
