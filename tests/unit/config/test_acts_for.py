"""Whose account an integration acts for (A16, D9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile.config.integration import ListenTo
from flexpay_reconcile.values.ids import AccountId
from tests.simulation import worlds

OWN, SHOP, MART, OTHER = (AccountId(each) for each in (worlds.ACCOUNT, "acct_3Shop", "acct_4Mart", "acct_9Other"))


@pytest.mark.parametrize(
    ("scope", "listed", "acts"),
    [
        (ListenTo.ACCOUNT, (), {OWN}),
        (ListenTo.CONNECTED_ACCOUNTS, (), {SHOP, MART}),
        (ListenTo.CONNECTED_ACCOUNTS, (SHOP,), {SHOP}),
        (ListenTo.CONNECTED_ACCOUNTS, (SHOP, OTHER, OWN), {SHOP}),
    ],
)
def test_an_integration_acts_for_its_own_account_or_for_connected_ones(scope, listed, acts):
    """Never for both, never for one that is not listed, and never for another company's."""
    configuration = worlds.manifest().configuration
    assert configuration is not None
    (company,) = configuration.companies.values()
    second = replace(company, id="other", stripe_account=OTHER)
    configuration = replace(configuration, companies={**configuration.companies, "other": second})
    (integration,) = configuration.integrations.values()
    webhook = replace(integration.webhook, listen_to=scope, connected_accounts=listed)
    one = replace(integration, webhook=webhook)
    assert {each for each in (OWN, SHOP, MART, OTHER) if configuration.acts_for(one, each)} == acts


def test_the_list_survives_being_stored():
    """A revision read back from the state lists the same accounts."""
    text = "connected_accounts\n      connected_accounts: [acct_4Mart, acct_3Shop]"
    configuration = worlds.manifest(listen_to=text).configuration
    assert configuration is not None
    again = type(configuration).from_plain(configuration.to_plain())
    assert again == configuration
    (integration,) = again.integrations.values()
    assert integration.webhook.connected_accounts == (SHOP, MART)
