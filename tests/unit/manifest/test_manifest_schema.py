"""The published schema and its two readers: the quick one and the one that explains."""

from __future__ import annotations

import copy

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.manifest import schema
from flexpay_reconcile.manifest.data import manifest_schema
from flexpay_reconcile.manifest.document import load_plain
from flexpay_reconcile.manifest.faults import UNREAD
from flexpay_reconcile.manifest.fits import fits
from tests.unit.manifest.book import TWO, accept, expect, loaded, printed, said, swapped

# Every field a manifest of version 1 has, built or not, as the product's contract shows it.
EVERYTHING = """\
# yaml-language-server: $schema=schemas/manifest.v1.schema.json
version: 1
currencies: [USD, EUR, JPY]
companies:
  acme-us:
    name: Acme US
    stripe_account: acct_1AcmeUS
    time_zone: America/New_York        # for reports; instants are UTC everywhere
integrations:
  acme-us-live:
    name: Acme US
    company: acme-us
    environment: live                  # live | sandbox
    status: enabled                    # enabled | disabled | released
    description: FlexPay Webhook EndPoint
    api_keys:
      type: restricted                 # restricted | standard
      primary:  {env: ACME_US_STRIPE_PRIMARY}
      fallback: {file: /run/secrets/acme_us_fallback}
    webhook:
      managed_by: flexpay              # flexpay | manual
      url: https://recovery.acme.example/webhooks/stripe/acme-us-live
      listen_to: account               # account | connected_accounts
    smart_retries:
      attested: {by: billing@acme.example, on: 2026-11-20, expires: 2027-05-20, previous_rules: "3, 5, 7 days", custom_schedule_empty: true,
                 emails_off: true, subscription: leave_past_due, invoice: leave_past_due, other_dunning_off: true}
      stop_stripe_retries: per_invoice # per_invoice | no
    radar_allow_list: {ip: 203.0.113.7}    # egress IP of the daemon's host, or: no
    take_over: false
    include_first_invoice: false
    drift_policy: warn                 # warn | heal (in-place repairs only)
    notify: {url: https://acme.example/hooks/recovery, signing_secret: {env: RECOVERY_HOOK_SECRET}}   # optional
    retry_policy: default
    when_recovery_fails:
      subscription: {action: cancel_with_delay, delay: {days: 3, hours: 0}, delay_from: hard_decline}
      invoice: mark_uncollectible_when_subscription_cancels   # | leave_as_is
retry_policies:
  default:
    timing: learned                    # learned | even | fixed
    max_attempts: 8
    window: {days: 28}
    minimum_spacing: {hours: 24}
    quiet_hours: {from: "22:00", to: "07:00", time_zone: customer}   # optional
    fixed_schedule: [{days: 3}, {days: 5}, {days: 7}]   # timing: fixed; each after the previous attempt
    migrate: false                     # true: open cases move to a changed policy
    network_ceilings:                  # only what differs from the shipped defaults
      visa: {per_30_days: 18, because: "finance, 2026-11-20"}
    holdout: {percent: 10, timing: even}   # optional: the control arm uplift is measured against
guards:                                # asked by plan and apply
  max_certain_cancellations: 50
  max_webhook_deletes: 1
  impact_growth_percent: 10
brakes:                                # asked by the daemon before every call; budgets survive restarts
  attempts: {per_minute: 60, per_day: 20000}          # per integration
  final_actions: {per_hour: 50, per_day: 200}
  take_over: {percent_of_book_per_day: 10}
  breaker: {window: {minutes: 30}, min_attempts: 30, open_when_errors_above_percent: 50, half_open_after: {minutes: 15}}
"""


def plain(text: str):
    """The plain value of a manifest's text."""
    value, faults = load_plain("f", text.encode())
    assert faults == []
    return value


