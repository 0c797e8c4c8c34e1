"""Loading as a whole: many faults at once, many files as one, and what comes out."""

from __future__ import annotations

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import SubscriptionAction
from flexpay_reconcile.config.policy import CeilingOverride, QuietHours
from flexpay_reconcile.manifest.load import MOST_OF_A_KIND, load
from flexpay_reconcile.values.diagnostic import Place
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef, SecretSource
from tests.unit.manifest.book import FILE, SOUND, TWO, accept, file_of, loaded, printed, said, swapped

TEN_FAULTS = """\
version: 2
currencies: [USD, ZZQ]
companies:
  acme:
    name: [Acme]
    stripe_account: acct_1Acme
    time_zone: Mars/Olympus
integrations:
  acme-live:
    nmae: Acme
    company: acmee
    environment: production
    status: enabled
    name: Acme
    name: Acme again
    api_keys:
      type: restricted
      primary: {env: KEY}
      fallback: {env: KEY}
    webhook:
      managed_by: flexpay
      url: https://acme.example/hook
      listen_to: &scope account
    radar_allow_list: no
    retry_policy: default
    when_recovery_fails:
      subscription: {action: leave_as_is, delay: {days: 0}}
      invoice: leave_as_is
retry_policies:
  default:
    timing: learned
    max_attempts: 007
    minimum_spacing: {minutes: 5}
"""


def test_ten_faults_of_ten_kinds_come_in_one_run():
    """Faults of grammar, schema, rules and unbuilt fields hide none of each other, each at its line and column."""
    assert said(TEN_FAULTS) == [
        "1:10 E-version",
        "2:19 E-currency-unknown",
        "5:11 E-type",
        "7:16 E-time-zone",
        "10:5 E-unknown-key",
        "11:14 E-company-unknown",
        "12:18 E-choice",
        "15:5 E-yaml-duplicate-key",
        "19:7 E-key-reference-same",
        "23:18 E-yaml-anchor",
        "27:43 E-delay-without-action",
        "31:13 E-not-built",
        "32:19 E-yaml-number",
        "33:5 E-spacing",
    ]
    assert loaded(TEN_FAULTS).configuration is None
    assert f"{FILE}:10:5: error[E-unknown-key]: acme-live has no key 'nmae'\n    hint: did you mean name?" in printed(
        TEN_FAULTS
    )


def test_a_sound_manifest_becomes_a_configuration():
    """What is written is decoded, what is not takes the defaults of the configuration's types."""
    result = loaded(SOUND)
    assert result.diagnostics == ()
    configuration = result.configuration
    assert isinstance(configuration, Configuration)
    integration = configuration.integrations["acme-us-live"]
    assert integration.api_keys.fallback == SecretRef(source=SecretSource.FILE, name="/run/secrets/acme_us_fallback")
    assert integration.when_recovery_fails.subscription is SubscriptionAction.CANCEL_WITH_DELAY
    assert integration.when_recovery_fails.delay == Span(0)
    assert configuration.policy_of(integration).window == Span.of(days=28)
    assert configuration.company_of(integration).time_zone == "America/New_York"
    assert configuration.currencies == ("USD", "EUR")
    assert Configuration.from_plain(configuration.to_plain()) == configuration


def test_every_optional_field_is_decoded():
    """Quiet hours, schedules, ceilings, brakes and attestations arrive in the configuration."""
    policy = (
        "    max_attempts: 3\n    timing: fixed\n    window: {days: 20}\n    minimum_spacing: {hours: 2, minutes: 30}\n"
        "    fixed_schedule: [{days: 3}, {days: 5}, {days: 7}]\n"
        '    quiet_hours: {from: "22:00", to: "07:05", time_zone: Europe/Berlin}\n'
        '    network_ceilings: {visa: {per_30_days: 18, because: "finance, 2026-11-20"}, mastercard: {per_24_hours: 1}}\n'
        "    migrate: true\n"
        "guards: {max_certain_cancellations: 50, max_webhook_deletes: 2, impact_growth_percent: 10}\n"
        "brakes:\n  attempts: {per_minute: 6, per_day: 60}\n  final_actions: {per_hour: 5, per_day: 20}\n"
        "  take_over: {percent_of_book_per_day: 10}\n"
        "  breaker: {window: {minutes: 10}, min_attempts: 3, open_when_errors_above_percent: 5, half_open_after: {hours: 1}}\n"
    )
    configuration = accept("    max_attempts: 8\n", policy)
    found = configuration.retry_policies["default"]
    assert found.fixed_schedule == (Span.of(days=3), Span.of(days=5), Span.of(days=7))
    assert found.quiet_hours == QuietHours(from_minute=1320, to_minute=425, time_zone="Europe/Berlin")
    assert found.minimum_spacing == Span.of(hours=2, minutes=30)
    assert found.migrate is True
    assert found.network_ceilings == {
        "visa": CeilingOverride(per_30_days=18, because="finance, 2026-11-20"),
        "mastercard": CeilingOverride(per_24_hours=1),
    }
    assert configuration.guards.max_webhook_deletes == 2
    assert (configuration.brakes.attempts_per_minute, configuration.brakes.final_actions_per_day) == (6, 20)
    assert configuration.brakes.breaker.half_open_after == Span.of(hours=1)


