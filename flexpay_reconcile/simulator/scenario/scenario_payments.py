"""The `payments:` of an account in a scenario: settings of its payments that Stripe shows nowhere.

    payments: {visa_retry_limit: 15, raw_card_data: true, debit_days: 3}

May not make objects.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_building import Building


def settings(building: Building, value: object, path: str) -> None:
    """`visa_retry_limit`: declines in thirty days after which Stripe blocks a Visa card (never, if it is not given).

    `raw_card_data`: test card numbers are accepted in requests. `debit_days`: how long banks take to answer a debit.
    """
    table = check.table(value, path, optional=("visa_retry_limit", "raw_card_data", "debit_days"))
    payments = building.account.payments
    if "visa_retry_limit" in table:
        payments.visa_retry_limit = check.integer(table["visa_retry_limit"], f"{path}.visa_retry_limit", least=1)
    if "raw_card_data" in table:
        payments.raw_card_data = check.boolean(table["raw_card_data"], f"{path}.raw_card_data")
    if "debit_days" in table:
        payments.debit_days = check.integer(table["debit_days"], f"{path}.debit_days", least=0)