def test_the_schema_is_draft_07():
    """Editors read draft-07, and the schema is one, with an identity and no keyword the quick reader lacks."""
    jsonschema.Draft7Validator.check_schema(manifest_schema())
    assert manifest_schema()["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_every_field_of_the_contract_is_in_the_schema():
    """The contract's whole example fits the schema, for the plain validator, ours and the quick one."""
    value = plain(EVERYTHING)
    assert list(jsonschema.Draft7Validator(manifest_schema()).iter_errors(value)) == []
    assert schema.explained(value) == []
    assert fits(value, manifest_schema())


def test_the_contracts_example_is_refused_only_for_what_is_not_built():
    """Of the contract's example only unbuilt fields, and the schedule beside another timing, are refused, each at its place."""
    assert said(EVERYTHING) == [
        "32:5 E-not-built",  # notify
        "39:13 E-not-built",  # learned
        "43:58 E-not-built",  # customer's time zone
        "44:5 E-schedule-unused",
        "48:5 E-not-built",  # holdout
    ]


def test_every_object_of_the_schema_is_closed():
    """No map of a manifest takes keys the schema does not name."""

    def objects(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for inner in node.values():
                yield from objects(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from objects(inner)

    assert [each for each in objects(manifest_schema()) if each.get("additionalProperties") is not False] == []


def _paths(value, here=()):
    yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*here, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _paths(inner, (*here, position))


_BASES = [plain(EVERYTHING), plain(TWO)]
_PLACES = [(base, path) for base in _BASES for path in _paths(base) if path]
_WORDS = sorted({str(part) for _, path in _PLACES for part in path})
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2000)
    | st.text(max_size=8)
    | st.sampled_from(["no", "all", "even", "live", "USD", "USD\n", "22:00", "2026-11-20", "acct_1", "flexpay"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_WORDS, "x", "a\n", "A"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def _changed(base, path, how, value):
    copied = copy.deepcopy(base)
    here = copied
    for part in path[:-1]:
        here = here[part]
    if how == "drop":
        del here[path[-1]]
    elif how == "add" and isinstance(here, dict):
        here[str(value)[:12]] = value
    elif how == "rename" and isinstance(here, dict):
        here[f"{path[-1]}x"] = here.pop(path[-1])
    else:
        here[path[-1]] = value
    return copied


@settings(max_examples=400, deadline=None)
@given(where=st.sampled_from(_PLACES), how=st.sampled_from(["set", "drop", "add", "rename"]), value=_VALUES)
def test_the_quick_verdict_is_that_of_jsonschema(where, how, value):
    """Whatever is changed in a sound manifest, the quick look and jsonschema agree on whether it fits."""
    base, path = where
    changed = _changed(base, path, how, value)
    assert fits(changed, manifest_schema()) == (schema.explained(changed) == [])


@pytest.mark.parametrize(
    "value", [None, True, 0, -1, 10**9, "", "x", "no", [], ["x"], [[]], {}, {"x": 1}, {"days": -1}]
)
def test_the_quick_verdict_is_right_at_every_single_place(value):
    """Each value of the example is replaced by each odd value in turn, and the two readers agree."""
    for base, path in _PLACES:
        changed = _changed(base, path, "set", value)
        assert fits(changed, manifest_schema()) == (schema.explained(changed) == []), path


def test_an_unknown_keyword_is_left_to_jsonschema():
    """The quick reader is closed: a schema keyword it does not know means no."""
    assert not fits({}, {"type": "object", "dependencies": {}})
    assert not fits(1, {"$ref": "#/elsewhere/x", "definitions": {}})
    assert not fits([1, 1], {"uniqueItems": True})


def test_unread_values_are_not_complained_of_twice():
    """What the reader refused fits everywhere, for the explaining validator."""
    value = plain(EVERYTHING)
    for path in [
        ("version",),
        ("currencies", 0),
        ("companies", "acme-us"),
        ("retry_policies", "default", "max_attempts"),
    ]:
        assert schema.explained(_changed(value, path, "set", UNREAD)) == []
        assert not fits(_changed(value, path, "set", UNREAD), manifest_schema())


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("E-version", "version: 1", "version: «2"),
        ("E-version", "version: 1", 'version: «"1"'),
        ("E-missing", "    name: Acme US\n    stripe_account", "    stripe_account"),
        ("E-missing", "      type: restricted\n", ""),
        ("E-unknown-key", "  acme-us:\n", "  acme-us:\n    «nmae: Acme\n"),
        ("E-unknown-key", "max_attempts: 8", "max_attempts: 8\n    network_ceilings: {«vsia: {per_30_days: 3}}"),
        ("E-id", "retry_policies:\n", "retry_policies:\n  «Default policy: {}\n"),
        ("E-type", "max_attempts: 8", 'max_attempts: «"8"'),
        ("E-type", "radar_allow_list: no", "radar_allow_list: no\n    take_over: «no"),
        ("E-type", "max_attempts: 8", "max_attempts: 8\n    window: «28"),
        ("E-type", "    api_keys:\n", "    description: «17\n    api_keys:\n"),
        ("E-choice", "status: enabled", "status: «enabeld"),
        ("E-choice", "radar_allow_list: no", "radar_allow_list: «off"),
        ("E-choice", "radar_allow_list: no", "radar_allow_list: «[no]"),
        ("E-unknown-key", "radar_allow_list: no", "radar_allow_list: {ip: 203.0.113.7, «port: 1}"),
        ("E-missing", "radar_allow_list: no", "«radar_allow_list: {}"),
        ("E-range", "max_attempts: 8", "minimum_spacing: {hours: 1}\n    max_attempts: «31"),
        ("E-range", "max_attempts: 8", "max_attempts: «0"),
        ("E-empty", "time_zone: America/New_York", 'time_zone: «""'),
        ("E-empty", "max_attempts: 8", "max_attempts: 8\n    «window: {}"),
        ("E-empty", "currencies: [USD, EUR]", "«currencies: []"),
        ("E-empty", "primary: {env: ACME_US_STRIPE_PRIMARY}", "«primary: {}"),
        ("E-length", "primary: {env: ACME_US_STRIPE_PRIMARY}", "«primary: {env: A, file: b}"),
        ("E-length", "    api_keys:\n", f"    description: «{'x' * 501}\n    api_keys:\n"),
        ("E-form", "currencies: [USD, EUR]", "currencies: [USD, «eur]"),
        ("E-form", "currencies: [USD, EUR]", 'currencies: [USD, «"EUR\\n"]'),
        ("E-form", "stripe_account: acct_1AcmeUS", "stripe_account: «1AcmeUS"),
        ("E-form", "primary: {env: ACME_US_STRIPE_PRIMARY}", "primary: {env: «ACME-US}"),
        ("E-form", "max_attempts: 8", "max_attempts: 8\n    quiet_hours: {from: «7:00, to: 08:00, time_zone: UTC}"),
    ],
)
def test_each_schema_fault_has_its_code_at_the_exact_place(code, old, new):
    """One change, one fault, at the scalar or the key it is about."""
    if "«" not in new:
        text, _ = swapped(old, new)
        assert [each.split()[1] for each in said(text)] == [code]
        return
    expect(code, old, new)


def test_missing_keys_are_told_at_their_owner():
    """Each missing key is a fault of its own, at the key of the map that lacks it."""
    text, _ = swapped("    name: Acme US\n    stripe_account: acct_1AcmeUS\n", "")
    assert said(text) == ["4:3 E-missing", "4:3 E-missing"]
    assert "acme-us lacks stripe_account" in printed(text)
    assert said("version: 1\n") == ["1:1 E-missing"] * 3


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("status: enabled", "status: Enabled", "did you mean enabled?"),
        ("    api_keys:\n", "    api-keys:\n", "did you mean api_keys?"),
        ("max_attempts: 8", "max_attempts: 1_0", "write 10 without quotes"),
        ("radar_allow_list: no", "radar_allow_list: no\n    take_over: yes", "in YAML 1.2 yes is text; write true"),
        ("primary: {env: ACME_US_STRIPE_PRIMARY}", "primary: hunter2", "for example {env: ACME_US_STRIPE_PRIMARY}"),
        ("max_attempts: 8", "window: 28 days", "a duration is a map: {days: 3, hours: 12}"),
        ("time_zone: America/New_York", "time_zone:", "write a value after the colon"),
        ("currencies: [USD, EUR]", "currencies: [usd]", "three upper-case letters, for example USD"),
    ],
)
def test_faults_say_what_to_do(old, new, hint):
    """The commonest slips have a hint that mends them."""
    text, _ = swapped(old, new)
    assert hint in printed(text)


def test_text_where_a_secret_belongs_is_never_repeated():
    """A value in the place of a reference is not shown, whatever it looks like."""
    for new in ("primary: hunter2hunter2", "primary: {env: hunter2-hunter2}", "primary: [hunter2hunter2]"):
        text, _ = swapped("primary: {env: ACME_US_STRIPE_PRIMARY}", new)
        assert loaded(text).configuration is None
        assert "hunter2" not in printed(text)


def test_an_allow_list_address_is_taken():
    """`{ip: …}` and `no` both fit."""
    result = accept("radar_allow_list: no", "radar_allow_list: {ip: 203.0.113.7}")
    assert result.integrations["acme-us-live"].radar_allow_list_ip == "203.0.113.7"
