"""Names for the ids that travel through the house, so that a type checker tells them apart. Not validators."""

from __future__ import annotations

from typing import NewType

AccountId = NewType("AccountId", str)
"""A Stripe account, `acct_…`."""
IntegrationId = NewType("IntegrationId", str)
"""The manifest's key of an integration."""
CaseId = NewType("CaseId", str)
"""One recovery case: `{account}/{invoice}/{life}`."""
InvoiceId = NewType("InvoiceId", str)
"""A Stripe invoice, `in_…`."""
SubscriptionId = NewType("SubscriptionId", str)
"""A Stripe subscription, `sub_…`."""
CustomerId = NewType("CustomerId", str)
"""A Stripe customer, `cus_…`."""
PaymentMethodId = NewType("PaymentMethodId", str)
"""A Stripe payment method, `pm_…` (or a legacy source, `card_…`, `src_…`)."""
ChargeId = NewType("ChargeId", str)
"""A Stripe charge, `ch_…`; the order id of the guide."""
EventId = NewType("EventId", str)
"""A Stripe event, `evt_…`."""
