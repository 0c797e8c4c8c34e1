"""A company: one Stripe account under a name. Holds no key and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.values.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """`time_zone` is an IANA name for reports; instants are UTC everywhere."""

    id: str
    name: str
    stripe_account: AccountId
    time_zone: str = "UTC"
