"""Calls for connected accounts: who is named in them, who may not be acted for, and what a withdrawn access stops."""

from __future__ import annotations

import pytest

from flexpay_reconcile.config.integration import ListenTo
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.ports.account_access import ACCOUNT_LOST
from flexpay_reconcile.ports.charger import Charger
from flexpay_reconcile.recovery.outcome import NotSubmitted, NotSubmittedReason, Outcome
from flexpay_reconcile.values.ids import AccountId, InvoiceId, PaymentMethodId
from tests.unit.stripe_api.canned import ACCOUNT, Bench, CannedHttp, error, integration, invoice, limited

SHOP = AccountId("acct_1Shop")
OTHER = AccountId("acct_2Other")
IN = InvoiceId("in_1")
LOST = (403, error(code="account_invalid", message="The provided key 'rk_test_***' does not have access to account"))
CONNECTED = integration(listen_to=ListenTo.CONNECTED_ACCOUNTS)


def bench(*answers: tuple[int, object]) -> Bench:
    """A bench whose Stripe says this, the last of it again and again."""
    http = CannedHttp()
    for status, body in answers:
        http.answers(status, body)
    return Bench(http=http)


def named(sent: Bench) -> list[str | None]:
    """The account each request named."""
    return [each.headers.get("Stripe-Account") for each in sent.http.sent]


def pay(charger: Charger) -> Outcome:
    """A charge."""
    return charger.pay(IN, payment_method=PaymentMethodId("pm_1"), idempotency_key="fp1:acct_1Shop:in_1:1")


def test_every_power_names_the_connected_account():
    """Reads, writes and charges for a connected account carry Stripe-Account; the object read says whose it is."""
    at = bench((200, invoice()), (200, invoice(auto_advance=False)), (200, invoice(status="paid")))
    gateways = at.gateways()
    read = gateways.billing_reader(CONNECTED, SHOP).invoice(IN)
    gateways.billing_writer(CONNECTED, SHOP).stop_auto_advance(IN, idempotency_key="k")
    pay(gateways.charger(CONNECTED, SHOP))
    assert named(at) == [SHOP, SHOP, SHOP]
    assert read is not None
    assert read.account == SHOP


def test_nothing_is_named_for_the_own_account():
    """An integration at account level sends no Stripe-Account, and the platform's own endpoints are asked without it."""
    at = bench((200, invoice()), (200, {"object": "list", "data": [], "has_more": False}))
    gateways = at.gateways()
    gateways.billing_reader(integration(), ACCOUNT).invoice(IN)
    gateways.account_reader(CONNECTED).webhook_endpoints()
    assert named(at) == [None, None]


@pytest.mark.parametrize("power", ["billing_reader", "billing_writer", "charger"])
def test_the_scopes_never_mix(power: str):
    """At account level nobody else is acted for; with connected accounts never the platform itself (D9, A16)."""
    make = getattr(Bench().gateways(), power)
    for whose, account in ((integration(), SHOP), (CONNECTED, ACCOUNT), (CONNECTED, None)):
        with pytest.raises(OperatorError, match="acts for") as caught:
            make(whose, account)
        assert caught.value.code == "E-account-scope"


def test_each_account_has_its_own_limiter():
    """Stripe's limits count per account: a burst for one does not make the other wait."""
    at = bench(*[(200, invoice())] * 9)
    gateways = at.gateways()
    first, second = gateways.billing_reader(CONNECTED, SHOP), gateways.billing_reader(CONNECTED, OTHER)
    for _ in range(5):
        first.invoice(IN)
    before = len(at.waits)
    second.invoice(IN)
    assert len(at.waits) == before
    first.invoice(IN)
    assert len(at.waits) == before + 1


def test_after_one_refusal_nothing_more_is_sent_for_that_account():
    """403 account_invalid: the next call of any power is refused here; the other account goes on."""
    at = bench(LOST, (200, invoice()))
    gateways = at.gateways()
    reader, charger = gateways.billing_reader(CONNECTED, SHOP), gateways.charger(CONNECTED, SHOP)
    with pytest.raises(OperatorError) as caught:
        reader.invoice(IN)
    assert caught.value.code == ACCOUNT_LOST
    with pytest.raises(OperatorError, match="any more"):
        reader.invoice(IN)
    outcome = pay(charger)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.ACCOUNT_LOST
    assert len(at.http.sent) == 1
    assert gateways.billing_reader(CONNECTED, OTHER).invoice(IN) is not None
    assert set(gateways.access.shut()) == {(CONNECTED.id, SHOP)}


def test_a_charge_that_is_refused_for_the_account_was_not_submitted():
    """The refusal of the charge itself shuts the account as well, and uses up nothing; 401 with that code counts too."""
    for status in (401, 403):
        at = bench((status, LOST[1]))
        gateways = at.gateways()
        outcome = pay(gateways.charger(CONNECTED, SHOP))
        assert isinstance(outcome, NotSubmitted)
        assert outcome.reason is NotSubmittedReason.ACCOUNT_LOST
        assert gateways.access.shut()


def test_a_fallback_that_may_not_act_does_not_park():
    """429 for the primary key, account_invalid for the fallback: a little patience, as with any broken fallback."""
    at = bench()
    at.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate").answers(*LOST)
    with pytest.raises(TryLater):
        at.gateways().billing_reader(CONNECTED, SHOP).invoice(IN)
    assert len(at.http.sent) == 2


def test_asking_goes_through_a_shut_door_and_opens_nothing_by_itself():
    """One GET tells whether the account lets us in again; only `open` lets the others through."""
    empty = {"object": "list", "data": [], "has_more": False}
    at = bench(LOST, (200, empty), (500, error("api_error")), (200, invoice()))
    gateways = at.gateways()
    access = gateways.access
    access.close(CONNECTED.id, SHOP, "withdrawn")
    assert access.ask(CONNECTED, SHOP) is False
    assert access.ask(CONNECTED, SHOP) is True
    with pytest.raises(TryLater):
        access.ask(CONNECTED, SHOP)
    with pytest.raises(OperatorError, match="withdrawn"):
        gateways.billing_reader(CONNECTED, SHOP).invoice(IN)
    access.open(CONNECTED.id, SHOP)
    assert gateways.billing_reader(CONNECTED, SHOP).invoice(IN) is not None
    assert named(at) == [SHOP] * 4


def test_a_platform_lists_its_accounts_under_its_own_name():
    """GET /v1/accounts carries no Stripe-Account; where the key may not, that is an operator's error."""
    listed = {"object": "list", "data": [{"id": SHOP}, {"id": OTHER}], "has_more": False}
    at = bench((200, listed), (403, error(message="lacks 'rak_accounts_kyc_basic_read'")))
    access = at.gateways().access
    assert access.listed(CONNECTED) == (SHOP, OTHER)
    with pytest.raises(OperatorError):
        access.listed(CONNECTED)
    assert named(at) == [None, None]


def test_a_rotated_key_is_asked_for_the_platform_and_not_for_the_account():
    """Sealed, a key resolved anew must open the platform's account; the question carries no Stripe-Account."""
    at = bench((200, {"id": ACCOUNT}), (200, invoice()))
    gateways = at.gateways()
    gateways.seal()
    assert gateways.billing_reader(CONNECTED, SHOP).invoice(IN) is not None
    assert named(at) == [None, SHOP]
    other = bench((200, {"id": "acct_9Else"}))
    sealed = other.gateways()
    sealed.seal()
    with pytest.raises(OperatorError, match="acct_9Else"):
        sealed.billing_reader(CONNECTED, SHOP).invoice(IN)
