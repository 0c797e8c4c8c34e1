"""Every field that the readers look at, absent, null, of another type or with a new word: nothing is lost or charged blindly.

The fields are learnt by watching the readers. While Ada's messages are spoilt Ben is served as ever; once they are
right again Ada's case comes to an end, or waits for a person with words one can read. Here each field is changed in one
of the four ways, in turn; with ODD_FIELDS=all in all of them.
"""

from __future__ import annotations

import functools
import json
import logging
import os

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.protocol.webhooks import signature
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth, worlds
from tests.simulation.fields_touched import HOWS, Field, Spoiler, watching
from tests.simulation.judges import Judge
from tests.simulation.records import Records
from tests.simulation.rig import Rig

SHARES = 4
ALL_WAYS = os.environ.get("ODD_FIELDS") == "all"
ENDS = {"paid": "insufficient_funds", "cancelled": "lost_card", "new card": "expired_card"}
"""How Ada's first renewal is refused; each life reads other fields."""
SPOILT, HEALED = 1.5, 5.0
"""Days."""


def start(end: str) -> Rig:
    """Ada and Ben; Ben's first charge is refused softly, his second approved."""
    loaded = worlds.manifest(attempts=2, window_days=2, spacing_hours=12)
    rig = Rig({name: worlds.customer(renews_in_days=0.05) for name in ("ada", "ben")}, loaded=loaded)
    for name in ("ada", "ben"):
        account, row = control.customer_of(rig.world, name)
        (id_,) = account.table("payment_method").by("customer", row["id"])
        method = account.table("payment_method").rows[id_]
        method["card"] = {**method["card"], "fingerprint": f"of-{name}"}
    rig.decline("ada", ENDS[end], times=2 if end == "paid" else None)
    rig.decline("ben", "insufficient_funds", times=1)
    return rig


def live(rig: Rig, end: str, judge: Judge, records: Records, days: float) -> None:
    """So many days, judged at each step; Ada's new card comes in the middle of the first."""

    def on_step(_: object) -> None:
        judge.step()
        records.step()

    first = rig.now.since(Instant.from_text(worlds.START)) < Span.of(hours=1)
    if end == "new card" and first:
        rig.live(0.4, on_step=on_step)
        control.replace_card(rig.world, "ada", "tok_mastercard")
        days -= 0.4
    rig.live(days, on_step=on_step)


@functools.cache
def touched(end: str) -> tuple[Field, ...]:
    """The fields looked at in an undisturbed life."""
    with watching() as seen:
        rig = start(end)
        live(rig, end, *judged(rig), SPOILT + HEALED)
    assert rig.case("ben").state is CaseState.RECOVERED
    return tuple(sorted(seen))


def judged(rig: Rig) -> tuple[Judge, Records]:
    """Who watches."""
    return Judge(rig, spacing_hours=12, visa_per_30_days=100, per_minute=100), Records(rig)


def cases() -> list[tuple[str, Field]]:
    """Every field once, in the first life that looks at it."""
    found: dict[Field, str] = {}
    for end in ENDS:
        for field in touched(end):
            found.setdefault(field, end)
    return [(end, field) for field, end in found.items()]


def test_the_fields_are_learnt_by_watching():
    """More than a hundred and fifty fields, of reads, writes, errors and events; among them those that decide money."""
    fields = {field for _, field in cases()}
    assert len(fields) >= 150
    assert ("GET /v1/invoices/*", ("status",)) in fields
    assert ("GET /v1/invoices/*", ("parent", "subscription_details", "subscription")) in fields
    assert ("error POST /v1/invoices/*/pay", ("error", "decline_code")) in fields
    assert ("event invoice.payment_failed", ("data", "object", "id")) in fields


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_no_odd_field_loses_a_case_or_charges_blindly(share: int, caplog: pytest.LogCaptureFixture):
    """Each field in four ways: no traceback, no invariant broken, Ben is served, Ada is not lost."""
    caplog.set_level(logging.WARNING)
    tried = 0
    for number, (end, field) in enumerate(cases()):
        if number % SHARES != share:
            continue
        for how in HOWS if ALL_WAYS else (HOWS[number // SHARES % len(HOWS)],):
            caplog.clear()
            rig = spoilt(end, field, how)
            check(rig, f"{field} {how} ({end})", caplog.records)
            tried += 1
    assert tried >= 80


def spoilt(end: str, field: Field, how: str) -> Rig:
    """A life with one field of Ada's messages spoilt for a day and a half."""
    rig = start(end)
    judge, records = judged(rig)
    spoiler = Spoiler(rig, "ada", field, how)

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        spoiled = spoiler.delivered(body)
        if spoiled != body:
            (account,) = rig.world.sim.accounts.values()
            (secret,) = account.secrets.values()
            headers = {**headers, "Stripe-Signature": signature(secret, spoiled, rig.world.now)}
        return rig.deliver(url, headers, spoiled)

    rig.post = post
    live(rig, end, judge, records, SPOILT)
    assert rig.case("ben").state is CaseState.RECOVERED, f"{field} {how}: Ben was not served"
    spoiler.on = False
    live(rig, end, judge, records, HEALED)
    return rig


def check(rig: Rig, what: str, told: list[logging.LogRecord]) -> None:
    """What must hold at the end, whatever was odd."""
    truth.agree(rig)
    wild = [each for each in told if each.exc_info or each.levelno >= logging.CRITICAL]
    assert not wild, f"{what}: {wild[0].getMessage()} {vars(wild[0]).get('because')}"
    for each in told:
        because = str(vars(each).get("because", ""))
        assert not [word for word in ("Error(", "Traceback") if word in because], f"{what}: {because}"
    mine = [each for each in rig.cases() if each.customer == rig.customer_id("ada")]
    assert len(mine) == 1, f"{what}: Ada has {len(mine)} cases"
    (case,) = mine
    waits = case.state in (CaseState.NEEDS_REVIEW, CaseState.PARKED)
    assert case.is_final() or (waits and case.due_at is not None), f"{what}: {case.state}\n{story(rig)}"
    invoice = rig.invoices("ada")[-1]
    if rig.subscription("ada")["status"] == "canceled":
        assert invoice["status"] != "paid", f"{what}: cancelled and paid"
        assert case.decline_kind is not None
        assert case.decline_kind.value not in ("unknown", "operator"), f"{what}: cancelled on {case.decline_kind}"


def story(rig: Rig) -> str:
    """Ada's journal, for a message."""
    return json.dumps([each.entry.text for each in rig.story(rig.case("ada"))], indent=1)
