"""What a change of configuration means for money in flight: one consequence an invoice. Decides nothing.

Made by `operations.forecast_impact` with the engine's own rules; worded and counted by `reconcile.impact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.ids import InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


class Fate(StrEnum):
    """How sure it is."""

    CERTAIN = "certain"
    """No attempt of ours stands before the final actions; only a payment or a new card does."""
    POSSIBLE = "possible"
    """Attempts are left; only if all of them fail do final actions follow."""
    LEFT_ALONE = "left_alone"
    """Nothing is tried and nothing is done by itself."""


class Ending(StrEnum):
    """What happens to the subscription."""

    CANCEL = "cancel"
    """It is cancelled, at `at`."""
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    """Its end is scheduled for the end of its period, at `at`."""
    NOTHING = "nothing"
    """It is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """One invoice. `at`: when the subscription is cancelled or its end scheduled. `credit`: what Stripe would give
    back, by our reckoning, None where nothing is or it is not known. `marked`: written off once it is over.
    """

    invoice: InvoiceId
    subscription: SubscriptionId
    amount: Money
    fate: Fate
    because: str
    ending: Ending = Ending.NOTHING
    at: Instant | None = None
    credit: Money | None = None
    marked: bool = False
    next_attempt_at: Instant | None = None


class ChangeKind(StrEnum):
    """What in the plan the consequences follow from."""

    TAKE_OVER = "take_over"
    """Invoices that failed before are taken over."""
    POLICY = "policy"
    """Attempts, window or outcomes are others."""
    DISABLED = "disabled"
    """No new case; those that are open run on."""
    CURRENCY = "currency"
    """A currency is declared no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """One change of one integration. `before` are the consequences without it, for the same invoices where it has any.

    `unseen` says why nothing could be foretold; `notes` what the forecast did not look at.
    """

    integration: str
    change: ChangeKind
    consequences: tuple[Consequence, ...] = ()
    before: tuple[Consequence, ...] = ()
    notes: tuple[str, ...] = ()
    unseen: str | None = None
