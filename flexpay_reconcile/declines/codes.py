"""Reads Stripe's own words (decline, outcome, error, advice code) by `codes.tsv`. Knows no network's codes."""

from __future__ import annotations

import functools
from enum import StrEnum

from flexpay_reconcile.declines import data, networks
from flexpay_reconcile.declines.data import CodeRow
from flexpay_reconcile.declines.decline import Advice, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.declines.finding import Finding, shown
from flexpay_reconcile.values.instant import Span


class Field(StrEnum):
    """The fields of Stripe that carry one of its words."""

    DECLINE_CODE = "decline_code"
    """`error.decline_code`."""
    OUTCOME_REASON = "outcome_reason"
    """`charge.outcome.reason`."""
    ERROR_CODE = "error_code"
    """`error.code` or `charge.failure_code`."""


_NEVER = Advice(never=True, needs_new_credentials=True)
_NEW_CREDENTIALS = Advice(needs_new_credentials=True)
_CUSTOMER = Advice(customer_must_act=True)
_A_DAY = Advice(wait_at_least=Span.of(hours=24))
POLICY_ADVICE: dict[str, Advice] = {
    "never_same_card": _NEVER,
    "never_same_pm": _NEVER,
    "stop_while_disputed": _NEVER,
    "retry_only_if_pm_changed": _NEW_CREDENTIALS,
    "retry_only_if_pm_or_expiry_changed": _NEW_CREDENTIALS,
    "retry_only_after_customer_action": _CUSTOMER,
    "no_auto_retry_until_authenticated": _CUSTOMER,
    "retry_after_24h_or_more": _A_DAY,
    "reconcile_first_then_retry_later": _A_DAY,  # the same amount was sent a moment ago: a day apart it is no duplicate
    "retry_later_after_limit_window": _A_DAY,  # the shortest limit issuers keep is the daily one
    "retry_later": Advice(),
    "retry_later_limited": Advice(),
    "retry_later_payday_aware": Advice(),
    "retry_later_if_issuer_declined": Advice(),
    "retry_soon": Advice(),
    "inspect_charge_outcome": Advice(),
    "no_retry": Advice(),
    # The merchant's move: the kind OPERATOR stops attempts until it is made, after that this card may be tried.
    "never_until_list_changed": Advice(),
    "never_until_rule_changed": Advice(),
    "never_until_config_fixed": Advice(),
}
"""What each policy of `codes.tsv` demands; a policy missing here is refused by a test."""

_CARD_TYPES = frozenset({"", "card", "card_present", "link"})
_INSUFFICIENT_FUNDS = frozenset({"insufficient_funds"})
_DEBITS_WITH_RULES = frozenset({"ach", "sepa_debit", "bacs_debit"})


@functools.cache
def _index() -> dict[tuple[str, str], CodeRow]:
    """Rows by table and code; other methods' rows also by the form their code takes in `outcome.reason`."""
    found = {(row.table, row.code): row for row in data.codes().rows}
    for row in data.codes().rows:
        if row.outcome_reason:
            found.setdefault((row.table, row.outcome_reason), row)
    return found


def lookup(code: str, field: Field, payment_method_type: str | None) -> CodeRow | None:
    """The row for a code in a field: the field's own table first, then the others.

    Stripe repeats codes across fields. A card's decline codes are read before those of other methods, and for other
    methods the other way round.
    """
    is_card = (payment_method_type or "") in _CARD_TYPES
    declines = ("card_decline", "lpm_decline") if is_card else ("lpm_decline", "card_decline")
    order = {
        Field.DECLINE_CODE: (*declines, "outcome_reason", "error_code"),
        Field.OUTCOME_REASON: ("outcome_reason", *declines, "error_code"),
        Field.ERROR_CODE: ("error_code", *declines, "outcome_reason"),
    }[field]
    return next((row for table in order if (row := _index().get((table, code))) is not None), None)