def test_secrets_by_command_only_where_allowed():
    """A command is decoded with its arguments where the caller allows it."""
    old, new = "primary: {env: ACME_US_STRIPE_PRIMARY}", "primary: {command: [vault, read, acme]}"
    primary = accept(old, new, allow_secret_commands=True).integrations["acme-us-live"].api_keys.primary
    assert primary == SecretRef(source=SecretSource.COMMAND, name="vault", arguments=("read", "acme"))


def test_places_lead_from_paths_to_lines():
    """A dotted path leads to the value's place, of a map to its key's."""
    places = loaded(SOUND).places
    assert places["integrations.acme-us-live.api_keys.primary"] == Place(file=FILE, line=16, column=7)
    assert places["integrations.acme-us-live.status"] == Place(file=FILE, line=13, column=13)
    assert places["currencies.1"] == Place(file=FILE, line=2, column=19)


def test_the_digest_is_of_the_meaning_not_of_the_text():
    """Comments and order do not change the digest, a value does, and without a configuration there is none."""
    base = loaded(SOUND).digest
    assert len(base) == 64
    assert loaded("# a comment\n" + SOUND).digest == base
    assert loaded(SOUND.replace("max_attempts: 8", "max_attempts: 7")).digest != base
    assert loaded(TEN_FAULTS).digest == ""


def test_several_files_make_one_manifest():
    """Sections come together from several files, and a fault names the file it is in."""
    head, tail = TWO.split("integrations:\n")
    files = [
        ("a.yaml", head.encode()),
        ("b.yaml", f"version: 1\nintegrations:\n{tail}".encode()),
        ("c.yaml", b"# none\n"),
    ]
    result = load(files)
    assert result.diagnostics == ()
    assert result.configuration == loaded(TWO).configuration
    assert result.places["integrations.acme-us-two"].file == "b.yaml"
    broken = load([files[0], ("b.yaml", files[1][1].replace(b"environment: live", b"environment: prod", 1))])
    assert [(file_of(d), d.code) for d in broken.diagnostics] == [("b.yaml", "E-choice")]


def test_a_key_in_two_files_is_a_fault_that_names_both():
    """The same company, or the same list, in two files is refused with both places."""
    other = b"version: 1\ncurrencies: [EUR]\ncompanies:\n  acme-us: {name: X, stripe_account: acct_2}\n"
    result = load([(FILE, SOUND.encode()), ("other.yaml", other)])
    assert [d.text() for d in result.diagnostics] == [
        "other.yaml:2:1: error[E-file-duplicate]: 'currencies' stands in two files: here, and in flexpay.yaml:2:1\n    hint: keep one",
        "other.yaml:4:3: error[E-file-duplicate]: 'acme-us' stands in two files: here, and in flexpay.yaml:4:3\n    hint: keep one",
    ]


def test_two_versions_are_a_fault():
    """`version` may stand in every file, but only once in two values."""
    result = load([(FILE, SOUND.encode()), ("b.yaml", b"version: 2\n")])
    assert [d.code for d in result.diagnostics] == ["E-file-duplicate"]


def test_an_unreadable_file_does_not_make_others_incomplete():
    """Where one file cannot be parsed, what it may hold is not called missing or unknown."""
    companies = SOUND.index("companies:"), SOUND.index("integrations:")
    rest = SOUND[: companies[0]] + SOUND[companies[1] :]
    result = load([("companies.yaml", b"companies: ["), (FILE, rest.encode())])
    assert [(file_of(d), d.code) for d in result.diagnostics] == [("companies.yaml", "E-yaml-syntax")]
    assert result.configuration is None


def test_nothing_is_no_manifest():
    """Empty input of any kind is one clear fault."""
    assert [d.code for d in load([]).diagnostics] == ["E-manifest-empty"]
    assert said("") == ["1:1 E-manifest-empty"]
    assert said("# only\n") == ["1:1 E-manifest-empty"]
    assert said("- a\n- b\n") == ["1:1 E-type"]
    assert said("just text\n") == ["1:1 E-type"]
    assert [d.code for d in load([("a", b"x"), ("b", b"[1]")]).diagnostics] == ["E-type", "E-type"]


def test_many_faults_of_one_kind_are_counted_not_listed():
    """A thousand equal faults are a screenful and a number."""
    text = SOUND + "".join(f"k{n:04}: 1\n" for n in range(1000))
    found = loaded(text).diagnostics
    assert len(found) == MOST_OF_A_KIND + 1
    assert found[-1].message == f"and {1000 - MOST_OF_A_KIND} more of this kind in this file"


def test_a_warning_alone_stops_nothing():
    """Warnings are reported beside a configuration."""
    text, _ = swapped("type: restricted", "type: standard")
    result = loaded(text)
    assert result.configuration is not None
    assert [d.code for d in result.diagnostics] == ["W-key-standard"]
