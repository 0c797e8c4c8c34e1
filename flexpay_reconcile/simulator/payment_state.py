"""What an account knows of its payments beside the objects: bank accounts, debits on their way, and settings.

May not contain behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flexpay_reconcile.simulator.issuers.banks import BankAccount

NEVER_CODES = frozenset({"04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"})
"""Visa's category 1: declines after which the card must never be tried again (Visa rules of April 2026, table 7-2)."""


@dataclass(slots=True)
class Payments:
    """Settings: `visa_retry_limit` (None: Stripe blocks nothing), `raw_card_data` (test numbers are accepted as such),
    `debit_days` (how long every bank takes; None: as long as its kind of debit).

    The rest is kept by the resources: `banks` by payment method, `debits` (charge on its way -> whether Stripe itself
    tried), `declines` (Visa fingerprint -> instants of declines by the network), `never` (fingerprints Visa closed),
    `set_up` (payment methods authenticated once), `refunds` (customer -> what becomes of the next refunds), `natures`
    (refund -> what becomes of it),
    `used` (payment methods spent without a customer, or detached), `submitted` (dispute -> instant of its evidence).
    """

    visa_retry_limit: int | None = None
    raw_card_data: bool = False
    debit_days: int | None = None
    banks: dict[str, BankAccount] = field(default_factory=dict)
    debits: dict[str, bool] = field(default_factory=dict)
    declines: dict[str, list[int]] = field(default_factory=dict)
    never: set[str] = field(default_factory=set)
    set_up: set[str] = field(default_factory=set)
    refunds: dict[str, str] = field(default_factory=dict)
    natures: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    submitted: dict[str, int] = field(default_factory=dict)
