"""Rules beyond the schema, each broken once at its exact place and kept once."""

from __future__ import annotations

import pytest

from tests.unit.manifest.book import SECOND_INTEGRATION, TWO, accept, expect, loaded, printed, said, swapped

POLICY = "    max_attempts: 8\n"
KEYS = "    api_keys:\n"
ALLOW = "    radar_allow_list: no\n"
FINAL = "      subscription: {action: cancel_with_delay}\n"
ATTEST = (
    "    smart_retries: {attested: {by: b, on: 2026-11-20, expires: 2027-05-20, previous_rules: '', custom_schedule_empty: true, "
    "emails_off: true, subscription: leave_past_due, invoice: leave_past_due, other_dunning_off: true}}\n"
)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("E-currency-unknown", "[USD, EUR]", "[USD, «ZZQ]"),
        ("E-currency-duplicate", "[USD, EUR]", "[USD, EUR, «USD]"),
        ("E-time-zone", "time_zone: America/New_York", "time_zone: «America/Gotham"),
        ("E-company-unknown", "company: acme-us\n", "company: «acme\n"),
        ("E-policy-unknown", "retry_policy: default", "retry_policy: «defualt"),
        ("E-ip", ALLOW, "    radar_allow_list: {ip: «203.0.113.777}\n"),
        ("W-ip-hosted", ALLOW, "    radar_allow_list: {ip: «13.65.95.109}\n"),
        ("W-key-standard", "type: restricted", "type: «standard"),
        (
            "W-mark-without-cancel",
            "{action: cancel_with_delay}\n      invoice: mark",
            "{action: leave_as_is}\n      invoice: «mark",
        ),
        (
            "E-delay-without-action",
            FINAL + "      invoice: mark_uncollectible_when_subscription_cancels",
            "      subscription: {action: leave_as_is, «delay: {days: 0}}\n      invoice: leave_as_is",
        ),
        (
            "E-delay-without-action",
            FINAL + "      invoice: mark_uncollectible_when_subscription_cancels",
            "      subscription: {action: leave_as_is, «delay_from: hard_decline}\n      invoice: leave_as_is",
        ),
        ("E-date", ALLOW, ALLOW + ATTEST.replace("2026-11-20", "«2026-02-30")),
        ("E-date-order", ALLOW, ALLOW + ATTEST.replace("2027-05-20", "«2026-11-20")),
        ("W-attestation", ALLOW, ALLOW + ATTEST.replace("emails_off: true", "emails_off: «false")),
        ("W-attestation", ALLOW, ALLOW + ATTEST.replace("subscription: leave_past_due", "subscription: «cancel")),
        (
            "E-key-reference-same",
            "fallback: {file: /run/secrets/acme_us_fallback}",
            "«fallback: {env: ACME_US_STRIPE_PRIMARY}",
        ),
        ("E-secret-command", "primary: {env: ACME_US_STRIPE_PRIMARY}", "primary: {«command: [cat, x]}"),
        ("E-webhook-secret-missing", "managed_by: flexpay", "managed_by: «manual"),
        ("E-url", "url: https://recovery.acme.example", "url: «recovery.acme.example"),
        ("E-url", "url: https://recovery.acme.example", "url: «ftp://recovery.acme.example"),
        ("E-url", "url: https://recovery.acme.example", "url: «https://"),
        ("E-url-credentials", "url: https://recovery.acme.example", "url: «https://me:hunter2@recovery.acme.example"),
        ("E-url-fragment", "stripe/acme-us-live", "stripe/acme-us-live#top"),
        ("E-url-insecure", "url: https://recovery.acme.example", "url: «http://recovery.acme.example"),
        ("E-spacing", POLICY, POLICY + "    «minimum_spacing: {minutes: 59}\n"),
        ("E-window", POLICY, "    max_attempts: 1\n    minimum_spacing: {hours: 1}\n    «window: {days: 91}\n"),
        ("E-policy-fit", POLICY, "    max_attempts: «29\n"),
        ("E-policy-fit", POLICY, "    «minimum_spacing: {days: 4}\n"),
        ("E-policy-fit", POLICY, "    «window: {days: 7}\n"),
        (
            "E-policy-fit",
            POLICY,
            "    timing: fixed\n    window: {days: 7}\n    fixed_schedule: [{days: 3}, «{days: 5}]\n",
        ),
        ("E-schedule-missing", POLICY, "    timing: «fixed\n"),
        ("E-schedule-unused", POLICY, POLICY + "    «fixed_schedule: [{days: 3}]\n"),
        ("E-schedule-unused", POLICY, "    timing: even\n    «fixed_schedule: [{days: 3}]\n"),
        ("E-schedule-spacing", POLICY, "    timing: fixed\n    fixed_schedule: [{days: 3}, «{hours: 23}]\n"),
        (
            "E-schedule-attempts",
            POLICY,
            "    timing: fixed\n    max_attempts: 1\n    «fixed_schedule: [{days: 3}, {days: 5}]\n",
        ),
        ("E-quiet-hours", POLICY, POLICY + "    quiet_hours: {from: 22:00, to: «22:00, time_zone: UTC}\n"),
        ("E-time-zone", POLICY, POLICY + "    quiet_hours: {from: 22:00, to: 07:00, time_zone: «Utopia}\n"),
        (
            "E-ceiling-network",
            POLICY,
            POLICY + "    network_ceilings: {visa: {per_30_days: «21, because: we like it}}\n",
        ),
        (
            "E-ceiling-network",
            POLICY,
            POLICY + "    network_ceilings: {mastercard: {per_24_hours: «11, because: we like it}}\n",
        ),
        (
            "E-ceiling-network",
            POLICY,
            POLICY + "    network_ceilings: {mastercard: {per_30_days: «36, because: we like it}}\n",
        ),
        (
            "E-ceiling-network",
            POLICY,
            POLICY + "    network_ceilings: {amex: {per_30_days: «9, because: we like it}}\n",
        ),
        ("E-ceiling-because", POLICY, POLICY + "    network_ceilings: {visa: {per_30_days: «16}}\n"),
        ("E-ceiling-because", POLICY, POLICY + "    network_ceilings: {visa: {per_24_hours: «3, because: ' '}}\n"),
        ("E-ceiling-because", POLICY, POLICY + "    network_ceilings: {mastercard: {per_24_hours: «3}}\n"),
        ("E-ceiling-empty", POLICY, POLICY + "    network_ceilings: {«visa: {because: we like it}}\n"),
    ],
)
def test_a_broken_rule_is_told_at_its_place(code, old, new):
    """One change, one diagnostic of that code, exactly there."""
    if "«" in new:
        expect(code, old, new)
    else:
        text, _ = swapped(old, new)
        assert [each.split()[1] for each in said(text)] == [code]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[USD, EUR]", "[USD, EUR, JPY, KWD, ISK]"),
        ("time_zone: America/New_York", "time_zone: UTC"),
        (ALLOW, "    radar_allow_list: {ip: '2001:db8::7'}\n"),
        (ALLOW, ALLOW + ATTEST),
        (ALLOW, ALLOW + "    smart_retries: {stop_stripe_retries: no}\n"),
        (ALLOW, ALLOW + "    include_first_invoice: true\n    take_over: false\n    drift_policy: warn\n"),
        (
            FINAL,
            "      subscription: {action: cancel_with_delay_no_proration, delay: {days: 0, hours: 0}, delay_from: hard_decline}\n",
        ),
        (
            FINAL + "      invoice: mark_uncollectible_when_subscription_cancels",
            "      subscription: {action: leave_as_is}\n      invoice: leave_as_is",
        ),
        ("managed_by: flexpay", "managed_by: manual\n      signing_secret: {credential: acme-whsec}"),
        ("managed_by: flexpay", "managed_by: flexpay\n      signing_secret: {credential: acme-whsec}"),
        ("environment: live", "environment: sandbox"),
        ("status: enabled", "status: disabled"),
        ("fallback: {file: /run/secrets/acme_us_fallback}", "fallback: {credential: acme_us_fallback}"),
        (POLICY, "    max_attempts: 28\n"),
        (POLICY, "    {}\n"),
        (POLICY, "    minimum_spacing: {hours: 1}\n    window: {hours: 8}\n"),
        (POLICY, "    timing: fixed\n    fixed_schedule: [{days: 3}, {days: 5}, {days: 7}]\n    window: {days: 15}\n"),
        (POLICY, "    timing: fixed\n    fixed_schedule: [{days: 1}, {days: 1}]\n    window: {days: 2}\n"),
        (POLICY, POLICY + "    quiet_hours: {from: 22:00, to: 07:00, time_zone: Europe/Berlin}\n"),
        (
            POLICY,
            POLICY
            + "    network_ceilings: {visa: {per_30_days: 20, per_24_hours: 3, because: agreed}, amex: {per_30_days: 8}, other: {per_24_hours: 1}}\n",
        ),
        (POLICY, POLICY + "    network_ceilings: {mastercard: {per_24_hours: 10, per_30_days: 35, because: agreed}}\n"),
        (POLICY, POLICY + "    network_ceilings: {visa: {per_30_days: 1}}\n"),
    ],
)
def test_a_kept_rule_says_nothing(old, new):
    """At its border and well inside it, a rule is silent."""
    accept(old, new)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("E-account-shared", "stripe_account: acct_1AcmeEU", "stripe_account: «acct_1AcmeUS"),
        ("E-integration-overlap", "  acme-us-two:\n", "  «acme-us-two:\n"),
        (
            "E-webhook-url-shared",
            "url: https://recovery.acme.example/webhooks/stripe/acme-us-two",
            "url: «https://recovery.acme.example/webhooks/stripe/acme-us-live",
        ),
        (
            "E-key-reference-shared",
            "    company: acme-us\n    environment: live\n    status: disabled\n    api_keys:\n      type: restricted\n      primary: {env: TWO_PRIMARY}",
            "    company: acme-us\n    environment: sandbox\n    status: disabled\n    api_keys:\n      type: restricted\n      «primary: {env: ACME_US_STRIPE_PRIMARY}",
        ),
    ],
)
def test_rules_between_two_entries(code, old, new):
    """What two companies or two integrations may not share is told at the second."""
    base = TWO.replace("status: disabled", "status: enabled") if code == "E-integration-overlap" else TWO
    expect(code, old, new, base=base)


