"""The HistoryReader port over Stripe: lists of events, charges and refunds, by GETs alone. Decides nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.charges import charge_of
from flexpay_reconcile.adapters.stripe_api.reading import PAGE, read_all
from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.ports.history_reader import Refund
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId
from flexpay_reconcile.values.instant import Instant

_log = logging.getLogger(__name__)


class StripeHistoryReader:
    """One integration's view of one account's past."""

    def __init__(self, caller: StripeCaller, *, connected: bool) -> None:
        """`caller` has the power READ; `connected`: its account is not the key's own."""
        self._caller = caller
        self._connected = connected

    def events(self, types: tuple[str, ...], since: Instant) -> Iterator[tuple[bytes, ...]]:
        """`GET /v1/events`, of at most twenty types; a connected account's are named as webhooks name them."""
        params = {"types": list(types), "created": {"gte": since.seconds}}
        for rows in self._pages("/v1/events", params):
            yield tuple(json.dumps(self._named(row), separators=(",", ":")).encode() for row in rows)

    def charges(self, since: Instant) -> Iterator[tuple[Charge, ...]]:
        """`GET /v1/charges`; one that cannot be read is logged and left out, so that it does not hide the others."""
        for rows in self._pages("/v1/charges", {"created": {"gte": since.seconds}}):
            yield tuple(each for row in rows if (each := self._charge(row)) is not None)

    def refunds(self, since: Instant) -> Iterator[tuple[Refund, ...]]:
        """`GET /v1/refunds`, each with its charge, which alone tells the customer."""
        params = {"created": {"gte": since.seconds}, "expand": ["data.charge"]}
        for rows in self._pages("/v1/refunds", params):
            yield tuple(each for row in rows if (each := self._refund(row)) is not None)

    def _pages(self, path: str, params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        page: list[dict[str, Any]] = []
        for row in read_all(self._caller, path, params):
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def _named(self, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "account": self._caller.account} if self._connected else event

    def _charge(self, row: dict[str, Any]) -> Charge | None:
        try:
            return charge_of(row, self._caller.account)
        except fields.BadAnswer as bad:
            _log.warning("a charge was left out: %s", bad)
            return None

    def _refund(self, row: dict[str, Any]) -> Refund | None:
        try:
            return _refund_of(row, self._caller.account)
        except fields.BadAnswer as bad:
            _log.warning("a refund was left out: %s", bad)
            return None


def _refund_of(row: dict[str, Any], account: AccountId) -> Refund | None:
    """None for one of no charge: it gives back a customer balance."""
    charge = fields.reference(row, "charge")
    if charge is None:
        return None
    customer = fields.reference(row["charge"], "customer") if isinstance(row.get("charge"), dict) else None
    return Refund(
        id=fields.text(row, "id"),
        account=account,
        charge=ChargeId(charge),
        amount=fields.amount(row, "amount"),
        at=fields.instant(row, "created"),
        status=fields.optional_text(row, "status") or "unknown",
        customer=CustomerId(customer) if customer else None,
        payment_intent=fields.reference(row, "payment_intent"),
    )
