"""An account's own Billing settings, which Stripe shows in its Dashboard only: retries, final states, e-mails.

Facts: docs.stripe.com (smart retries, 2026-04-12 copy). Plain values; `resources/dunning` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingSettings:
    """`retries`: off (a custom schedule without rules), smart, custom or automation.

    smart tries `tries` times within `window_days`; custom waits `rules` (days after the previous try, at most three);
    automation behaves like custom, but sets `next_payment_attempt` in a following `invoice.updated`.
    `subscription` is the final state after the last try: past_due (left alone), unpaid, canceled or paused.
    `invoice` is open (left alone) or uncollectible. `emails`: whether failed payments are mailed to customers.
    """

    retries: str = "off"
    tries: int = 8
    window_days: int = 14
    rules: tuple[int, ...] = ()
    subscription: str = "past_due"
    invoice: str = "open"
    emails: bool = False
