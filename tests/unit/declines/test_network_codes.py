"""The networks' own codes: keyed by network, Visa's categories, Mastercard's advice codes, bank debits."""

from __future__ import annotations

import pytest

from flexpay_reconcile.declines import data
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import Decline, DeclineKind
from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.values.instant import Span

VISA_1 = "04 07 12 14 15 41 43 46 57 R0 R1 R3".split()
VISA_2 = "03 19 39 51 52 53 59 61 62 65 75 78 83 86 91 93 96 5C 9G N3 N4 Z5".split()
VISA_3 = "54 55 82 6P N7".split()
VISA_3_EUROPE = "70 1A".split()
VISA_4 = "01 05 13 58 63 99 ZZ".split()


def card(network: str | None, code: str | None = None, advice: str | None = None, word: str | None = None) -> Decline:
    """The decline of a card of this network."""
    return classify(
        Evidence(
            payment_method_type="card",
            network=network,
            network_decline_code=code,
            network_advice_code=advice,
            decline_code=word,
        )
    )


@pytest.mark.parametrize("word", [None, "insufficient_funds", "processing_error", "expired_card"])
@pytest.mark.parametrize("code", VISA_1)
def test_visa_category_1_is_never(code, word):
    """Category 1 is never again on this card, whatever softer word stands beside it."""
    decline = card("visa", code, word=word)
    assert decline.kind is DeclineKind.HARD
    assert decline.advice.never
    assert decline.reason == f"visa:{code}"


@pytest.mark.parametrize("code", VISA_2 + VISA_4)
def test_visa_categories_2_and_4_permit(code):
    """Categories 2 and 4, unlisted codes included, permit a retry and never soften a hard word."""
    assert card("visa", code).kind is DeclineKind.SOFT
    assert card("visa", code, word="processing_error").kind is DeclineKind.TECHNICAL
    assert card("visa", code, word="lost_card").kind is DeclineKind.HARD
    assert card("visa", code, word="code_of_next_year").kind is DeclineKind.UNKNOWN


@pytest.mark.parametrize("code", VISA_3)
def test_visa_category_3_needs_new_data(code):
    """Category 3 is retried only after the card's data changed."""
    decline = card("visa", code, word="insufficient_funds")
    assert (decline.kind, decline.advice.needs_new_credentials) == (DeclineKind.CREDENTIAL, True)


@pytest.mark.parametrize("code", VISA_3_EUROPE)
def test_visa_authentication_codes_need_the_customer(code):
    """70 and 1A need the customer everywhere, because we do not see where the acquirer is."""
    assert card("visa", code, word="do_not_honor").kind is DeclineKind.CUSTOMER


def test_82_and_83_differ_by_network():
    """82 is bad card data at Visa and a policy group at Mastercard; 83 permits at Visa and says nothing at Mastercard."""
    assert card("visa", "82").kind is DeclineKind.CREDENTIAL
    assert card("mastercard", "82").kind is DeclineKind.UNKNOWN
    assert card("visa", "83").kind is DeclineKind.SOFT
    assert card("mastercard", "83").kind is DeclineKind.UNKNOWN
    assert card("visa", "82", "03").kind is DeclineKind.CREDENTIAL
    assert card("mastercard", "82", "03").kind is DeclineKind.HARD


@pytest.mark.parametrize(
    ("code", "advice", "kind", "hours"),
    [
        ("79", "01", "credential", None),
        ("82", "01", "credential", None),
        ("83", "01", "customer", None),
        ("79", "02", "soft", 72),
        ("82", "02", "soft", 72),
        ("83", "02", "soft", 72),
        ("79", "03", "hard", None),
        ("82", "03", "hard", None),
        ("83", "03", "hard", None),
    ],
)
def test_mastercard_groups_with_advice(code, advice, kind, hours):
    """79, 82 and 83 mean what the advice code beside them makes of them."""
    decline = card("mastercard", code, advice)
    assert decline.kind == kind
    assert decline.advice.wait_at_least == (Span.of(hours=hours) if hours else None)
    assert decline.reason == f"mastercard:{code}+advice_{advice}"


@pytest.mark.parametrize("code", ["79", "82", "83"])
def test_mastercard_groups_without_advice_wait(code):
    """Without an advice code a group alone is no verdict: beside a soft word it waits 72 h."""
    decline = card("mastercard", code, word="do_not_honor")
    assert (decline.kind, decline.advice.wait_at_least) == (DeclineKind.SOFT, Span.of(hours=72))


