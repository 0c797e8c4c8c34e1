"""Bugs on purpose, for the daemon of a chaos run: what the judge has to find. Never imported by the product."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from flexpay_reconcile.adapters.stripe_api.charger import StripeCharger


def random_key() -> None:
    """Every send of a payment gets a new idempotency key."""
    pay = StripeCharger.pay

    def send(self: StripeCharger, *args: Any, **kwargs: Any) -> Any:
        return pay(self, *args, **(kwargs | {"idempotency_key": f"{kwargs['idempotency_key']}:{os.urandom(4).hex()}"}))

    StripeCharger.pay = send  # type: ignore[method-assign]


BUGS: dict[str, Callable[[], None]] = {"random_key": random_key}
"""By name."""
