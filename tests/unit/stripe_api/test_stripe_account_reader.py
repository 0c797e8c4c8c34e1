"""The account reader: identity, the six permission rows, endpoints, and what its transport refuses."""

from __future__ import annotations

import json

import pytest

from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.ports.account_reader import Identity, ProbeResult, Proof
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import AccountId
from tests.unit.stripe_api.canned import (
    ACCOUNT,
    FALLBACK,
    PRIMARY,
    Bench,
    CannedHttp,
    Headers,
    error,
    integration,
    listing,
)
from tests.unit.stripe_api.test_stripe_writers import endpoint

PROBES = {"/v1/invoices/in_fpprobe000", "/v1/subscriptions/sub_fpprobe000", "/v1/webhook_endpoints/we_fpprobe000"}


def lacking(permission: str) -> dict[str, object]:
    """A refusal as Stripe words it."""
    return error(
        code="more_permissions_required",
        message=f"The provided key '{PRIMARY}' does not have the required permissions for this endpoint on account "
        f"'acct_1Acme'. Having the '{permission}' permission would allow this request to continue.",
    )


class Account(CannedHttp):
    """Answers as an account would whose key lacks some permissions."""

    def __init__(self, *lacks: str, write_status: int = 404) -> None:
        super().__init__()
        self.lacks = set(lacks)
        self.write_status = write_status
        self.answers(200, listing())

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        super().request(method, url, headers, post_data)
        path = self.sent[-1].path
        noun = {
            "charges": "charge",
            "customers": "customer",
            "payment_intents": "payment_intent",
            "invoices": "invoice",
            "subscriptions": "subscription",
            "webhook_endpoints": "webhook",
        }[path.split("/")[2]]
        permission = f"rak_{noun}_{'write' if method == 'post' else 'read'}"
        if permission in self.lacks:
            return json.dumps(lacking(permission)), 403, Headers({})
        if method == "post":
            return json.dumps(error(code="resource_missing")), self.write_status, Headers({})
        return json.dumps(listing()), 200, Headers({})


def reader(http: CannedHttp):
    """An account reader on this wire."""
    return Bench(http=http).gateways().account_reader(integration())


def test_all_six_rows_granted_by_reads_and_three_probes():
    """Six GETs and exactly the three POSTs, through the asked key, in the guide's order."""
    http = Account()
    rows = reader(http).probe(KeyAlias.FALLBACK, write_probes=True)
    assert [(row.row, row.access, row.permission) for row in rows] == [
        ("Charges", "Read", "rak_charge_read"),
        ("Customers", "Read", "rak_customer_read"),
        ("PaymentIntents", "Read", "rak_payment_intent_read"),
        ("Invoices", "Write", "rak_invoice_write"),
        ("Subscriptions", "Write", "rak_subscription_write"),
        ("Webhook Endpoints", "Write", "rak_webhook_write"),
    ]
    assert {row.result for row in rows} == {ProbeResult.GRANTED}
    assert {sent.path for sent in http.sent if sent.method == "POST"} == PROBES
    assert len(http.sent) == 9
    assert {sent.key for sent in http.sent} == {FALLBACK}
    assert all(sent.params.get("limit") == "1" for sent in http.sent if sent.method == "GET")


@pytest.mark.parametrize(
    ("permission", "row"),
    [
        ("rak_charge_read", "Charges"),
        ("rak_customer_read", "Customers"),
        ("rak_payment_intent_read", "PaymentIntents"),
        ("rak_invoice_read", "Invoices"),
        ("rak_invoice_write", "Invoices"),
        ("rak_subscription_write", "Subscriptions"),
        ("rak_webhook_write", "Webhook Endpoints"),
    ],
)
def test_a_missing_permission_is_named_in_its_row(permission, row):
    """Exactly one row lacks, and it names what the guide's row asks for, without the key."""
    rows = reader(Account(permission)).probe(KeyAlias.PRIMARY, write_probes=True)
    (found,) = [each for each in rows if each.result is ProbeResult.LACKING]
    asked = "rak_invoice_write" if permission == "rak_invoice_read" else permission
    assert (found.row, found.permission) == (row, asked)
    assert "Canary" not in found.message


@pytest.mark.parametrize("status", [200, 429, 500, 400])
def test_any_other_answer_to_a_write_probe_is_unknown(status):
    """Only a 404 says that the key may write."""
    rows = reader(Account(write_status=status)).probe(KeyAlias.PRIMARY, write_probes=True)
    assert [row.result for row in rows[3:]] == [ProbeResult.UNKNOWN] * 3


def test_without_write_probes_nothing_is_posted():
    """The write rows are then skipped, never granted."""
    http = Account()
    rows = reader(http).probe(KeyAlias.PRIMARY, write_probes=False)
    assert [row.result for row in rows[3:]] == [ProbeResult.SKIPPED] * 3
    assert {sent.method for sent in http.sent} == {"GET"}


def test_a_refused_key_is_no_row():
    """A 401 is about the key as a whole."""
    http = CannedHttp().answers(401, error(code="api_key_expired"))
    with pytest.raises(OperatorError) as caught:
        reader(http).probe(KeyAlias.PRIMARY, write_probes=True)
    assert caught.value.code == "E-stripe-401"


def test_identity_from_the_account():
    """A key that may read the account proves it."""
    http = CannedHttp().answers(200, {"id": "acct_9", "object": "account"})
    assert reader(http).identity(KeyAlias.PRIMARY) == Identity(
        account=AccountId("acct_9"), livemode=False, how=Proof.ACCOUNT_READ
    )
    assert http.sent[0].path == "/v1/account"


@pytest.mark.parametrize("status", [401, 403])
def test_identity_from_a_refusal(status):
    """The guide's keys may not read the account, but the refusal names it."""
    http = CannedHttp().answers(status, lacking("rak_accounts_kyc_basic_read"))
    found = reader(http).identity(KeyAlias.PRIMARY)
    assert found == Identity(account=ACCOUNT, livemode=False, how=Proof.PERMISSION_REFUSAL)


def test_identity_unproven():
    """A refusal that names no account proves nothing."""
    http = CannedHttp().answers(403, error(code="more_permissions_required", message="No."))
    assert reader(http).identity(KeyAlias.PRIMARY) == Identity(account=None, livemode=False, how=Proof.UNPROVEN)


@pytest.mark.parametrize(
    ("status", "body", "kind"), [(401, error(), OperatorError), (500, error(), TryLater), (200, {}, TryLater)]
)
def test_identity_errors(status, body, kind):
    """A bad key is for a person; an outage or a broken answer can wait."""
    with pytest.raises(kind):
        reader(CannedHttp().answers(status, body)).identity(KeyAlias.PRIMARY)


def test_endpoints_over_all_pages():
    """Every endpoint is listed, with events as a sorted set."""
    http = CannedHttp().answers(200, listing(endpoint(enabled_events=["b", "a", "b"]), has_more=True))
    http.answers(200, listing(endpoint(id="we_2", status="enabled_ish", api_version=None, description="x")))
    first, second = reader(http).webhook_endpoints()
    assert (first.id, first.enabled_events, first.description) == ("we_1", ("a", "b"), "")
    assert (second.status.value, second.api_version, second.description) == ("unknown", None, "x")


def test_endpoints_of_the_other_mode_are_refused():
    """A live endpoint behind a sandbox key is a mix-up."""
    with pytest.raises(OperatorError) as caught:
        reader(CannedHttp().answers(200, listing(endpoint(livemode=True)))).webhook_endpoints()
    assert caught.value.code == "E-livemode"