@pytest.mark.parametrize(
    ("advice", "hours"),
    [("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240), ("02", 72)],
)
def test_mastercard_waits_are_exact(advice, hours):
    """Advice 24 to 30 waits 1 h, 24 h, 2, 4, 6, 8, 10 d, and 02 waits 72 h."""
    decline = card("mastercard", "51", advice, "insufficient_funds")
    assert (decline.kind, decline.advice.wait_at_least) == (DeclineKind.SOFT, Span.of(hours=hours))
    assert card("mastercard", advice=advice).kind is DeclineKind.SOFT


@pytest.mark.parametrize("advice", ["03", "21", "40", "41", "42", "3", " 03 "])
def test_mastercard_never(advice):
    """Advice 03, 21, 40, 41 and 42 is never again on this card, beside any soft word and in any spelling."""
    decline = card("mastercard", "51", advice, "insufficient_funds")
    assert (decline.kind, decline.advice.never) == (DeclineKind.HARD, True)


@pytest.mark.parametrize(
    ("advice", "kind"), [("01", "credential"), ("04", "credential"), ("22", "operator"), ("43", "soft")]
)
def test_mastercard_other_advice(advice, kind):
    """01 and 04 need another credential, 22 is the merchant's matter, 43 says nothing about retrying."""
    decline = card("mastercard", "51", advice, "insufficient_funds")
    assert (decline.kind, decline.advice.wait_at_least) == (kind, None)


def test_advice_43_alone_is_no_evidence():
    """An advice that says nothing about retrying does not make a decline known."""
    assert card("mastercard", advice="43").kind is DeclineKind.UNKNOWN


@pytest.mark.parametrize(
    ("network", "advice"), [("mastercard", "99"), ("mastercard", "05"), ("visa", "03"), ("amex", "21"), ("jcb", "x y")]
)
def test_unknown_network_advice_waits(network, advice):
    """An advice code that the network's table lacks, or that processors read differently, waits 72 h: never retry now."""
    decline = card(network, "51", advice, "insufficient_funds")
    assert (decline.kind, decline.advice.wait_at_least) == (DeclineKind.SOFT, Span.of(hours=72))
    assert card(network, advice=advice).kind is DeclineKind.UNKNOWN


@pytest.mark.parametrize(("network", "code"), [("amex", "100"), ("mastercard", "05"), ("discover", "14")])
def test_codes_that_no_rule_reads_say_nothing(network, code):
    """A code of a network without a published table neither hardens a known word nor is evidence by itself."""
    assert card(network, code, word="insufficient_funds").kind is DeclineKind.SOFT
    assert card(network, code).kind is DeclineKind.UNKNOWN


@pytest.mark.parametrize("network", [None, "", "unknown"])
def test_never_of_a_nameless_network(network):
    """Where Stripe does not name the network, a code that is never somewhere stops attempts and cancels nothing."""
    for code, advice in (("14", None), (None, "03"), (None, "21"), ("14", "24")):
        decline = card(network, code, advice, "insufficient_funds")
        assert (decline.kind, decline.advice.never) == (DeclineKind.UNKNOWN, True)


def test_waits_of_a_nameless_network():
    """Where Stripe does not name the network, an advice code waits as long as any network would."""
    assert card(None, None, "24", "insufficient_funds").advice.wait_at_least == Span.of(hours=72)
    assert card(None, None, "30", "insufficient_funds").advice.wait_at_least == Span.of(hours=240)
    assert card(None, "51", None, "insufficient_funds").kind is DeclineKind.SOFT


def debit(kind: str, code: str | None = None, word: str | None = None, error: str | None = None) -> Decline:
    """The decline of a bank debit."""
    return classify(Evidence(payment_method_type=kind, network_decline_code=code, decline_code=word, error_code=error))


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        *(("us_bank_account", code, "soft") for code in ("R01", "R09", "r01")),
        ("us_bank_account", "R08", "customer"),
        *(
            ("us_bank_account", code, "hard")
            for code in ("R02", "R03", "R04", "R05", "R07", "R10", "R11", "R16", "R20", "R29", "R51")
        ),
        ("us_bank_account", "R99", "unknown"),
        *(("sepa_debit", code, "soft") for code in ("AM04", "MS03")),
        *(
            ("sepa_debit", code, "credential")
            for code in ("AC01", "AC04", "AC06", "AG01", "MD01", "MD06", "MD07", "SL01")
        ),
        ("sepa_debit", "XX99", "unknown"),
        ("bacs_debit", "ARUDD:0", "soft"),
        ("bacs_debit", "ARUDD:1", "unknown"),
        ("acss_debit", "901", "unknown"),
    ],
)
def test_bank_debit_codes(kind, code, expected):
    """Debits may be collected again on the listed codes only; a never without a source stops charging, not the case."""
    decline = debit(kind, code, error="insufficient_funds" if kind != "acss_debit" else None)
    assert decline.kind == expected
    assert decline.advice.never == (expected in ("hard", "credential"))


def test_bank_debits_repeat_for_insufficient_funds_only():
    """A soft word that is not insufficient funds needs the customer on a debit; a technical fault does not."""
    assert debit("us_bank_account", error="insufficient_funds").kind is DeclineKind.SOFT
    assert debit("us_bank_account", word="generic_decline").kind is DeclineKind.CUSTOMER
    assert debit("us_bank_account", "R01", "generic_decline").kind is DeclineKind.CUSTOMER
    assert debit("us_bank_account", error="processing_error").kind is DeclineKind.TECHNICAL
    assert debit("au_becs_debit", error="insufficient_funds").kind is DeclineKind.CUSTOMER


def test_debits_are_known_by_their_network_name_too():
    """A charge that names the debit scheme as its network is read by the debit's rules."""
    decline = classify(Evidence(network="us_bank_account", network_decline_code="R02"))
    assert decline.reason == "ach:R02"


def test_every_rule_about_a_code_has_a_reading():
    """Rules that list codes and have no reading are exactly the two that repeat codes of others for a cap or a fee."""
    silent = {r.id for r in data.rules().rules if r.reading is None and ("codes" in r.facts or "mac" in r.facts)}
    assert silent == {"visa.legacy15", "visa.fee.vsps", "mc.fee.ao", "mc.fee.cnp_decline_2026"}
