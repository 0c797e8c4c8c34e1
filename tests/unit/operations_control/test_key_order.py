"""Several of everything: the order of keys in a manifest means nothing, and the text counts what the JSON counts."""

from __future__ import annotations

import re
from typing import Any

import hypothesis
from hypothesis import strategies as st

from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.render import text
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.unit.operations_control.harness import ACCOUNT, House
from tests.unit.operations_control.test_convergence import EXAMPLES, MISCHIEF, shuffled, without_places

OTHER = "acct_1AcmeEU"
ACCOUNTS = frozenset({ACCOUNT, OTHER})
KEYS = {ACCOUNT: ("US_PRIMARY", "US_FALLBACK"), OTHER: ("EU_PRIMARY", "EU_FALLBACK")}

INTEGRATION = """\
  {name}:
    name: {name}
    company: {company}
    environment: sandbox
    status: {status}
    description: {description}
    api_keys: {{type: restricted, primary: {{env: {where}_PRIMARY}}, fallback: {{env: {where}_FALLBACK}}}}
    webhook:
      managed_by: flexpay
      url: https://recovery.acme.example/{name}
      listen_to: {scope}
    radar_allow_list: no
    take_over: false
    retry_policy: {policy}
    when_recovery_fails: {{subscription: {{action: leave_as_is}}, invoice: leave_as_is}}
"""
FEWER = max(EXAMPLES // 3, 1)
"""Twice the accounts take twice the time."""
PLACES = (("us", "acme-us", "US", "account"), ("eu", "acme-eu", "EU", "account"))
CONNECT = ("us-connect", "acme-us", "US", "connected_accounts")


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Two companies, two policies and two or three integrations, some of their values drawn."""
    integrations = "".join(
        INTEGRATION.format(
            name=name,
            company=company,
            where=where,
            scope=scope,
            status=draw(st.sampled_from(("enabled", "disabled"))),
            description=draw(st.sampled_from(("one", "another"))),
            policy=draw(st.sampled_from(("patient", "brisk"))),
        )
        for name, company, where, scope in (*PLACES, *((CONNECT,) if draw(st.booleans()) else ()))
    )
    return f"""\
version: 1
currencies: [USD, EUR]
companies:
  acme-us: {{name: Acme US, stripe_account: {ACCOUNT}, time_zone: America/New_York}}
  acme-eu: {{name: Acme EU, stripe_account: {OTHER}, time_zone: Europe/Berlin}}
integrations:
{integrations}retry_policies:
  patient: {{timing: even, max_attempts: {draw(st.integers(4, 8))}, window: {{days: 28}}, minimum_spacing: {{hours: 24}}}}
  brisk: {{timing: even, max_attempts: 3, window: {{days: 14}}, minimum_spacing: {{hours: 24}}}}
guards: {{max_webhook_deletes: 9}}
"""


def secret(name: str) -> str:
    """A key of the simulated account that a variable names."""
    return f"rk_test_{name.lower().replace('_', '')}0123456789"


def two_accounts() -> House:
    """An installation in front of two simulated accounts, each with keys of its own."""
    accounts = {
        account: {
            "livemode": False,
            "keys": [
                {"env": name, "type": "restricted", "permissions": "flexpay", "secret": secret(name)} for name in names
            ],
        }
        for account, names in KEYS.items()
    }
    return House(world=build_world({"version": 1, "seed": 7, "start": "2026-01-01T00:00:00Z", "accounts": accounts}))


def planned(house: House, manifest: str) -> Any:
    """The plan of a manifest, both accounts accepted."""
    return house.plan(manifest, accepted_accounts=ACCOUNTS)


def standing(before: str, mischief: Any) -> House:
    """Two accounts after an apply and some mischief in the Dashboard of the first."""
    house = two_accounts()
    house.apply(before, plan=planned(house, before))
    mischief(house)
    return house


@hypothesis.given(before=manifests(), mischief=MISCHIEF, after=manifests(), chance=st.randoms(use_true_random=False))
@hypothesis.settings(max_examples=FEWER, deadline=None)
def test_the_order_of_several_names_means_nothing(before, mischief, after, chance):
    """Companies, integrations and policies in another order, and all keys within them: the same plan but for places."""
    house = standing(before, mischief)
    other = shuffled(after, chance)
    assert house.load(other).configuration == house.load(after).configuration
    assert without_places(codec.to_json(planned(house, other))) == without_places(codec.to_json(planned(house, after)))


COUNTED = re.compile(r"(\d+) to (create|change|replace|delete|forget)")
SAID_AS = {"change": "update"}


@hypothesis.given(before=manifests(), mischief=MISCHIEF, after=manifests())
@hypothesis.settings(max_examples=FEWER, deadline=None)
def test_the_last_line_counts_what_the_json_lists(before, mischief, after):
    """The summary line of the text, the summary of the JSON and the listed changes are the same numbers."""
    document = codec.to_json(planned(standing(before, mischief), after))
    told = {SAID_AS.get(word, word): int(number) for number, word in COUNTED.findall(text.render(document))}
    listed = dict.fromkeys(("create", "update", "replace", "delete", "forget"), 0)
    for each in document["resource_changes"]:
        actions = each["change"]["actions"]
        if actions != ["no-op"]:
            listed["replace" if len(actions) > 1 else actions[0]] += 1
    assert {name: document["summary"][name] for name in listed} == listed
    assert {name: told.get(name, 0) for name in listed} == listed