def test_two_integrations_may_differ_in_one_thing():
    """Another environment, another account or a disabled status is enough to stand side by side."""
    accept("status: disabled", "status: disabled", base=TWO)
    accept("    environment: live\n    status: disabled", "    environment: sandbox\n    status: enabled", base=TWO)
    accept(
        "    company: acme-us\n    environment: live\n    status: disabled",
        "    company: acme-eu\n    environment: live\n    status: enabled",
        base=TWO,
    )
    accept("primary: {env: TWO_PRIMARY}", "primary: {env: ACME_US_STRIPE_PRIMARY}", base=TWO)


def test_an_overlap_through_two_companies_on_one_account_is_seen():
    """The account counts, not the company's id."""
    base = TWO.replace("acct_1AcmeEU", "acct_1AcmeUS").replace(
        SECOND_INTEGRATION,
        SECOND_INTEGRATION.replace("company: acme-us", "company: acme-eu").replace("disabled", "enabled"),
    )
    assert [each.split()[1] for each in said(base)] == ["E-account-shared", "E-integration-overlap"]


def test_a_url_with_a_password_is_not_shown():
    """Neither user nor password of a URL reaches a message."""
    text, _ = swapped("url: https://recovery", "url: https://me:hunter2@recovery")
    assert "hunter2" not in printed(text)


