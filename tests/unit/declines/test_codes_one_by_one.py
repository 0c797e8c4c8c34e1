"""One row per code: what Stripe's words come to when they stand alone."""

from __future__ import annotations

import pytest

from flexpay_reconcile.declines import codes, data
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import Advice, Decline, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.values.instant import Span
from tests.unit.declines.expected import ADDED, KINDS

BLOCKED = {"highest_risk_level", "rule", "low_probability_of_authorization", "previously_declined_do_not_retry"}


def alone(table: str, code: str) -> Decline:
    """The decline that one code makes, with nothing beside it but what must come with it."""
    match table:
        case "card_decline":
            return classify(Evidence(payment_method_type="card", network="visa", decline_code=code))
        case "lpm_decline":
            return classify(Evidence(payment_method_type="paypal", decline_code=code))
        case "outcome_reason" if code in BLOCKED:
            return classify(Evidence(outcome_type="blocked", outcome_reason=code, network_status="not_sent_to_network"))
        case "outcome_reason":
            return classify(Evidence(outcome_type="manual_review", outcome_reason=code))
        case "advice_code":
            return classify(Evidence(payment_method_type="card", advice_code=code))
        case _:
            return classify(Evidence(payment_method_type="card", error_code=code))


@pytest.mark.parametrize(("table", "code", "kind"), [(*key, kind) for key, kind in KINDS.items()])
def test_each_code_alone(table, code, kind):
    """The code has the kind written out in `expected`, and forbids attempts exactly where that kind does."""
    decline = alone(table, code)
    assert decline.kind == kind
    assert decline.because
    assert decline.advice.never >= (kind == "hard")
    if decline.kind.allows_attempts:
        assert decline.advice == Advice(wait_at_least=decline.advice.wait_at_least)
    if kind == "credential":
        assert decline.advice.needs_new_credentials
    if kind == "customer":
        assert decline.advice.customer_must_act


def test_every_row_is_expected_and_every_expectation_has_a_row():
    """The file and the list by hand name the same codes, and the file's kind is the listed one."""
    rows = {(row.table, row.code): row.kind.value for row in data.codes().rows}
    assert rows == KINDS


def test_the_whole_table_was_carried_over():
    """93 rows as compiled (50 card, 18 other methods, 4 outcomes, 3 advice, 18 errors) and the two we added."""
    rows = [row for row in data.codes().rows if (row.table, row.code) not in ADDED]
    counts = {table: sum(row.table == table for row in rows) for table in {row.table for row in rows}}
    assert counts == {"card_decline": 50, "lpm_decline": 18, "outcome_reason": 4, "advice_code": 3, "error_code": 18}
    assert len(data.codes().rows) == 95


NINE = {
    "incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization",
    "revocation_of_all_authorizations", "authentication_required", "transaction_not_allowed", "highest_risk_level",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(NINE))
def test_stripes_own_no_retry_list(code):
    """Each of Stripe's nine codes keeps this card from being charged until it changes."""
    table = "outcome_reason" if code == "highest_risk_level" else "card_decline"
    decline = alone(table, code)
    assert decline.advice.needs_new_credentials
    assert not decline.kind.allows_attempts
    assert decline.advice.never == (code != "authentication_required")


def test_the_nine_agree_in_both_files():
    """The column of `codes.tsv` and the rule of `network_rules.toml` list the same nine codes."""
    listed = {row.code for row in data.codes().rows if row.on_no_retry_list}
    assert listed == NINE == set(data.rules().by_id("stripe.nonretryable").facts["decline_code"])


@pytest.mark.parametrize(
    ("code", "hours"),
    [
        ("duplicate_transaction", 24),
        ("card_velocity_exceeded", 24),
        ("withdrawal_count_limit_exceeded", 24),
        ("insufficient_funds", None),
        ("do_not_honor", None),
    ],
)
def test_waits_of_soft_codes(code, hours):
    """A duplicate and a limit wait a day; other soft codes leave the moment to timing."""
    wait = Span.of(hours=hours) if hours else None
    assert alone("card_decline", code).advice == Advice(wait_at_least=wait)


def test_too_many_declines_wait_a_day():
    """The error that Stripe gives after too many declines on a card waits at least 24 h."""
    decline = alone("error_code", "card_decline_rate_limit_exceeded")
    assert (decline.kind, decline.advice.wait_at_least) == (DeclineKind.SOFT, Span.of(hours=24))


def test_every_policy_has_its_advice():
    """No policy of the file is unknown to the code, and the code knows no policy that the file lacks."""
    policies = {row.policy for row in data.codes().rows}
    assert policies == set(codes.POLICY_ADVICE)


@pytest.mark.parametrize("row", [row for row in data.codes().rows if row.outcome_reason], ids=lambda row: row.code)
def test_other_methods_codes_in_the_outcome(row):
    """Another method's code is read from `outcome.reason` in the form it has there."""
    decline = classify(
        Evidence(payment_method_type="paypal", outcome_type="issuer_declined", outcome_reason=row.outcome_reason)
    )
    assert decline.kind is row.kind


def test_a_card_and_another_method_read_their_own_row():
    """`invalid_amount` may pass later on a card and never on another method."""
    assert classify(Evidence(payment_method_type="card", decline_code="invalid_amount")).kind is DeclineKind.SOFT
    assert classify(Evidence(payment_method_type="paypal", decline_code="invalid_amount")).kind is DeclineKind.HARD


def test_a_decline_code_given_as_error_code_is_read():
    """Stripe may give `insufficient_funds` or `authentication_required` as the error code alone."""
    assert classify(Evidence(error_code="insufficient_funds")).kind is DeclineKind.SOFT
    assert classify(Evidence(error_code="authentication_required")).kind is DeclineKind.CUSTOMER
