"""Kind, reason, advice and sentences of every refusal that the tables can read, held against a page a person has read.

`python -m tests.unit.declines.test_told` writes the page anew: read the difference before you commit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flexpay_reconcile.declines import data
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.evidence import Evidence

PAGE = Path(__file__).parent / "told.txt"
NETWORKS = ("visa", "mastercard", "amex", "discover", "jcb", "unionpay", "elo", "cartes_bancaires")
DEBITS = ("us_bank_account", "sepa_debit", "bacs_debit", "acss_debit")
ODD = (
    Evidence(),
    Evidence(requires_action=True),
    Evidence(card_country="IN"),
    Evidence(card_country="IN", decline_code="insufficient_funds"),
    Evidence(error_code="card_declined"),
    Evidence(decline_code="never_heard_of"),
    Evidence(advice_code="never_heard_of"),
    Evidence(outcome_type="blocked"),
    Evidence(outcome_type="blocked", outcome_reason="rule"),
    Evidence(outcome_type="blocked", outcome_reason="never_heard_of"),
    Evidence(outcome_type="invalid"),
    Evidence(outcome_type="authorized"),
    Evidence(outcome_type="manual_review"),
    Evidence(outcome_type="never_heard_of"),
    Evidence(network_status="approved_by_network", decline_code="do_not_honor"),
    Evidence(network_status="never_heard_of", decline_code="do_not_honor"),
    Evidence(network_status="not_sent_to_network", decline_code="do_not_honor"),
    Evidence(network_status="not_sent_to_network", outcome_type="issuer_declined", decline_code="do_not_honor"),
    Evidence(decline_code="do_not_honor", advice_code="try_again_later"),
    Evidence(decline_code="do_not_honor", advice_code="do_not_try_again"),
    Evidence(decline_code="processing_error", outcome_reason="insufficient_funds"),
    Evidence(network="mastercard", network_decline_code="79", network_advice_code="03"),
    Evidence(network="mastercard", network_decline_code="79", network_advice_code="99"),
    Evidence(network="mastercard", network_decline_code="82", network_advice_code="24"),
    Evidence(network="mastercard", network_decline_code="83", network_advice_code="01"),
    Evidence(network="mastercard", network_decline_code="83"),
    Evidence(network_decline_code="04"),
    Evidence(network_decline_code="51"),
    Evidence(network_decline_code="51", network_advice_code="30"),
    Evidence(network_advice_code="03"),
    Evidence(network_advice_code="98"),
    Evidence(network="visa", network_decline_code="ZZ"),
    Evidence(network="ach", payment_method_type="us_bank_account", network_decline_code="R99"),
)


def _cases() -> Iterator[Evidence]:
    """Every word of `codes.tsv` in its own field, every code of the networks' rules, and odd ones."""
    fields = {
        "card_decline": "decline_code",
        "lpm_decline": "decline_code",
        "outcome_reason": "outcome_reason",
        "error_code": "error_code",
        "advice_code": "advice_code",
    }
    for row in data.codes().rows:
        method = "us_bank_account" if row.table == "lpm_decline" else None
        yield Evidence(**{fields[row.table]: row.code, "payment_method_type": method})  # type: ignore[arg-type]
    for method in DEBITS:
        yield Evidence(decline_code="insufficient_funds", payment_method_type=method)
        yield Evidence(decline_code="payment_limit_exceeded", payment_method_type=method)
    rules = [rule for rule in data.rules().rules if rule.reading is not None]
    for network in (*NETWORKS, "ach", "sepa_debit", "bacs_debit"):
        mine = [rule for rule in rules if network in rule.networks]
        for code in sorted({code for rule in mine for code in rule.facts.get("codes", ())}):
            yield Evidence(network=network, network_decline_code=code)
        for code in sorted({code for rule in mine for code in rule.facts.get("mac", ())}):
            yield Evidence(network=network, network_advice_code=code)
        yield Evidence(network=network, network_decline_code="ZZ", network_advice_code="98")
    yield from ODD


def _given(evidence: Evidence) -> str:
    """The fields that are set, as one line."""
    names = Evidence.__slots__
    return " ".join(f"{name}={value}" for name in names if (value := getattr(evidence, name)) not in (None, False))


def told() -> str:
    """The whole page."""
    lines = [data.edition()]
    for evidence in _cases():
        decline = classify(evidence)
        advice = decline.advice
        demands = [name for name in ("never", "needs_new_credentials", "customer_must_act") if getattr(advice, name)]
        if advice.wait_at_least is not None:
            demands.append(f"wait {advice.wait_at_least.text()}")
        blocked = ", blocked by Stripe" if decline.blocked_by_stripe else ""
        counted = "" if evidence.reached_network else ", not counted"
        lines.append(f"\n{_given(evidence) or 'nothing'}")
        lines.append(
            f"  {decline.kind.value} ({decline.reason}): {', '.join(demands) or 'no demand'}{blocked}{counted}"
        )
        lines += [f"  - {sentence}" for sentence in decline.because]
    return "\n".join(lines) + "\n"


def test_every_refusal_is_told_as_on_the_page():
    """A changed kind, demand or sentence shows as a difference that somebody has to read."""
    assert told() == PAGE.read_text(encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(told(), encoding="utf-8")