def test_rules_speak_where_the_schema_complains_elsewhere():
    """A misspelt status hides neither the unknown company nor the policy that cannot fit."""
    text, _ = swapped("status: enabled", "status: enabeld")
    text = text.replace("company: acme-us\n", "company: nobody\n").replace("max_attempts: 8", "max_attempts: 30")
    assert [each.split()[1] for each in said(text)] == ["E-company-unknown", "E-choice", "E-policy-fit"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: enabled", "status: «released"),
        (ALLOW, ALLOW + "    «release: {restore_auto_advance: true}\n"),
        (ALLOW, ALLOW + "    «notify: {url: https://acme.example/h, signing_secret: {env: H}}\n"),
        (POLICY, "    timing: «learned\n"),
        (POLICY, POLICY + "    «holdout: {percent: 10, timing: even}\n"),
        (POLICY, POLICY + "    quiet_hours: {from: 22:00, to: 07:00, time_zone: «customer}\n"),
        (POLICY, POLICY + "«overlays: {}\n"),
        (POLICY, POLICY + "«moved: []\n"),
        (POLICY, POLICY + "«removed: {}\n"),
    ],
)
def test_what_is_not_built_is_refused_in_words(old, new):
    """A field without an engine is never accepted and ignored: it is refused at its place, and the message says why."""
    expect("E-not-built", old, new)
    text, _ = swapped(old, new)
    assert "is not built yet" in printed(text)


def test_take_over_of_connected_accounts_has_its_own_rule():
    """The guide's own exclusion is told (E11)."""
    text, _ = swapped("managed_by: flexpay", "managed_by: flexpay\n      listen_to: connected_accounts")
    text = text.replace(ALLOW, ALLOW + "    take_over: true\n")
    assert [each.split()[1] for each in said(text)] == ["E-take-over-connected"]


@pytest.mark.parametrize(
    "which", ["", "\n      connected_accounts: all", "\n      connected_accounts: [acct_1, acct_2]"]
)
def test_connected_accounts_are_listened_to(which):
    """All of them, or those that are listed, sorted; the order of the list means nothing."""
    text, _ = swapped("managed_by: flexpay", f"managed_by: flexpay\n      listen_to: connected_accounts{which}")
    configuration = loaded(text).configuration
    assert configuration is not None
    (integration,) = configuration.integrations.values()
    assert integration.webhook.listen_to.value == "connected_accounts"
    assert list(integration.webhook.connected_accounts) == (["acct_1", "acct_2"] if "[" in which else [])


def test_a_list_of_accounts_needs_the_scope():
    """Listing connected accounts where the endpoint listens to the account itself would be ignored: refused."""
    expect(
        "E-connected-without-scope", "managed_by: flexpay", "managed_by: flexpay\n      «connected_accounts: [acct_1]"
    )


def test_a_company_of_its_own_is_no_connected_account():
    """An account with a company in this manifest has integrations of its own; two engines would both charge."""
    new = "managed_by: flexpay\n      listen_to: connected_accounts\n      connected_accounts: [acct_9, «acct_1AcmeUS]"
    expect("E-connected-own", "managed_by: flexpay", new)


def test_commands_are_accepted_where_allowed():
    """The caller's permission, and nothing in the manifest, lets a command stand."""
    text, _ = swapped("primary: {env: ACME_US_STRIPE_PRIMARY}", "primary: {command: [cat, x]}")
    assert loaded(text, allow_secret_commands=True).configuration is not None
