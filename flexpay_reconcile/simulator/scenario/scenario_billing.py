"""What a scenario says of an account's Billing settings: `billing:` of an account.

    billing: {retries: smart, tries: 8, window_days: 14, subscription: canceled, invoice: uncollectible, emails: true}

May not decide what any of that means: `settings` reads it, `resources/dunning` carries it out.
"""

from __future__ import annotations

from flexpay_reconcile.simulator import settings
from flexpay_reconcile.simulator.scenario.scenario_building import Building
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError


def billing(building: Building, value: object, path: str) -> None:
    """Retries, final states and mails of the account, from the start."""
    try:
        building.account.settings = settings.parse(value)
    except settings.SettingsError as error:
        raise ScenarioError(f"{path}.{error.field}".removesuffix(".billing"), error.message) from error
