"""Payment intents made by requests: every status, 3D Secure, capture, cancellation, and the errors of each."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, refused, types_since, verb


def _intent(world: World, **more: Any) -> Any:
    return client(world).v1.payment_intents.create({"amount": 1500, "currency": "usd", **more})


def test_the_life_of_an_intent_that_pays() -> None:
    """requires_payment_method, requires_confirmation, succeeded; with the events of each step."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    count = len(events(world))
    made = _intent(world, customer=customer, metadata={"a": "b"})
    assert made.status == "requires_payment_method"
    assert v1.payment_intents.update(made.id, {"payment_method": card}).status == "requires_confirmation"
    paid = v1.payment_intents.confirm(made.id)
    assert (paid.status, paid.amount_received, paid.metadata["a"]) == ("succeeded", 1500, "b")
    (charge,) = charges_of(world, customer)
    assert (charge.id, charge.payment_intent, charge.outcome.type) == (paid.latest_charge, paid.id, "authorized")
    assert types_since(world, count) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    error = refused(v1.payment_intents.confirm, made.id)
    assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")


def test_a_declined_intent_can_be_confirmed_with_another_card() -> None:
    """The 402 carries intent and charge; last_payment_error stays until the intent is updated."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_chargeCustomerFail")
    made = _intent(world, customer=customer, payment_method=card)
    error = refused(v1.payment_intents.confirm, made.id)
    assert (error.http_status, error.error.code, error.error.decline_code) == (402, "card_declined", "generic_decline")
    assert error.error.payment_intent["id"] == made.id
    assert error.error.charge == charges_of(world, customer)[0].id
    failed = v1.payment_intents.retrieve(made.id)
    assert (failed.status, failed.last_payment_error.code) == ("requires_payment_method", "card_declined")
    assert v1.payment_intents.update(made.id, {"description": "again"}).last_payment_error is None
    good = v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert v1.payment_intents.confirm(made.id, {"payment_method": good.id}).status == "succeeded"


def test_3ds_is_asked_for_and_completed() -> None:
    """requires_action with a redirect; the customer authenticates; the charge says so."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_authenticationRequired")
    back = "https://shop.example/done"
    made = _intent(world, customer=customer, payment_method=card, confirm=True, return_url=back)
    assert (made.status, made.next_action.type) == ("requires_action", "redirect_to_url")
    assert made.next_action.redirect_to_url.return_url == back
    assert charges_of(world, customer) == []
    assert verb(world, "authenticate", payment_intent=made.id)["status"] == "succeeded"
    (charge,) = charges_of(world, customer)
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert v1.payment_intents.retrieve(made.id).next_action is None


def test_a_failed_authentication_asks_for_another_payment_method() -> None:
    """payment_intent_authentication_failure, and no charge."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_threeDSecure2Required")
    made = _intent(world, customer=customer, payment_method=card, confirm=True)
    assert made.next_action.type == "use_stripe_sdk"
    verb(world, "authenticate", customer=customer, outcome="failed")
    failed = v1.payment_intents.retrieve(made.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert failed.last_payment_error.type == "invalid_request_error"
    assert charges_of(world, customer) == []
    assert events(world, "payment_intent.payment_failed", about=made.id)


@pytest.mark.parametrize(
    ("token", "decline_code", "code"),
    [
        ("authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds", "card_declined"),
        ("threeDSecureRequiredChargeDeclined", "generic_decline", "card_declined"),
        ("threeDSecureRequiredProcessingError", None, "processing_error"),
    ],
)
def test_cards_that_decline_after_3ds(token: str, decline_code: str | None, code: str) -> None:
    """The challenge is passed and the issuer still refuses."""
    world = small_world()
    customer, card = new_customer(world, f"pm_card_{token}")
    made = _intent(world, customer=customer, payment_method=card, confirm=True)
    verb(world, "authenticate", payment_intent=made.id)
    error = client(world).v1.payment_intents.retrieve(made.id).last_payment_error
    assert (error.code, getattr(error, "decline_code", None)) == (code, decline_code)


@pytest.mark.parametrize("flag", ["off_session", "error_on_requires_action"])
def test_without_the_customer_3ds_is_a_decline(flag: str) -> None:
    """Off session the issuer's demand is the error authentication_required, with a failed charge."""
    world = small_world()
    customer, card = new_customer(world, "pm_card_authenticationRequired")
    given = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    error = refused(client(world).v1.payment_intents.create, {**given, flag: True})
    assert (error.http_status, error.error.code) == (402, "authentication_required")
    assert error.error.decline_code == "authentication_required"
    assert charges_of(world, customer)[0].status == "failed"


