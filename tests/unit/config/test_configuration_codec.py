"""A configuration goes into the state and comes back the same, and its digest tells any two apart."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Brakes, Breaker, Configuration, Guards
from flexpay_reconcile.config.integration import (
    Attestation,
    DelayFrom,
    Integration,
    InvoiceAction,
    ListenTo,
    ManagedBy,
    SmartRetries,
    Status,
    StopStripeRetries,
    SubscriptionAction,
    Webhook,
    WhenRecoveryFails,
)
from flexpay_reconcile.config.keys import ApiKeys, Environment, KeyType
from flexpay_reconcile.config.policy import CeilingOverride, QuietHours, RetryPolicy, Timing
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values import digest
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef, SecretSource
from tests.unit.config import agreed

WORDS = st.text(max_size=12)
IDS = st.text(alphabet="abcxyz-09", min_size=1, max_size=8)
COUNTS = st.integers(0, 100_000)
SPANS = st.integers(0, 10**12).map(Span)
REFS = st.builds(
    SecretRef, source=st.sampled_from(SecretSource), name=WORDS, arguments=st.lists(WORDS, max_size=3).map(tuple)
)
POLICIES = st.builds(
    RetryPolicy,
    id=IDS,
    timing=st.sampled_from(Timing),
    max_attempts=COUNTS,
    window=SPANS,
    minimum_spacing=SPANS,
    quiet_hours=st.none() | st.builds(QuietHours, from_minute=COUNTS, to_minute=COUNTS, time_zone=WORDS),
    fixed_schedule=st.lists(SPANS, max_size=4).map(tuple),
    migrate=st.booleans(),
    network_ceilings=st.none()
    | st.dictionaries(
        IDS,
        st.builds(CeilingOverride, per_24_hours=st.none() | COUNTS, per_30_days=st.none() | COUNTS, because=WORDS),
        max_size=3,
    ),
)
ATTESTATIONS = st.builds(
    Attestation,
    by=WORDS,
    on=WORDS,
    expires=WORDS,
    previous_rules=WORDS,
    custom_schedule_empty=st.booleans(),
    emails_off=st.booleans(),
    subscription=WORDS,
    invoice=WORDS,
    other_dunning_off=st.booleans(),
)
INTEGRATIONS = st.builds(
    Integration,
    id=IDS,
    name=WORDS,
    company=IDS,
    environment=st.sampled_from(Environment),
    status=st.sampled_from(Status),
    description=WORDS,
    api_keys=st.builds(ApiKeys, type=st.sampled_from(KeyType), primary=REFS, fallback=REFS),
    webhook=st.builds(
        Webhook,
        managed_by=st.sampled_from(ManagedBy),
        url=WORDS,
        listen_to=st.sampled_from(ListenTo),
        signing_secret=st.none() | REFS,
    ),
    retry_policy=IDS,
    when_recovery_fails=st.builds(
        WhenRecoveryFails,
        subscription=st.sampled_from(SubscriptionAction),
        invoice=st.sampled_from(InvoiceAction),
        delay=SPANS,
        delay_from=st.sampled_from(DelayFrom),
    ),
    smart_retries=st.builds(
        SmartRetries, stop_stripe_retries=st.sampled_from(StopStripeRetries), attested=st.none() | ATTESTATIONS
    ),
    radar_allow_list_ip=st.none() | WORDS,
    take_over=st.booleans(),
    include_first_invoice=st.booleans(),
    drift_policy=WORDS,
)
CONFIGURATIONS = st.builds(
    Configuration,
    currencies=st.lists(WORDS, max_size=3).map(tuple),
    companies=st.dictionaries(
        IDS, st.builds(Company, id=IDS, name=WORDS, stripe_account=IDS, time_zone=WORDS), max_size=2
    ),
    integrations=st.dictionaries(IDS, INTEGRATIONS, max_size=2),
    retry_policies=st.dictionaries(IDS, POLICIES, max_size=2),
    guards=st.builds(
        Guards, max_certain_cancellations=COUNTS, max_webhook_deletes=COUNTS, impact_growth_percent=COUNTS
    ),
    brakes=st.builds(
        Brakes,
        attempts_per_minute=COUNTS,
        attempts_per_day=COUNTS,
        final_actions_per_hour=COUNTS,
        final_actions_per_day=COUNTS,
        take_over_percent_of_book_per_day=COUNTS,
        breaker=st.builds(
            Breaker,
            window=SPANS,
            min_attempts=COUNTS,
            open_when_errors_above_percent=COUNTS,
            half_open_after=SPANS,
        ),
    ),
)


@given(CONFIGURATIONS)
def test_round_trip_through_json(configuration):
    """Whatever was applied is what the daemon runs: through plain values and JSON text, nothing is lost or changed."""
    text = digest.canonical_json(configuration.to_plain())
    back = Configuration.from_plain(json.loads(text))
    assert back == configuration
    assert back.digest() == configuration.digest()


@given(CONFIGURATIONS, CONFIGURATIONS)
def test_the_digest_tells_configurations_apart(one, two):
    """Equal configurations have equal digests, different ones different digests."""
    assert (one.digest() == two.digest()) is (one == two)


def leaves(value, path=()):
    """Every field below a dataclass, with its path."""
    for field in fields(value):
        inner = getattr(value, field.name)
        yield (*path, field.name)
        if is_dataclass(inner) and not isinstance(inner, Span):
            yield from leaves(inner, (*path, field.name))


def test_the_plain_form_has_every_field():
    """No field of an integration is left out of what is stored and hashed."""
    plain = agreed.configuration().to_plain()["integrations"]["acme-us"]
    for path in leaves(agreed.integration()):
        at = plain
        for name in path:
            assert name in at, path
            at = at[name]


def test_the_order_of_maps_is_no_difference():
    """Companies named in another order are the same configuration with the same digest."""
    two = {name: Company(id=name, name=name, stripe_account=f"acct_{name}") for name in ("b", "a")}  # type: ignore[arg-type]
    one = agreed.configuration(companies=two)
    other = agreed.configuration(companies=dict(sorted(two.items())))
    assert one.digest() == other.digest()


def test_a_stored_form_of_an_earlier_version_takes_the_defaults():
    """Fields that did not exist when it was stored take their defaults."""
    plain = agreed.configuration().to_plain()
    del plain["brakes"]
    del plain["integrations"]["acme-us"]["drift_policy"]
    assert Configuration.from_plain(plain) == agreed.configuration()


@pytest.mark.parametrize("name", ["currencies", "companies", "integrations", "retry_policies"])
def test_a_stored_form_without_its_core_is_refused(name):
    """What has no default cannot be made up."""
    plain = agreed.configuration().to_plain()
    del plain[name]
    with pytest.raises(BrokenInvariant, match=name):
        Configuration.from_plain(plain)


@pytest.mark.parametrize(
    ("change", "value"),
    [("retry_policy", 5), ("environment", "production"), ("take_over", "yes"), ("take_over", 1), ("api_keys", None)],
)
def test_a_stored_form_of_the_wrong_shape_is_refused(change, value):
    """Nothing is guessed: a value of another type or an unknown word is a broken invariant."""
    plain = agreed.configuration().to_plain()
    plain["integrations"]["acme-us"][change] = value
    with pytest.raises(BrokenInvariant):
        Configuration.from_plain(plain)


def test_only_references_are_stored():
    """What is stored and hashed names where a key is, and nothing else of it."""
    keys = agreed.configuration().to_plain()["integrations"]["acme-us"]["api_keys"]
    assert keys["primary"] == {"source": "env", "name": "ACME_PRIMARY", "arguments": []}


def test_looking_up():
    """An integration leads to its company and its policy; one that is not there is a broken invariant."""
    configuration = agreed.configuration()
    integration = configuration.integration("acme-us")
    assert configuration.company_of(integration).stripe_account == agreed.ACCOUNT
    assert configuration.policy_of(integration) == agreed.policy()
    with pytest.raises(BrokenInvariant, match="nobody"):
        configuration.integration("nobody")


def test_a_changed_policy_changes_the_digest():
    """A millisecond of spacing is a difference."""
    changed = replace(agreed.policy(), minimum_spacing=Span(agreed.policy().minimum_spacing.ms + 1))
    assert agreed.configuration(retry_policies={"default": changed}).digest() != agreed.configuration().digest()
