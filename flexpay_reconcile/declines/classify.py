"""Evidence in, decline out: every piece is read and the strictest wins. Closed by default; decides no date."""

from __future__ import annotations

import functools

from flexpay_reconcile.declines import codes, data, network_rules
from flexpay_reconcile.declines.decline import STRICTNESS, Advice, Decline, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.declines.finding import Finding, shown


def classify(evidence: Evidence) -> Decline:
    """What a refusal means for recovery. Never raises: what cannot be read is UNKNOWN.

    The kind is that of the strictest finding (`STRICTNESS`), the advice is the union of all demands. A permission
    to retry (Visa category 2 or 4, `try_again_later`) never softens anything. Without one known statement about this
    refusal the kind is UNKNOWN, whatever else was said.
    """
    facts = evidence.normalised()
    findings = [
        *codes.read_words(facts),
        *_read_outcome(facts),
        *codes.read_advice(facts.advice_code),
        *network_rules.read_network(facts),
        *_read_circumstances(facts),
    ]
    advice = Advice()
    for finding in findings:
        advice = advice.joined(finding.advice)
    kind, reason, because = _strictest(findings)
    return Decline(
        kind=kind,
        reason=reason,
        advice=advice,
        because=because,
        edition=data.edition(),
        evidence=evidence,
        blocked_by_stripe=_was_blocked(facts),
    )


def _strictest(findings: list[Finding]) -> tuple[DeclineKind, str, tuple[str, ...]]:
    """Kind, reason and sentences; of equally strict findings the first in the order above names the reason.

    SOFT counts as the issuer's answer: beside a technical fault it decides, so that the answer is learnt.
    """
    verdicts = [finding for finding in findings if finding.kind is not None]
    deciding: Finding | None = None
    if verdicts:
        deciding = max(verdicts, key=lambda f: (STRICTNESS[f.kind or DeclineKind.UNKNOWN], f.kind is DeclineKind.SOFT))
    knows_why = any(finding.tells_why for finding in findings)
    if deciding is not None and (knows_why or deciding.kind is DeclineKind.UNKNOWN):
        others = tuple(finding.sentence for finding in findings if finding is not deciding)
        return deciding.kind or DeclineKind.UNKNOWN, deciding.reason, (deciding.sentence, *others)
    if knows_why:  # permissions and waits only: a retry is allowed
        telling = [finding for finding in findings if finding.tells_why]
        first = max(telling, key=lambda f: f.advice.wait_at_least is not None)
        others = tuple(finding.sentence for finding in findings if finding is not first)
        return DeclineKind.SOFT, first.reason, (first.sentence, *others)
    nothing = "nothing that Stripe said tells why the payment was refused, so a person has to look"
    return DeclineKind.UNKNOWN, "no_evidence", (nothing, *(finding.sentence for finding in findings))


def _was_blocked(facts: Evidence) -> bool:
    """Whether Stripe itself stopped it."""
    unsent = facts.network_status == "not_sent_to_network"
    return facts.outcome_type == "blocked" or (unsent and facts.outcome_type is None)


_BLOCK_REASONS = frozenset(
    {"highest_risk_level", "rule", "low_probability_of_authorization", "previously_declined_do_not_retry"}
)


def _read_outcome(facts: Evidence) -> list[Finding]:
    """What `outcome.type` and `outcome.network_status` add to the reason, which `codes` has read."""
    found = []
    kind = facts.outcome_type
    if kind == "blocked" and facts.outcome_reason not in _BLOCK_REASONS:
        sentence = "Stripe blocked it for a reason we do not know, so a person has to look"
        found.append(_unknown("outcome:blocked", sentence))
    elif kind == "invalid":
        sentence = "Stripe calls the request invalid: the merchant's integration must be corrected"
        found.append(Finding(kind=DeclineKind.OPERATOR, tells_why=True, reason="outcome:invalid", sentence=sentence))
    elif kind in ("authorized", "manual_review"):
        sentence = f"outcome.type {kind} means approved, which contradicts a refusal, so a person has to look"
        found.append(_unknown(f"outcome:{kind}", sentence))
    elif kind not in (None, "blocked", "issuer_declined"):
        name = shown(kind or "")
        sentence = f"outcome.type {name} is not known to us, so a person has to look"
        found.append(_unknown(f"unknown:outcome:{name}", sentence))
    status = facts.network_status
    if status == "approved_by_network":
        sentence = "the network approved it, which contradicts a refusal, so a person has to look"
        found.append(_unknown("network_status:approved_by_network", sentence))
    elif status not in (None, "declined_by_network", "not_sent_to_network", "reversed_after_approval"):
        name = shown(status or "")
        sentence = f"network_status {name} is not known to us, so a person has to look"
        found.append(_unknown(f"unknown:network_status:{name}", sentence))
    return found


def _unknown(reason: str, sentence: str) -> Finding:
    """A finding that we cannot read, or that contradicts the refusal."""
    return Finding(kind=DeclineKind.UNKNOWN, tells_why=False, reason=reason, sentence=sentence)


def _read_circumstances(facts: Evidence) -> list[Finding]:
    """Authentication asked for, and countries whose cards may not be charged again without the customer."""
    found = []
    if facts.requires_action:
        sentence = "the payment waits for the customer's authentication"
        found.append(_customer("requires_action", sentence, tells_why=True))
    if facts.card_country in _countries_that_need_the_customer():
        country = facts.card_country
        sentence = f"the card is issued in {country}: it is not charged again without the customer (rule stripe.india)"
        # Where a card comes from does not say why it was refused.
        found.append(_customer(f"country:{country}", sentence, tells_why=False))
    return found


def _customer(reason: str, sentence: str, *, tells_why: bool) -> Finding:
    """A finding that leaves the next move to the customer."""
    advice = Advice(customer_must_act=True)
    return Finding(kind=DeclineKind.CUSTOMER, tells_why=tells_why, reason=reason, sentence=sentence, advice=advice)


@functools.cache
def _countries_that_need_the_customer() -> frozenset[str]:
    """Countries whose cards Stripe does not retry by itself."""
    return frozenset(data.rules().by_id("stripe.india").facts["card_country"])