def test_a_card_set_up_once_pays_off_session() -> None:
    """4000002500003155 asks until a setup intent authenticated it, then pays while the customer is away."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_authenticationRequiredOnSetup")
    setup = v1.setup_intents.create({"customer": customer, "payment_method": card, "confirm": True})
    assert setup.status == "requires_action"
    verb(world, "authenticate", setup_intent=setup.id)
    assert v1.setup_intents.retrieve(setup.id).status == "succeeded"
    given = {"customer": customer, "payment_method": card, "confirm": True}
    assert _intent(world, **given, off_session=True).status == "succeeded"
    assert _intent(world, **given).status == "requires_action"


def test_a_card_already_set_up_asks_only_on_session() -> None:
    """4000003800000446 pays off session and asks the customer who is there."""
    world = small_world()
    customer, card = new_customer(world, "pm_card_authenticationRequiredSetupForOffSession")
    given = {"customer": customer, "payment_method": card, "confirm": True}
    assert _intent(world, **given, off_session=True).status == "succeeded"
    assert _intent(world, **given).status == "requires_action"


def test_manual_capture() -> None:
    """An authorised amount is captured in part; the rest counts as refunded."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    made = _intent(world, customer=customer, payment_method=card, confirm=True, capture_method="manual")
    assert (made.status, made.amount_capturable) == ("requires_capture", 1500)
    charge = charges_of(world, customer)[0]
    assert (charge.captured, charge.amount_captured, charge.status) == (False, 0, "succeeded")
    assert refused(v1.payment_intents.capture, made.id, {"amount_to_capture": 9999}).http_status == 400
    assert v1.payment_intents.capture(made.id, {"amount_to_capture": 1000}).status == "succeeded"
    charge = charges_of(world, customer)[0]
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 1000, 500)
    assert [row["type"] for row in events(world, "charge.captured")] == ["charge.captured"]
    assert refused(v1.payment_intents.capture, made.id).code == "payment_intent_unexpected_state"


def test_cancellation_releases_and_is_final() -> None:
    """Cancelling keeps the reason, releases an authorisation, and cannot be done twice."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    made = _intent(world, customer=customer, payment_method=card, confirm=True, capture_method="manual")
    gone = v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "abandoned", 0)
    assert charges_of(world, customer)[0].refunded is True
    error = refused(v1.payment_intents.cancel, made.id)
    assert error.code == "payment_intent_unexpected_state"
    assert "status of canceled" in str(error)
    assert refused(v1.payment_intents.update, made.id, {"amount": 1}).http_status == 400


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"currency": "dollars"}, "currency"),
        ({"customer": "cus_none"}, "customer"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"payment_method_types": ["card", "cheque"]}, "payment_method_types"),
        ({"payment_method": "pm_usBankAccount_success", "payment_method_types": ["card"]}, "payment_method"),
        ({"off_session": True}, "off_session"),
    ],
)
def test_wrong_parameters_are_refused(given: dict[str, Any], param: str) -> None:
    """Each is named."""
    world = small_world()
    error = refused(client(world).v1.payment_intents.create, {"amount": 100, "currency": "usd", **given})
    assert (error.http_status, error.param) == (400, param)


def test_confirming_without_a_payment_method_is_refused() -> None:
    """There is nothing to charge."""
    world = small_world()
    error = refused(client(world).v1.payment_intents.confirm, _intent(world).id)
    assert error.code == "payment_intent_unexpected_state"
    assert "missing a payment method" in str(error)


def test_a_card_spent_without_a_customer_cannot_be_used_again() -> None:
    """A payment method without a customer pays once."""
    world = small_world()
    v1 = client(world).v1
    loose = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert _intent(world, payment_method=loose.id, confirm=True).status == "succeeded"
    again = {"amount": 100, "currency": "usd", "payment_method": loose.id, "confirm": True}
    assert "may not be used again" in str(refused(v1.payment_intents.create, again))


def test_saving_for_later_attaches() -> None:
    """setup_future_usage attaches the card of a paid intent to its customer."""
    world = small_world()
    customer = client(world).v1.customers.create({}).id
    more = {"customer": customer, "payment_method": "pm_card_visa", "confirm": True}
    paid = _intent(world, **more, setup_future_usage="off_session")
    assert client(world).v1.payment_methods.retrieve(paid.payment_method).customer == customer


def test_another_customers_card_is_refused() -> None:
    """A card belongs to its customer."""
    world = small_world()
    _, card = new_customer(world)
    other, _ = new_customer(world)
    given = {"amount": 100, "currency": "usd", "customer": other, "payment_method": card}
    assert refused(client(world).v1.payment_intents.create, given).param == "payment_method"


def test_setup_intents_that_fail_and_end() -> None:
    """A card that cannot be saved is refused; cancelled ones cannot be confirmed."""
    world = small_world()
    v1 = client(world).v1
    customer = v1.customers.create({}).id
    made = v1.setup_intents.create({"customer": customer})
    bad = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa_chargeDeclined"}})
    error = refused(v1.setup_intents.confirm, made.id, {"payment_method": bad.id})
    assert (error.http_status, error.error.code) == (402, "card_declined")
    assert v1.setup_intents.retrieve(made.id).last_setup_error.code == "card_declined"
    good = v1.setup_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert good.status == "succeeded"
    assert v1.payment_methods.retrieve(good.payment_method).customer == customer
    other = v1.setup_intents.create({"customer": customer, "payment_method": "pm_card_visa"})
    assert v1.setup_intents.cancel(other.id).status == "canceled"
    assert refused(v1.setup_intents.confirm, other.id).code == "setup_intent_unexpected_state"
    assert len(v1.setup_intents.list({"customer": customer}).data) == 2
