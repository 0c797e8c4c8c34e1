"""Whose events a Connect endpoint takes in, and who owns an account two integrations could act for (D9)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.daemon.listener import STATUS
from flexpay_reconcile.operations import connected, follow_accounts
from flexpay_reconcile.operations.receive_event import Received
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.protocol.webhooks import signature
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions.conftest import MART, OTHER, SHOP
from tests.simulation.rig import Rig

pytestmark = pytest.mark.usefixtures("platform")

URL = "http://127.0.0.1:8787/webhooks/stripe/"
CONNECTED = worlds.manifest(listen_to=f"connected_accounts\n      connected_accounts: [{SHOP}, {MART}]")


def forged(rig: Rig, event: str, **fields: Any) -> int:
    """An event signed with the secret of the platform's endpoint; the listener's status."""
    (platform,) = [each for each in rig.world.sim.accounts.values() if each.id == worlds.ACCOUNT]
    secret = next(iter(platform.secrets.values()))
    body = {
        "id": event,
        "object": "event",
        "type": "invoice.payment_failed",
        "created": rig.world.now,
        "livemode": False,
        "account": SHOP,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "in_forged1", "object": "invoice"}},
        "request": {"id": None, "idempotency_key": None},
        **fields,
    }
    raw = json.dumps(body).encode()
    return rig.deliver(URL + "sim-co", {"Stripe-Signature": signature(secret, raw, rig.world.now)}, raw)


def test_only_events_of_the_accounts_it_acts_for_are_kept():
    """Another mode or an unlisted account is answered with 2xx, as every Connect endpoint hears of them, and not kept."""
    rig = Rig({}, loaded=CONNECTED)
    statuses = {
        "listed": forged(rig, "evt_1"),
        "the other mode": forged(rig, "evt_2", livemode=True),
        "not listed": forged(rig, "evt_3", account="acct_9Else"),
        "the platform itself": forged(rig, "evt_4", account=worlds.ACCOUNT),
        "no account": forged(rig, "evt_5", account=None),
    }
    assert statuses == {
        "listed": STATUS[Received.STORED],
        "the other mode": STATUS[Received.NOT_OURS],
        "not listed": STATUS[Received.NOT_OURS],
        "the platform itself": STATUS[Received.NOT_OURS],
        "no account": STATUS[Received.WRONG_SCOPE],
    }
    assert STATUS[Received.NOT_OURS] == 200
    with rig.parts.store.reading() as view:
        assert sum(view.inbox.counts().values()) == 1


def test_both_scopes_of_one_platform_are_two_integrations():
    """One hears of the platform's own payments, the other of its shops'; each recovers its own and no other's."""
    text = worlds.text(listen_to="connected_accounts")
    second = text[text.index("  sim-co:\n    name: Sim Co (sandbox)") : text.index("retry_policies:")]
    own = second.replace("  sim-co:\n    name", "  sim-own:\n    name").replace("stripe/sim-co", "stripe/sim-own")
    own = own.replace("listen_to: connected_accounts", "listen_to: account")
    loaded = worlds.load_text(text.replace("retry_policies:", f"{own}retry_policies:"))
    rig = Rig({"shop-ada": worlds.customer(), "pia": worlds.customer()}, loaded=loaded)
    for name in ("shop-ada", "pia"):
        rig.decline(name, "insufficient_funds", times=1)
    rig.live(12)
    assert {name: (rig.case(name).integration_id, rig.case(name).account) for name in ("shop-ada", "pia")} == {
        "shop-ada": ("sim-co", SHOP),
        "pia": ("sim-own", worlds.ACCOUNT),
    }
    assert {rig.case(name).state for name in ("shop-ada", "pia")} == {CaseState.RECOVERED}
    assert {each.account for each in rig.pays()} == {SHOP, None}
    truth.agree(rig)


