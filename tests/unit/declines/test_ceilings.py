"""How often one credential may be tried, by network."""

from __future__ import annotations

import pytest

from flexpay_reconcile.declines import networks
from flexpay_reconcile.declines.networks import CapScope, WindowCap, default_ceiling, network_limit
from flexpay_reconcile.values.instant import Span

CARD_NETWORKS = ["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "interac", "eftpos_au", None]


@pytest.mark.parametrize(
    ("network", "per_24h", "per_30d"),
    [
        ("visa", 2, 15),
        ("mastercard", 2, 15),
        ("amex", 1, 8),
        ("discover", 1, 8),
        ("jcb", 1, 8),
        ("cartes_bancaires", 1, 8),
        ("unknown", 1, 8),
        (None, 1, 8),
    ],
)
def test_defaults(network, per_24h, per_30d):
    """What we keep to without being told otherwise."""
    ceiling = default_ceiling(network)
    assert (ceiling.per_24h, ceiling.per_30d) == (per_24h, per_30d)


@pytest.mark.parametrize(
    ("network", "per_24h", "per_30d"),
    [
        ("visa", None, 20),
        ("mastercard", 10, 35),
        ("amex", None, 8),
        ("discover", None, 8),
        ("diners", None, 8),
        ("interac", None, 8),
        ("somethingnew", None, 8),
        (None, None, 8),
    ],
)
def test_the_networks_own_figures(network, per_24h, per_30d):
    """Visa's and Mastercard's figures; Stripe's eight where nothing is published."""
    limit = network_limit(network)
    assert (limit.per_24h, limit.per_30d) == (per_24h, per_30d)


@pytest.mark.parametrize("network", CARD_NETWORKS)
def test_no_default_is_above_the_limit(network):
    """In every window that both know, our default is at most the network's own figure (invariant A10)."""
    default, limit = default_ceiling(network), network_limit(network)
    for cap in limit:
        ours = min(each.count for each in default if each.window <= cap.window)
        assert ours <= cap.count
    assert default.per_30d is not None
    assert limit.per_30d is not None
    assert default.per_30d <= limit.per_30d


def test_bank_debits_count_retries_of_one_debit():
    """A debit's caps count retries of the same invoice: two in 14 and in 180 days, two in 30, one in 30."""
    assert tuple(network_limit("us_bank_account")) == (
        WindowCap(count=2, window=Span.of(days=180), source="nacha.r01_r09", scope=CapScope.INVOICE),
        WindowCap(count=2, window=Span.of(days=14), source="stripe.ach", scope=CapScope.INVOICE),
    )
    assert [(cap.count, cap.window) for cap in network_limit("sepa_debit")] == [(2, Span.of(days=30))]
    assert [(cap.count, cap.window) for cap in network_limit("bacs_debit")] == [(1, Span.of(days=30))]
    assert default_ceiling("ach") == network_limit("us_bank_account")


def test_debits_without_rules_are_not_collected_again():
    """A debit scheme whose rules we do not know allows no retry."""
    assert [cap.count for cap in network_limit("acss_debit")] == [0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Visa ", "visa"), ("American_Express", "amex"), ("unknown", None), ("", None), (None, None), ("jcb", "jcb")],
)
def test_network_names(name, expected):
    """One spelling per network; Stripe's `unknown` is no name."""
    assert networks.canonical_network(name) == expected
