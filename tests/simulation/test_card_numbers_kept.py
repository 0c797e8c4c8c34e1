"""Card numbers that people type into free text are nowhere in what we leave behind: database, log, copies (G2)."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile.adapters.stripe_api import kept
from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.daemon.logs import JsonFormatter
from flexpay_reconcile.ports.rows import InboxState
from flexpay_reconcile.simulator.protocol.webhooks import signature
from tests.simulation import campaign, card_numbers
from tests.simulation.card_numbers import NUMBERS, PERSON, PLANTED
from tests.simulation.judges import Violation
from tests.simulation.rig import Rig


def spoilt(event: dict[str, Any]) -> dict[str, Any]:
    """The event with card numbers in each free text, and in fields that Stripe may add some day."""
    data = {**event["data"]["object"], "description": PLANTED, "statement_descriptor": NUMBERS[0]}
    data |= {"billing_details": {"name": PERSON}, "card": {"number": NUMBERS[0], "cvc": "7193"}, "new_field": [PLANTED]}
    if event["type"] == "charge.failed":
        outcome = {**(data.get("outcome") or {}), "seller_message": NUMBERS[1]}
        data |= {"failure_message": f"declined: {NUMBERS[2]}", "outcome": outcome}
    return {**event, "data": {"object": data, "previous_attributes": {"description": PLANTED}}, "note": PLANTED}


def spoil_answer(body: str) -> str:
    """An answer of the API with card numbers in each free text, errors included."""
    answer = json.loads(body)
    if not isinstance(answer, dict):
        return body
    if isinstance(answer.get("error"), dict):
        answer["error"]["message"] = f"Your card {NUMBERS[0]} was declined."
    elif isinstance(answer.get("id"), str):
        answer |= {"description": PLANTED, "footer": PLANTED, "metadata": {**answer.get("metadata", {}), "n": PLANTED}}
        if answer.get("failure_message"):
            answer["failure_message"] = f"declined: {NUMBERS[3]}"
    return json.dumps(answer)


def spoilt_rig(state: str = ":memory:") -> Rig:
    """A book whose events and answers carry card numbers; both renewals are refused, and one is recovered."""
    rig = Rig(card_numbers.failing(), state=state)
    card_numbers.plant(rig)
    rig.change_answer.append(lambda request, status, body: spoil_answer(body))

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        event = spoilt(json.loads(body))
        raw = json.dumps(event).encode()
        (account,) = rig.world.sim.accounts.values()
        (secret,) = account.secrets.values()
        return rig.deliver(url, {"Stripe-Signature": signature(secret, raw, rig.world.now)}, raw)

    rig.post = post
    rig.decline("c0", "insufficient_funds", times=1)
    rig.decline("c1", "stolen_card")
    return rig


def test_nothing_of_a_card_is_in_the_files(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Five weeks with card numbers in all free text: none, no code and no name in database, log, copy or notes."""
    caplog.set_level(logging.DEBUG)
    rig = spoilt_rig(str(tmp_path / "state.db"))
    rig.live(35)
    assert len({each.state for each in rig.cases()}) > 1
    formatter = JsonFormatter(lambda: rig.now)
    card_numbers.search("\n".join(map(formatter.format, caplog.records)).encode(), "the log")
    assert (tmp_path / "state.db-wal").stat().st_size > 0, "the write-ahead log was not there to be searched"
    assert card_numbers.search_files(tmp_path.iterdir()) >= 3


def test_the_search_finds_an_event_that_was_stored_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the reduction taken away the same run is found out, by the files and by the campaign's own search."""
    monkeypatch.setattr(StripeEvents, "kept", lambda self, body: body)
    rig = spoilt_rig(str(tmp_path / "state.db"))
    rig.live(3)
    with pytest.raises(Violation, match="G2"):
        card_numbers.search_files(tmp_path.iterdir())
    assert campaign.run(2).violation.startswith("G2")


def test_the_search_finds_a_message_that_was_not_masked(monkeypatch: pytest.MonkeyPatch):
    """Free text that is kept is kept without numbers: with the masking taken away it is found."""
    monkeypatch.setattr(kept, "masked", lambda text: text)
    rig = spoilt_rig()
    rig.live(3)
    with pytest.raises(Violation, match="card number"):
        card_numbers.search_database(rig)


def test_what_an_earlier_version_stored_is_reduced_and_still_processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whole bodies, processed and not, are reduced by the next process, come to the same, and stay known by their id."""
    with monkeypatch.context() as old:
        old.setattr(StripeEvents, "kept", lambda self, body: body)
        rig = spoilt_rig(str(tmp_path / "state.db"))
        rig.live(30)
        with rig.parts.store.begin() as unit:
            events = unit.inbox.after(0, 10_000)
            unit.marks.set("inbox_reduced", "0")
            last = max((each for each in events if each[1].type == "charge.failed"), key=lambda each: each[0])[1]
            unit.inbox.mark(dataclasses.replace(last, state=InboxState.PENDING))
            unit.inbox.put(dataclasses.replace(last, event_id="evt_junk", body=b"[" + NUMBERS[0].encode() + b"]"))
    cases = rig.cases()
    rig.restart()
    rig.live(0.1)
    rig.parts.close()
    card_numbers.search_files(tmp_path.iterdir())
    rig.restart()
    assert rig.cases() == cases
    with rig.parts.store.reading() as view:
        after = view.inbox.after(0, 10_000)
        assert [each.event_id for _, each in after[: len(events)]] == [each.event_id for _, each in events]
        stored = next(each for _, each in after if each.event_id == last.event_id)
    assert stored.state is InboxState.DONE
    account = rig.cases()[0].account
    assert StripeEvents().signal(stored.body, account) == StripeEvents().signal(kept_of(last.body), account)


def kept_of(body: bytes) -> bytes:
    """What is kept of a body."""
    return kept.reduced(json.loads(body))
