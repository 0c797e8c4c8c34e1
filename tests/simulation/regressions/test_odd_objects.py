"""Objects of Stripe's that are odd: what one of them holds is nobody else's business."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig

CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
NAMES = ("ada", "ben", "cleo")


def book(times: int | None = 1) -> Rig:
    """Three customers whose renewals are declined so many times, one after the other."""
    rig = Rig({name: worlds.customer(CARDS[n], renews_in_days=1 + n / 10) for n, name in enumerate(NAMES)})
    for name in NAMES:
        rig.decline(name, "insufficient_funds", times)
    return rig


def rename(rig: Rig, name: str, chosen: str) -> None:
    """The merchant chose this customer's id long ago."""
    account, row = control.customer_of(rig.world, name)
    old = row["id"]
    for table in account.tables.values():
        for each in table.rows.values():
            each.update({key: chosen for key, value in each.items() if value == old})
        if old in table.rows:
            table.rows[chosen] = table.rows.pop(old)
            table.place[chosen] = table.place.pop(old)
            table.order[table.order.index(old)] = chosen
        for found in table.index.values():
            if old in found:
                found[chosen] = found.pop(old)
    account.names[name] = chosen
    rig.decline(name, "insufficient_funds", 1)


def all_recovered(rig: Rig) -> None:
    """Each of the three was recovered by us, and the loops go on."""
    assert {name: rig.case(name).state for name in NAMES} == dict.fromkeys(NAMES, CaseState.RECOVERED)
    truth.agree(rig)


@pytest.mark.parametrize("chosen", ["cleo@example.com", "cleo/2019", "Ünal & Söhne?#1", "..%2F..", "12 34"])
@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
def test_a_customer_id_that_a_merchant_chose_is_an_id_like_any_other(chosen: str, heard: bool):
    """An id of another form is encoded, not refused: its customer is recovered, and so is everybody else."""
    rig = book()
    rename(rig, "cleo", chosen)
    if not heard:
        steps.deaf(rig)
    rig.live(10)
    all_recovered(rig)
    assert rig.case("cleo").customer == chosen


@pytest.mark.parametrize("field", ["name", "email"])
def test_half_a_character_in_a_name_stops_nobody(field: str):
    """JSON can carry half of a surrogate pair, which no database stores: the name is mended and all are recovered."""
    rig = book()
    _, row = control.customer_of(rig.world, "cleo")
    row[field] = "Cleo \ud83d"
    rig.live(10)
    all_recovered(rig)


def unreadable(rig: Rig, name: str, spoil: Callable[[dict[str, Any]], None]) -> None:
    """Answers about this customer's invoice come with something in them that we cannot understand."""
    account, row = control.customer_of(rig.world, name)

    def change(request: Request, _status: int, body: str) -> str:
        answer = json.loads(body)
        listed = answer.get("data", []) if answer.get("object") == "list" else [answer]
        mine = [
            each
            for each in listed
            if each.get("customer") == row["id"]
            or (
                each.get("object") == "invoice_payment"
                and account.get("invoice", each["invoice"])["customer"] == row["id"]
            )
        ]
        if request.method != "GET" or not mine or mine[0]["object"] not in ("invoice", "charge", "invoice_payment"):
            return body
        for each in mine:
            spoil(each)
        return json.dumps(answer)

    rig.change_answer.append(change)


def no_payment_status(row: dict[str, Any]) -> None:
    """An invoice payment without a status."""
    if row["object"] == "invoice_payment":
        row["status"] = None


def no_charge_amount(row: dict[str, Any]) -> None:
    """A charge whose amount is a text."""
    if row["object"] == "charge":
        row["amount"] = "much"


def odd_invoice(row: dict[str, Any]) -> None:
    """An invoice in a currency nobody knows."""
    if row["object"] == "invoice":
        row["currency"] = "zzz"


SPOILERS = {"payment": no_payment_status, "charge": no_charge_amount, "invoice": odd_invoice}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
@pytest.mark.parametrize("odd", NAMES)
def test_one_unreadable_invoice_does_not_blind_the_sweep(odd: str, spoil: Callable[[dict[str, Any]], None]):
    """No webhook arrives and one invoice cannot be understood: the sweep finds all the others, wherever it stands."""
    rig = book()
    steps.deaf(rig)
    unreadable(rig, odd, spoil)
    rig.live(10)
    found = {each.customer for each in rig.cases()}
    others = [name for name in NAMES if name != odd]
    assert found == {rig.customer_id(name) for name in others}
    assert [rig.case(name).state for name in others] == [CaseState.RECOVERED] * 2
    assert rig.engine.loops.charging_stopped is None


def test_one_unreadable_invoice_does_not_keep_the_sweep_turning():
    """A sweep that could not follow one invoice is over all the same: it is not begun again at once, nor for ever."""
    rig = book()
    steps.deaf(rig)
    unreadable(rig, "cleo", no_payment_status)
    rig.live(2)
    rig.requests.clear()
    rig.live(1)
    asked = [each for each in rig.requests if each.path == "/v1/invoices" and ("status", "open") in each.params]
    assert 3 <= len(asked) <= 6