def advice_of(row: CodeRow) -> Advice:
    """What a row demands: its policy, and a new credential where Stripe's own no-retry list has the code.

    Stripe's list says "until a new payment method is attached". `authentication_required` is on it and so needs that
    too, but it stays CUSTOMER: authentication heals it, and it is no reason to cancel at once.
    """
    advice = POLICY_ADVICE[row.policy]
    if row.table == "advice_code" and row.kind is DeclineKind.CREDENTIAL:
        advice = advice.joined(_CUSTOMER)
    if row.kind is DeclineKind.CUSTOMER:
        advice = advice.joined(_CUSTOMER)
    return advice.joined(_NEW_CREDENTIALS) if row.on_no_retry_list else advice


def read_words(evidence: Evidence) -> list[Finding]:
    """The findings of decline code, outcome reason and error code."""
    values = (
        (Field.DECLINE_CODE, evidence.decline_code),
        (Field.OUTCOME_REASON, evidence.outcome_reason),
        (Field.ERROR_CODE, evidence.error_code),
    )
    return [_read_word(field, code, evidence) for field, code in values if code is not None]


def _read_word(field: Field, code: str, evidence: Evidence) -> Finding:
    """One of Stripe's words; one that the table does not know is UNKNOWN."""
    row = lookup(code, field, evidence.payment_method_type)
    if row is None:
        return Finding(
            kind=DeclineKind.UNKNOWN,
            tells_why=False,
            reason=f"unknown:{shown(code)}",
            sentence=f"{field.value} {shown(code)} is not in our table, so a person has to look",
        )
    if row.is_container:
        sentence = f"{field.value} {code} only says that there was a refusal"
        return Finding(kind=None, tells_why=False, reason=code, sentence=sentence)
    reason = f"outcome:{code}" if row.table == "outcome_reason" else code
    scheme = networks.scheme_of(evidence.network, evidence.payment_method_type)
    if networks.is_debit(scheme) and row.kind is DeclineKind.SOFT and not _debit_may_repeat(scheme, row):
        return Finding(
            kind=DeclineKind.CUSTOMER,
            tells_why=True,
            reason=reason,
            sentence=f"{field.value} {code}: a bank debit may be collected again only for insufficient funds; "
            "the customer must authorise another one",
            advice=_CUSTOMER.joined(advice_of(row)),
        )
    because = f" ({row.kind_because})" if row.kind_because else ""
    return Finding(
        kind=row.kind,
        tells_why=row.kind is not DeclineKind.UNKNOWN,
        reason=reason,
        sentence=f"{field.value} {code} is {row.kind.value}: {row.description.rstrip('.')}{because}",
        advice=advice_of(row),
    )


def _debit_may_repeat(scheme: str | None, row: CodeRow) -> bool:
    """Whether a soft code lets a bank debit be collected again (rules nacha.r01_r09, sepa.am04_ms03, bacs.reason0)."""
    return scheme in _DEBITS_WITH_RULES and row.code in _INSUFFICIENT_FUNDS


def read_advice(code: str | None) -> list[Finding]:
    """Stripe's advice code. One we do not know is a wish to wait, never a permission to retry now (invariant A9)."""
    if code is None:
        return []
    row = _index().get(("advice_code", code))
    if row is None:
        wait = unknown_advice_wait()
        return [
            Finding(
                kind=None,
                tells_why=False,
                reason=f"unknown_advice:{shown(code)}",
                sentence=f"advice_code {shown(code)} is not known to us: wait at least {wait.text()}",
                advice=Advice(wait_at_least=wait),
            )
        ]
    permits = row.kind is DeclineKind.SOFT
    return [
        Finding(
            kind=None if permits else row.kind,
            tells_why=True,
            reason=f"advice:{code}",
            sentence=f"advice_code {code}: {row.description.rstrip('.')}",
            advice=advice_of(row),
        )
    ]


def unknown_advice_wait() -> Span:
    """How long an advice code that we do not know makes us wait."""
    return Span.of(hours=data.rules().defaults["unknown_advice"]["wait_hours"])
