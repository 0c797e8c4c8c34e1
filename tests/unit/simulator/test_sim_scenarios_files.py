"""The packaged scenarios: each builds, plays to its end without a surprise, and shows what its header says."""

from __future__ import annotations

import json

import pytest

from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.unit.simulator.helpers import DAY, START, Mailbox
from tests.unit.simulator.played import NAMES, charges_of, document_of, fresh, played, row_of, statuses, types_of


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_plays_as_it_expects(name) -> None:
    """Each file is named after itself, says what it shows, meets its expected statuses, and charges nobody twice."""
    text = worlds.scenario_texts()[name]
    document = document_of(name)
    world, result, _ = played(name)
    assert text.startswith("# Shows: ")
    assert document["name"] == name
    assert document["description"]
    assert result.surprises == ()
    assert len(result.replies) == len(document.get("requests", []))
    assert world.now == START + document["days"] * DAY
    assert max(world.ledger.successes_by_invoice().values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_gives_the_same_ledger_again(name) -> None:
    """Two runs, one digest, which is that of the summary too."""
    result = fresh(name)[1]
    assert result.digest == played(name)[1].digest == result.summary["ledger_digest"]


def test_an_approved_renewal() -> None:
    """Paid at the first try, an hour after the period began; the subscription stays active."""
    (charge,) = charges_of("approved")
    assert (charge["status"], charge["source"], charge["created"]) == ("succeeded", "stripe", START + 4 * DAY + 36000)
    assert row_of("approved", "invoice", "ada")["status"] == "paid"
    assert row_of("approved", "subscription", "ada")["status"] == "active"
    assert played("approved")[1].replies[1].document["data"] == []


def test_a_soft_decline_and_its_retries() -> None:
    """Three tries, the third is paid; Stripe made the first and plans no other; past due until then."""
    rows = charges_of("soft-decline")
    assert [row["status"] for row in rows] == ["failed", "failed", "succeeded"]
    assert [row["idempotency_key"] for row in rows] == [None, "retry-1", "retry-2"]
    first = played("soft-decline")[1].replies[0].document["error"]
    assert (first["code"], first["decline_code"]) == ("card_declined", "generic_decline")
    invoice = row_of("soft-decline", "invoice", "ben")
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (1, None)
    changes = [row["status"] for row in played("soft-decline")[0].ledger.rows if row["kind"] == "state"]
    assert "past_due" in changes
    assert row_of("soft-decline", "subscription", "ben")["status"] == "active"


def test_a_hard_decline_and_its_ending() -> None:
    """One failed charge on a lost card, never tried again; the invoice uncollectible, the subscription cancelled."""
    (charge,) = charges_of("hard-decline")
    assert (charge["reason"], charge["status"]) == ("lost_card", "failed")
    assert row_of("hard-decline", "invoice", "cleo")["status"] == "uncollectible"
    assert row_of("hard-decline", "subscription", "cleo")["status"] == "canceled"
    assert statuses("hard-decline")[-1] == 404


def test_a_refund() -> None:
    """The renewal is paid and given back once; a key of the guide may not; a refund that fails later says so."""
    ledger = played("refund")[0].ledger
    assert [row["amount"] for row in ledger.refunds] == [2900, 2900]
    assert row_of("refund", "charge", "ada")["refunded"] is True
    assert row_of("refund", "charge", "dan")["refunded"] is False
    assert played("refund")[1].replies[-1].document["status"] == "failed"
    assert {"refund.created", "charge.refunded", "refund.failed"} <= set(types_of("refund"))


def test_replaced_and_updated_cards() -> None:
    """Retries on the expired cards fail; then ada pays with another card, ben with the same one under a new date."""
    cards: dict[str, list[str]] = {}
    for customer in ("ada", "ben"):
        invoice = row_of("card-update", "invoice", customer, 1)["id"]
        rows = [row for row in charges_of("card-update") if row["invoice"] == invoice]
        assert [row["status"] for row in rows] == ["failed", "failed", "succeeded"]
        cards[customer] = [row["payment_method"] for row in rows]
    assert cards["ada"][0] == cards["ada"][1] != cards["ada"][2]
    assert len(set(cards["ben"])) == 1
    assert row_of("card-update", "payment_method", "ben")["card"]["exp_year"] == 2036
    assert {"payment_method.attached", "customer.updated"} <= set(types_of("card-update"))
    assert types_of("card-update").count("payment_method.automatically_updated") == 1


def test_the_later_of_two_invoices_paid_first() -> None:
    """With the latest invoice paid the subscription is active though the older one is open; the customer pays that."""
    replies = played("later-invoice-first")[1].replies
    assert replies[1].document["status"] == "active"
    assert len(replies[2].document["data"]) == 1
    assert replies[2].document["data"][0]["id"] != replies[0].document["id"]
    assert [row["source"] for row in charges_of("later-invoice-first")] == ["stripe", "stripe", "request", "customer"]
    assert "already paid" in replies[3].document["error"]["message"].lower()


def test_requests_above_the_limits() -> None:
    """Refused requests charge nothing; a replayed key charges nothing; each key has at most one charge."""
    keys = [row["idempotency_key"] for row in charges_of("rate-limited")]
    assert keys == [None, "retry-1", "retry-3", "retry-4"]
    codes = [reply.document.get("error", {}).get("code") for reply in played("rate-limited")[1].replies]
    assert codes[1:3] == ["rate_limit", "rate_limit"]
    assert codes[4] == "lock_timeout"
    assert codes[6] == "idempotency_key_in_use"


def test_a_platform_until_it_is_deauthorised() -> None:
    """One retry through the platform; none after the consent is withdrawn; the platform is told."""
    rows = charges_of("connect")
    assert [row["idempotency_key"] for row in rows] == [None, "c-1"]
    assert {row["account"] for row in rows} == {"acct_1ConnectedUS"}
    bodies = [json.loads(body) for _, _, body in played("connect")[2].got]
    assert {body["account"] for body in bodies} == {"acct_1ConnectedUS"}
    assert bodies[-1]["type"] == "account.application.deauthorized"


def test_deliveries_in_disorder() -> None:
    """Some events never arrive, some twice, some late; every event is in the list, and the ledger is the same."""
    _, result, mailbox = played("webhooks-in-disorder")
    bodies = []
    for _, _, body in mailbox.got:
        try:
            bodies.append(json.loads(body))
        except ValueError:
            bodies.append(None)
    assert None in bodies
    arrived = [body["id"] for body in bodies if body is not None]
    listed = {row["id"] for row in result.replies[1].document["data"]}
    assert len(arrived) > len(set(arrived))
    assert listed - set(arrived)
    created = [body["created"] for body in bodies if body is not None]
    assert created != sorted(created)
    calm = document_of("webhooks-in-disorder")
    del calm["delivery_faults"]
    quiet = build_world(calm)
    Mailbox(quiet)
    assert playthrough.run(quiet).digest == result.digest
