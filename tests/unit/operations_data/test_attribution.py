"""Whose a charge is, and whether that can be known yet: from stored events first, then from card and time (B4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.operations import attribution
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.rows import InboxEvent
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.values.ids import AccountId, ChargeId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.billing import reads
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW
from tests.unit.stripe_api import canned

ATTEMPT = book.attempt()
MINUTE = Span.of(minutes=1)


class Desk:
    """A store in memory, which gathers events, and the questions put to it."""

    def __init__(self) -> None:
        """Open it."""
        opened = open_store(":memory:", open_cipher(None))
        self.close = opened.close
        self.store = opened.store
        self.context = Context(
            store=opened.store,
            configurations=opened.control,
            clock=self,
            readers=self._nobody,
            events=StripeEvents(),
            holder="daemon-1",
        )
        self._stored = 0

    def now(self) -> Instant:
        """The present: nothing here asks it."""
        return NOW

    @staticmethod
    def _nobody(_: Integration, __: AccountId) -> BillingReader:
        raise AssertionError("attribution reads nothing at Stripe")

    def hear(self, type_: str, object_id: str, *, key: str | None = None, body: object = None, **changes: Any) -> None:
        """An event arrived; without a body, one that cannot be understood."""
        self._stored += 1
        event = InboxEvent(
            integration_id=IntegrationId("acme-us"),
            event_id=f"evt_{self._stored}",
            type=type_,
            object_id=object_id,
            idempotency_key=key,
            created=NOW,
            received_at=NOW.plus(MINUTE),
            body=b"{}" if body is None else json.dumps(body).encode(),
        )
        with self.store.begin() as unit:
            assert unit.inbox.put(replace(event, **changes))

    def know(self, *attempts: Attempt) -> None:
        """These attempts of the invoice are stored."""
        with self.store.begin() as unit:
            unit.cases.add(book.case())
            for each in attempts:
                unit.attempts.add(each)

    def own(self, *charges: Charge, attempt: Attempt = ATTEMPT) -> str | None:
        """Which charge the attempt is said to have made."""
        with self.store.reading() as view:
            found = attribution.own_charge(self.context, view, attempt, list(charges))
        return None if found is None else found.id

    def too_early(self, after: Span, attempt: Attempt = ATTEMPT) -> bool:
        """Whether so long after its sending it is too early to say who paid."""
        with self.store.reading() as view:
            return attribution.too_early(view, attempt, NOW.plus(after))


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Nothing was heard yet."""
    made = Desk()
    yield made
    made.close()


def charge(number: int, after: Span = MINUTE, **changes: Any) -> Charge:
    """A charge on the attempt's card, so long after its sending."""
    return reads.charge(id=ChargeId(f"ch_{number}"), created=NOW.plus(after), **changes)


def told(type_: str, object_: dict[str, Any]) -> dict[str, Any]:
    """The body of an event."""
    return {
        "id": "evt_1",
        "object": "event",
        "type": type_,
        "created": NOW.seconds,
        "livemode": False,
        "data": {"object": object_},
    }


def test_a_charge_that_the_answer_named_is_it_whatever_else_fits(desk: Desk):
    """Stripe's own answer to the call named a charge: no other one on the same card is taken for it."""
    assert desk.own(charge(1), charge(2), attempt=replace(ATTEMPT, charge=ChargeId("ch_2"))) == "ch_2"


def test_the_event_with_our_key_tells_it_past_events_that_cannot_be_understood(desk: Desk):
    """An odd event and one of the invoice carry the key as well: passed over, and the charge's own event tells."""
    key = ATTEMPT.idempotency_key
    desk.hear("charge.failed", "ch_9", key=key)
    desk.hear("invoice.payment_failed", "in_1", key=key, body=told("invoice.payment_failed", canned.invoice()))
    assert desk.own(charge(1, payment_method="pm_of_another")) is None
    desk.hear("charge.failed", "ch_3", key=key, body=told("charge.failed", canned.charge(id="ch_3")))
    assert desk.own(charge(1)) == "ch_3"  # though no list shows it, and another one would fit by card and time


