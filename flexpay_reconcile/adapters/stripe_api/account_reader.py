"""The AccountReader port over Stripe: GETs and the three write probes, which its transport enforces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import WHOSE, Answer, StripeCaller
from flexpay_reconcile.adapters.stripe_api.endpoints import endpoint_of
from flexpay_reconcile.adapters.stripe_api.faults import FaultKind, missing_permission, named_account, raised
from flexpay_reconcile.adapters.stripe_api.invoices import subscription_behind
from flexpay_reconcile.adapters.stripe_api.reading import PAGE, data_of, read_all, understood
from flexpay_reconcile.adapters.stripe_api.transport import PROBE_PATHS
from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.ports.account_reader import Identity, Probe, ProbeResult, Proof, ScheduledRetry
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import AccountId, InvoiceId

_ENDPOINTS = "/v1/webhook_endpoints"
COLUMN = "PERMISSIONS"
CONNECT_COLUMN = "CONNECT PERMISSIONS"
"""The Dashboard's second column: what the key may do for connected accounts. Endpoints are always the platform's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row of the guide's table and how it is probed."""

    name: str
    noun: str
    path: str
    write_path: str | None = None
    harmless: tuple[tuple[str, object], ...] = ()

    @property
    def access(self) -> str:
        return "Read" if self.write_path is None else "Write"

    @property
    def permission(self) -> str:
        return f"rak_{self.noun}_{self.access.lower()}"


_ROWS = (
    _Row(name="Charges", noun="charge", path="/v1/charges"),
    _Row(name="Customers", noun="customer", path="/v1/customers"),
    _Row(name="PaymentIntents", noun="payment_intent", path="/v1/payment_intents"),
    _Row(
        name="Invoices",
        noun="invoice",
        path="/v1/invoices",
        write_path=PROBE_PATHS[0],
        harmless=(("metadata", {"fp_probe": "1"}),),
    ),
    _Row(
        name="Subscriptions",
        noun="subscription",
        path="/v1/subscriptions",
        write_path=PROBE_PATHS[1],
        harmless=(("metadata", {"fp_probe": "1"}),),
    ),
    _Row(
        name="Webhook Endpoints",
        noun="webhook",
        path="/v1/webhook_endpoints",
        write_path=PROBE_PATHS[2],
        harmless=(("description", "permission probe"),),
    ),
)


