"""The two data files are whole, dated and sourced."""

from __future__ import annotations

import pytest

from flexpay_reconcile.declines import customer_words, data
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant

RULE_IDS = """
visa.cat1 visa.cat2 visa.83 visa.cat3 visa.cat3_eu visa.cat4 visa.legacy15 visa.fee.excess visa.fee.vsps visa.mit_cit
mc.mac01 mc.mac02 mc.mac03 mc.mac04 mc.mac05 mc.mac21 mc.mac22 mc.mac24 mc.mac25 mc.mac26 mc.mac27 mc.mac28 mc.mac29
mc.mac30 mc.mac40 mc.mac41 mc.mac42 mc.mac43 mc.79_82 mc.83 mc.cap24h mc.cap30d mc.cap_br mc.fee.tpe mc.fee.ao
mc.fee.cnp_decline_2026 mc.fee.ccp amex.none_published discover.none_published jcb.unionpay elo.br stripe.advice.never
stripe.advice.later stripe.advice.fix stripe.max8 stripe.nonretryable stripe.blocked stripe.india nacha.r01_r09 nacha.r08
nacha.never stripe.ach sepa.am04_ms03 sepa.never bacs.reason0
""".split()


def test_editions():
    """Both files carry the date of what they know."""
    assert data.codes().edition == "2026-11-22"
    assert data.rules().edition == "2026-11-22"


def test_all_rules_were_carried_over():
    """The 55 rules and 36 sources are there, in order."""
    assert [rule.id for rule in data.rules().rules] == RULE_IDS
    assert len(data.rules().sources) == 36


def test_every_source_resolves():
    """A row or a rule names only sources that the file explains; only an unconfirmed rule may have none."""
    assert {row.source for row in data.codes().rows} == set(data.codes().sources)
    for rule in data.rules().rules:
        assert set(rule.sources) <= set(data.rules().sources), rule.id
        assert rule.sources or rule.confidence == "unconfirmed", rule.id
        assert rule.confidence in ("primary", "processor", "secondary", "unconfirmed"), rule.id
    for name, source in data.rules().sources.items():
        assert source["name"], name
    assert set(data.rules().defaults["unknown_advice"]["source"]) <= set(data.rules().sources)


def test_no_code_stands_twice():
    """A code has one row per table, and one reading per network and field."""
    rows = [(row.table, row.code) for row in data.codes().rows]
    assert len(rows) == len(set(rows))
    readings = [
        (network, field, code)
        for rule in data.rules().rules
        if rule.reading is not None
        for network in rule.networks
        for field in ("codes", "mac")
        for code in rule.facts.get(field, ())
    ]
    assert len(readings) == len(set(readings))


def test_rows_are_complete_and_judgements_that_leave_the_class_say_why():
    """Every row has its words; a kind that does not follow from the class alone has a reason beside it."""
    plain = {"hard": "hard", "soft": "soft", "customer_action": "customer"}
    for row in data.codes().rows:
        assert row.description
        assert row.next_step
        assert row.reason
        follows = plain.get(row.suggested_class) == row.kind or row.kind is DeclineKind.CREDENTIAL
        assert follows or row.kind_because or row.suggested_class == "overrides_hard", row.code


def test_readings_are_of_the_known_words():
    """A reading that the code does not know would fail in the middle of a night."""
    known = {"never", "new_credentials", "customer", "operator", "wait", "permits", "silent", "by_advice"}
    for rule in data.rules().rules:
        assert rule.reading is None or rule.reading in known, rule.id
        assert (rule.reading == "by_advice") == ("readings" in rule.facts), rule.id
        assert set(rule.facts.get("readings", {}).values()) <= known - {"by_advice"}, rule.id


HEADER = [
    "table", "code", "description", "stripe_next_step", "on_stripe_smart_retries_no_retry_list", "suggested_class",
    "suggested_policy", "reason", "charge_outcome_reason", "deprecated", "kind", "kind_because", "source",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["", "HARD", "fatal", "not_a_decline"])
def test_another_kind_is_refused(kind):
    """A row without one of the seven kinds cannot be read."""
    row = ["card_decline", "x", "d", "n", "no", "hard", "never_same_card", "r", "", "", kind, "", "stripe_codes"]
    with pytest.raises(BrokenInvariant, match="kind"):
        data._code_row(HEADER, row)


def test_a_short_row_is_refused():
    """A row with a column missing cannot be read."""
    with pytest.raises(BrokenInvariant, match="columns"):
        data._code_row(HEADER, ["card_decline", "x"])


def test_a_missing_rule_is_a_bug():
    """Asking for a rule that the file lacks fails by name."""
    with pytest.raises(BrokenInvariant, match=r"visa\.cat9"):
        data.rules().by_id("visa.cat9")


def test_codes_that_customers_must_not_see():
    """The four codes Stripe wants hidden, and nothing at all, are shown as a generic decline; others as they are."""
    assert {"fraudulent", "lost_card", "stolen_card", "merchant_blacklist"} == customer_words.SHOWN_AS_GENERIC
    for code in (*customer_words.SHOWN_AS_GENERIC, " Lost_Card ", "", None):
        assert customer_words.code_for_customer(code) == "generic_decline"
    assert customer_words.code_for_customer("insufficient_funds") == "insufficient_funds"


def test_every_cell_is_in_the_column_that_the_file_names():
    """A row of the file is the row in the program, column by column; the words `yes` and `deprecated` are flags."""
    row = dict(zip(HEADER, [f"the {name}" for name in HEADER], strict=True)) | {"kind": "soft"}
    for flags in ("yes", "deprecated"), ("no", ""):
        row |= {"on_stripe_smart_retries_no_retry_list": flags[0], "deprecated": flags[1]}
        read = data._code_row(HEADER, list(row.values()))
        assert (read.table, read.code, read.description) == ("the table", "the code", "the description")
        assert (read.next_step, read.suggested_class) == ("the stripe_next_step", "the suggested_class")
        assert (read.policy, read.reason) == ("the suggested_policy", "the reason")
        assert (read.outcome_reason, read.kind_because) == ("the charge_outcome_reason", "the kind_because")
        assert (read.source, read.kind) == ("the source", DeclineKind.SOFT)
        assert (read.on_no_retry_list, read.deprecated) == (flags[0] == "yes", flags[0] == "yes")


@pytest.mark.parametrize(("network", "networks"), [("visa", ("visa",)), (["ach", "bacs_debit"], ("ach", "bacs_debit"))])
@pytest.mark.parametrize("reading", [None, "never"])
def test_a_rule_is_read_as_it_is_written(network, networks, reading):
    """One network or several, a reading or none: each field of a rule is the file's own, and all keys are kept."""
    entry = {"id": "x.1", "network": network, "confidence": "primary", "source": ["a", "b"], "codes": ["04"]}
    entry |= {} if reading is None else {"reading": reading}
    rule = data._rule(entry)
    assert (rule.id, rule.networks, rule.confidence) == ("x.1", networks, "primary")
    assert (rule.sources, rule.reading, rule.facts) == (("a", "b"), reading, entry)