def test_without_events_card_and_time_tell_it(desk: Desk):
    """On the attempt's card, not before its sending but for five minutes between the clocks, and no earlier attempt's."""
    earlier = replace(ATTEMPT, number=2, charge=ChargeId("ch_1"))
    desk.know(replace(ATTEMPT, check_at=NOW), replace(earlier, state=AttemptState.DECLINED))
    assert desk.own(charge(1)) is None
    assert desk.own(charge(2, Span.of(minutes=-5))) is None
    assert desk.own(charge(2, Span.of(minutes=-4))) == "ch_2"
    assert desk.own(charge(2, payment_method="pm_of_another")) is None
    assert desk.own(charge(1), charge(2)) == "ch_2"


def test_an_attempt_that_was_never_sent_made_none(desk: Desk):
    """No intent was ever written for it: a charge on its card is somebody else's."""
    unsent = replace(ATTEMPT, intent_at=None, first_sent_at=None, last_sent_at=None)
    assert desk.own(charge(1), attempt=unsent) is None
    assert desk.own(charge(1), attempt=replace(unsent, intent_at=NOW)) == "ch_1"


@pytest.mark.parametrize("key", [None, "somebody-elses-key"])
def test_a_charge_whose_event_names_another_request_is_not_ours(desk: Desk, key: str | None):
    """The event of a card's charge names another key, or none, as for Stripe's own retries: not ours (B4)."""
    desk.hear("charge.failed", "ch_1", key=key)
    assert desk.own(charge(1)) is None


def test_an_event_that_does_not_tell_who_made_it_takes_it_from_nobody(desk: Desk):
    """A later refund of the charge names another request, but says nothing of who made the charge."""
    desk.hear("charge.refunded", "ch_1", key="a-refund")
    assert desk.own(charge(1)) == "ch_1"


@pytest.mark.parametrize(
    ("type_", "key", "ours"),
    [
        ("charge.succeeded", None, True),
        ("charge.failed", None, True),
        ("charge.failed", "somebody-elses-key", False),
        ("charge.pending", None, False),
    ],
)
def test_a_banks_late_answer_names_no_request(desk: Desk, type_: str, key: str | None, ours: bool):
    """Days later a debit is answered without a key: still ours; but who began it is told by its first event (B4)."""
    desk.hear(type_, "ch_1", key=key)
    found = desk.own(charge(1, payment_method_type="us_bank_account"))
    assert found == ("ch_1" if ours else None)


def test_who_paid_is_waited_for_while_events_may_come(desk: Desk):
    """Nothing was heard of the payment: a quarter of an hour from the last sending, and from then on it is known."""
    assert desk.too_early(Span.of(minutes=14))
    assert not desk.too_early(Span.of(minutes=15))
    again = replace(ATTEMPT, last_sent_at=NOW.plus(Span.of(minutes=10)))
    assert desk.too_early(Span.of(minutes=24), again)
    assert not desk.too_early(Span.of(minutes=25), again)


def test_the_event_of_the_payment_ends_the_waiting(desk: Desk):
    """The payment's event is here: nothing more is to come; an event from before the call, or of another kind, is not it."""
    desk.hear("invoice.paid", "in_1", received_at=NOW.minus(MINUTE))
    desk.hear("invoice.updated", "in_1")
    assert desk.too_early(MINUTE)
    desk.hear("invoice.paid", "in_1", received_at=NOW)
    assert not desk.too_early(MINUTE)


def test_an_intent_that_says_nothing_of_a_sending_counts_from_its_commit(desk: Desk):
    """The process died between intent and call: the time counts from the intent, and without one from now."""
    unsent = replace(ATTEMPT, first_sent_at=None, last_sent_at=None)
    assert desk.too_early(Span.of(minutes=14), unsent)
    assert not desk.too_early(Span.of(minutes=15), unsent)
    assert desk.too_early(Span.of(days=1), replace(unsent, intent_at=None))