def test_an_account_belongs_to_whoever_heard_of_it_first():
    """A second platform's integration gets it only when the first acts for it no more."""
    rig = Rig({}, loaded=worlds.manifest(listen_to="connected_accounts"))
    running = rig.engine.context.running()
    assert running is not None
    configuration = running.configuration
    (company,), (first,) = configuration.companies.values(), configuration.integrations.values()
    second = replace(first, id=IntegrationId("second"), company="second")
    both = replace(
        configuration,
        companies={**configuration.companies, "second": replace(company, id="second", stripe_account=AccountId(OTHER))},
        integrations={first.id: first, second.id: second},
    )
    two, shop = replace(running, configuration=both), AccountId(SHOP)
    context = rig.engine.context
    assert connected.claim(context, two, first, shop)
    assert not connected.claim(context, two, second, shop)
    assert connected.claim(context, two, first, shop)
    elsewhere = replace(first, webhook=replace(first.webhook, connected_accounts=(AccountId(MART),)))
    freed = replace(two, configuration=replace(both, integrations={first.id: elsewhere, second.id: second}))
    assert connected.claim(context, freed, second, shop)
    assert not connected.claim(context, two, first, shop)
    assert not connected.claim(context, two, first, AccountId(worlds.ACCOUNT))
    assert not connected.claim(context, two, first, AccountId(OTHER)), "another company's own"


def test_a_departure_that_was_long_ago_is_undone_by_one_question():
    """The account left and came back before its event arrived: parked, asked once, and opened again at once."""
    rig = Rig({"shop-ada": worlds.customer()}, loaded=CONNECTED)
    rig.decline("shop-ada", "insufficient_funds", times=1)
    rig.live(2)
    calls = len(rig.requests)
    application = {"id": "ca_1", "object": "application", "name": None}
    status = forged(rig, "evt_9", type="account.application.deauthorized", data={"object": application})
    assert status == 200
    rig.live(0.01)
    assert rig.case("shop-ada").state is CaseState.SCHEDULED
    asked = [each for each in rig.requests[calls:] if each.path == "/v1/invoices"]
    assert len(asked) == 1
    rig.live(12)
    assert rig.case("shop-ada").state is CaseState.RECOVERED
    truth.agree(rig)


def test_two_processes_agree_on_who_left():
    """What one process met and wrote, another keeps shut; what the other wrote off is open here again."""
    rig = Rig({"shop-ada": worlds.customer()}, loaded=CONNECTED)
    rig.live(0.1)
    here, shop = rig.parts.gateways.access, AccountId(SHOP)
    integration = IntegrationId(worlds.INTEGRATION)
    context = rig.engine.context
    follow_accounts.lose(context, integration, shop, "told elsewhere", rig.now.plus(Span.of(hours=6)))
    rig.engine.loops.turn()
    assert (integration, shop) in here.shut()
    with rig.parts.store.begin() as unit:
        unit.marks.set(f"lost:{integration}:{shop}", "")
    rig.engine.loops.turn()
    assert here.shut() == {}
    with rig.parts.store.reading() as view:
        assert follow_accounts.lost_accounts(view) == ()


def test_an_account_of_another_scope_is_never_called():
    """The manifest drops a shop from its list while its case is open: parked or waiting, and not one call about it."""
    rig = Rig({"shop-ada": worlds.customer(), "mart-bob": worlds.customer()}, loaded=CONNECTED)
    for name in ("shop-ada", "mart-bob"):
        rig.decline(name, "insufficient_funds", times=1)
    rig.live(1.5)
    assert len(rig.cases()) == 2
    arm.apply(rig, worlds.manifest(listen_to=f"connected_accounts\n      connected_accounts: [{MART}]"))
    calls = len(rig.requests)
    rig.live(12)
    assert [each for each in rig.requests[calls:] if each.account == SHOP] == []
    assert rig.case("shop-ada").state is CaseState.PARKED
    assert rig.case("mart-bob").state is CaseState.RECOVERED