class StripeAccountReader:
    """One integration's view of its account's configuration."""

    def __init__(self, caller: StripeCaller, *, connected: bool = False, sample: StripeCaller | None = None) -> None:
        """`caller` has the power READ_AND_PROBE; so has `sample`, for an account on which `connected` are probed."""
        self._caller = caller
        self._connected = connected
        self._sample = sample

    def identity(self, alias: KeyAlias, known: str | None = None) -> Identity:
        """`GET /v1/account`, which the guide's six permissions do not allow; the refusal may name the account.

        Where it does not, `GET /v1/webhook_endpoints/{known}`: no other account's key opens it. A 404 proves nothing,
        because the endpoint may have been deleted.
        """
        answer = self._caller.call("GET", WHOSE, only_key=alias)
        livemode = self._caller.livemode
        if answer.fault is not None and answer.fault.kind is FaultKind.PERMISSION_MISSING:
            named = named_account(answer.fault.message)
            if named is None and known is not None and self._opens(known, alias):
                return Identity(account=self._caller.account, livemode=livemode, how=Proof.KNOWN_OBJECT)
            if named is None:
                return Identity(account=None, livemode=livemode, how=Proof.UNPROVEN)
            return Identity(account=AccountId(named), livemode=livemode, how=Proof.PERMISSION_REFUSAL)
        data = data_of(answer, f"GET {WHOSE}")
        account = understood(lambda: fields.text(data, "id"))
        return Identity(account=AccountId(account), livemode=livemode, how=Proof.ACCOUNT_READ)

    def _opens(self, endpoint: str, alias: KeyAlias) -> bool:
        answer = self._caller.call("GET", _ENDPOINTS + "/{id}", endpoint, only_key=alias)
        return answer.fault is None and answer.data.get("id") == endpoint

    def probe(self, alias: KeyAlias, *, write_probes: bool) -> tuple[Probe, ...]:
        """The six rows; OperatorError when the key as a whole is refused."""
        return tuple(self._probe(row, alias, write_probes) for row in _ROWS)

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """`GET /v1/webhook_endpoints`, every page."""
        rows = list(read_all(self._caller, "/v1/webhook_endpoints", {}))
        return understood(lambda: tuple(endpoint_of(row) for row in rows))

    def scheduled_retries(self) -> tuple[ScheduledRetry, ...]:
        """`GET /v1/invoices?status=open`, one page. An invoice of a form we do not know is no evidence."""
        caller = self._sample if self._connected else self._caller
        if caller is None:
            return ()
        params = {"status": "open", "collection_method": "charge_automatically", "limit": PAGE}
        data = data_of(caller.call("GET", "/v1/invoices", params=params), "GET /v1/invoices")
        found = (_scheduled(row) for row in understood(lambda: fields.rows(data)))
        return tuple(each for each in found if each is not None)

    def _probe(self, row: _Row, alias: KeyAlias, write_probes: bool) -> Probe:
        """A row: its read, and for a write row its write, which both have to be allowed."""
        second = self._connected and row.path != _ENDPOINTS
        column, caller = (CONNECT_COLUMN, self._sample) if second else (COLUMN, self._caller)
        if caller is None:
            return _told(row, column, ProbeResult.UNSEEN, "no connected account is known yet")
        answer = caller.call("GET", row.path, params={"limit": 1}, only_key=alias)
        if row.write_path is None or answer.fault is not None:
            return _judged(row, column, answer, alias, granted=answer.fault is None)
        if not write_probes:
            return _told(row, column, ProbeResult.SKIPPED, "reading is granted; writing was not probed")
        answer = caller.call("POST", row.write_path, params=dict(row.harmless), only_key=alias)
        there = answer.fault is not None and answer.fault.kind is FaultKind.MISSING
        return _judged(row, column, answer, alias, granted=there)


def _judged(row: _Row, column: str, answer: Answer, alias: KeyAlias, *, granted: bool) -> Probe:
    """What one answer tells about a row."""
    if granted:
        return _told(row, column, ProbeResult.GRANTED, "granted")
    fault = answer.fault
    if fault is None:
        return _told(row, column, ProbeResult.UNKNOWN, "Stripe accepted a change of an object that cannot exist")
    if fault.kind is FaultKind.KEY_REFUSED:
        raise raised(fault, alias, f"probing {row.name}")
    if fault.kind is FaultKind.PERMISSION_MISSING:
        return _told(row, column, ProbeResult.LACKING, fault.message, missing_permission(fault.message))
    if fault.kind is FaultKind.ACCOUNT_LOST:
        return _told(row, column, ProbeResult.UNSEEN, fault.message)
    return _told(row, column, ProbeResult.UNKNOWN, fault.message)


def _scheduled(row: dict[str, Any]) -> ScheduledRetry | None:
    """What an invoice proves. Before its first attempt the same field holds the time of the first charge."""
    try:
        attempts, following = fields.whole(row, "attempt_count"), fields.optional_instant(row, "next_payment_attempt")
        if attempts < 1 or following is None or subscription_behind(row) is None:
            return None
        return ScheduledRetry(
            invoice=InvoiceId(fields.text(row, "id")),
            attempts=attempts,
            created=fields.instant(row, "created"),
            next_attempt=following,
        )
    except fields.BadAnswer:
        return None


def _told(row: _Row, column: str, result: ProbeResult, message: str, permission: str | None = None) -> Probe:
    return Probe(
        row=row.name,
        access=row.access,
        column=column,
        permission=_named(row, permission),
        result=result,
        message=message,
    )


def _named(row: _Row, permission: str | None) -> str:
    """The name as the guide's table has it: with the prefix that Stripe's newer wording leaves out.

    A row that needs Write is lacking Write, even where it is its reading that was refused first.
    """
    if permission is None:
        return row.permission
    named = permission if permission.startswith("rak_") else f"rak_{permission}"
    return row.permission if named == f"rak_{row.noun}_read" else named
