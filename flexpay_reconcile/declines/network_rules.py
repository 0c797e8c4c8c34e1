"""Reads the networks' own codes (decline code, advice code) by `network_rules.toml`, keyed by network.

Only what one refusal says; how often a card may be tried is in `networks`. Knows none of Stripe's words.
"""

from __future__ import annotations

import functools

from flexpay_reconcile.declines import data, networks
from flexpay_reconcile.declines.codes import unknown_advice_wait
from flexpay_reconcile.declines.data import Rule
from flexpay_reconcile.declines.decline import Advice, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.declines.finding import Finding, shown
from flexpay_reconcile.values.instant import Span

_NEVER = Advice(never=True, needs_new_credentials=True)
_READINGS: dict[str, tuple[DeclineKind | None, Advice, str]] = {
    "never": (DeclineKind.HARD, _NEVER, "never again on this card"),
    "new_credentials": (DeclineKind.CREDENTIAL, Advice(needs_new_credentials=True), "only after the card changed"),
    "customer": (DeclineKind.CUSTOMER, Advice(customer_must_act=True), "the customer must act first"),
    "operator": (DeclineKind.OPERATOR, Advice(), "the merchant must act, no card of the customer heals it"),
    "permits": (None, Advice(), "a retry is permitted within the ceiling"),
    "silent": (None, Advice(), "it says nothing about retrying"),
}


@functools.cache
def _index() -> dict[tuple[str, str, str], Rule]:
    """Rules with a reading, by network, field (`codes` or `mac`) and code."""
    return {
        (network, field, code): rule
        for rule in data.rules().rules
        if rule.reading is not None
        for field in ("codes", "mac")
        for code in rule.facts.get(field, ())
        for network in rule.networks
    }


def read_network(evidence: Evidence) -> list[Finding]:
    """The findings of the network's decline code and advice code, by the rules of that network alone."""
    scheme = networks.scheme_of(evidence.network, evidence.payment_method_type)
    code, advice = evidence.network_decline_code, evidence.network_advice_code
    if scheme is None:
        return _read_without_network(code, advice)
    pair = _read_pair(scheme, code, advice)
    if pair is not None:
        return [pair]
    found = []
    if code is not None:
        found.append(_read_code(scheme, code))
    if advice is not None:
        found.append(_read_advice(scheme, advice))
    return found


def _read_pair(scheme: str, code: str | None, advice: str | None) -> Finding | None:
    """A decline code and an advice code that mean something together (Mastercard 79, 82, 83 with 01, 02, 03)."""
    rule = _index().get((scheme, "codes", code or ""))
    if rule is None or rule.reading != "by_advice":
        return None
    reading = rule.facts["readings"].get(advice or "")
    if reading is None:
        return None
    words = f"{scheme} code {code} with advice {advice} (rule {rule.id})"
    return _finding(rule, reading, f"{scheme}:{code}+advice_{advice}", words, _wait_of(scheme, advice))


def _read_code(scheme: str, code: str) -> Finding:
    """A decline code by its network's table; Visa's has a row for every other code, other networks' do not."""
    rule = _index().get((scheme, "codes", code)) or _index().get((scheme, "codes", "*"))
    words = f"{scheme} code {shown(code)}"
    if rule is None and networks.is_debit(scheme):
        sentence = f"{words} is not one that the scheme lets us collect again, nor one we know; a person has to look"
        reason = f"unknown:{scheme}:{shown(code)}"
        return Finding(kind=DeclineKind.UNKNOWN, tells_why=False, reason=reason, sentence=sentence)
    if rule is None or rule.reading is None:
        sentence = f"{words}: no published rule reads it"
        return Finding(kind=None, tells_why=False, reason=f"{scheme}:{shown(code)}", sentence=sentence)
    return _finding(rule, rule.reading, f"{scheme}:{shown(code)}", f"{words} (rule {rule.id})", None)


def _read_advice(scheme: str, advice: str) -> Finding:
    """An advice code by its network's table; an unknown one is a wish to wait (invariant A9)."""
    rule = _index().get((scheme, "mac", advice))
    words = f"{scheme} advice {shown(advice)}"
    if rule is None or rule.reading is None:
        wait = unknown_advice_wait()
        return Finding(
            kind=None,
            tells_why=False,
            reason=f"unknown_advice:{scheme}:{shown(advice)}",
            sentence=f"{words} is not known to us: wait at least {wait.text()}",
            advice=Advice(wait_at_least=wait),
        )
    hours = _wait_of(scheme, advice)
    return _finding(rule, rule.reading, f"{scheme}:advice_{advice}", f"{words} (rule {rule.id})", hours)


def _finding(rule: Rule, reading: str, reason: str, words: str, wait: Span | None) -> Finding:
    """A rule's reading as a finding; where the advice or the hours it needs are missing, it waits as for an unknown."""
    if reading in ("wait", "by_advice"):
        known = reading == "wait" and wait is not None
        span = wait or unknown_advice_wait()
        sentence = f"{words}: wait at least {span.text()}"
        return Finding(kind=None, tells_why=known, reason=reason, sentence=sentence, advice=Advice(wait_at_least=span))
    kind, advice, meaning = _READINGS[reading]
    if kind is DeclineKind.HARD and rule.confidence == "unconfirmed":
        # A weak source is enough to stop charging and not enough to cancel: recovery ends at its window's end.
        kind, meaning = DeclineKind.CREDENTIAL, f"{meaning} (unconfirmed, so recovery is not ended at once)"
    return Finding(
        kind=kind, tells_why=reading != "silent", reason=reason, sentence=f"{words}: {meaning}", advice=advice
    )


def _wait_of(scheme: str, advice: str | None) -> Span | None:
    """The hours that a network's advice code names, if it names any."""
    rule = _index().get((scheme, "mac", advice or ""))
    hours = rule.facts.get("wait_hours") if rule is not None else None
    return Span.of(hours=hours) if hours is not None else None


def _read_without_network(code: str | None, advice: str | None) -> list[Finding]:
    """Codes of a network that Stripe did not name: a "never" of any network stops attempts, and nothing permits one.

    The kind is UNKNOWN then, because the same code may be harmless at the card's own network: no charge and no
    cancellation.
    """
    found = []
    if code is not None:
        found.append(_read_nameless("codes", code, f"network code {shown(code)} of a network Stripe did not name"))
    if advice is not None:
        found.append(_read_nameless("mac", advice, f"network advice {shown(advice)} of a network Stripe did not name"))
    return found


def _read_nameless(field: str, code: str, words: str) -> Finding:
    """One such code, by the rules of every network at once; an advice code waits for the longest of them."""
    readers = [rule for (_, kind, text), rule in _index().items() if (kind, text) == (field, code)]
    reason = f"unknown_network:{'advice_' if field == 'mac' else ''}{shown(code)}"
    if any(rule.reading == "never" for rule in readers):
        sentence = f"{words}: some network means never by it, so this card is not charged and a person has to look"
        return Finding(kind=DeclineKind.UNKNOWN, tells_why=False, reason=reason, sentence=sentence, advice=_NEVER)
    if field == "codes":
        return Finding(kind=None, tells_why=False, reason=reason, sentence=f"{words}: not read")
    waits = [Span.of(hours=hours) for rule in readers if (hours := rule.facts.get("wait_hours")) is not None]
    wait = max([unknown_advice_wait(), *waits])
    sentence = f"{words}: wait at least {wait.text()}"
    return Finding(kind=None, tells_why=False, reason=reason, sentence=sentence, advice=Advice(wait_at_least=wait))
