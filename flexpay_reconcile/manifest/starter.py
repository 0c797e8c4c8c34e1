"""The manifest that `flexpay init` writes to start from. It loads without a fault; writes no file itself."""

from __future__ import annotations

SCHEMA_FILE = "schemas/manifest.v1.schema.json"
"""Where the starter looks for the published schema, relative to itself."""

_STARTER = """\
# yaml-language-server: $schema=@SCHEMA@
# What flexpay runs: `flexpay validate` checks it, `flexpay plan` shows what would change, `flexpay apply` makes it so.
version: 1
currencies: [USD]                      # a failed payment in another currency is recorded, never retried

companies:
  acme-us:
    name: Acme US
    stripe_account: acct_1AcmeUS       # yours: Dashboard, Settings, Account details
    time_zone: America/New_York        # for reports; instants are UTC everywhere

integrations:
  acme-us-sandbox:
    name: Acme US (sandbox)
    company: acme-us
    environment: sandbox               # live | sandbox; the keys must agree
    status: enabled                    # enabled | disabled
    description: FlexPay Webhook EndPoint
    api_keys:                          # references only: a key in this file is an error
      type: restricted                 # restricted (recommended) | standard
      primary: {env: ACME_US_STRIPE_PRIMARY}
      fallback: {env: ACME_US_STRIPE_FALLBACK}     # or {file: PATH}, {credential: NAME}
    webhook:
      managed_by: flexpay              # flexpay | manual (then signing_secret: {env: NAME})
      url: https://recovery.acme.example/webhooks/stripe/acme-us-sandbox
      listen_to: account
    smart_retries:
      stop_stripe_retries: per_invoice # per_invoice | no
      # Stripe has no API for its retry settings: switch them off by hand (`flexpay plan` lists the steps),
      # then say who looked and when.
      # attested: {by: you@acme.example, on: 2026-11-20, expires: 2027-05-20, previous_rules: "3, 5, 7 days",
      #            custom_schedule_empty: true, emails_off: true, other_dunning_off: true,
      #            subscription: leave_past_due, invoice: leave_past_due}
    radar_allow_list: no
    # radar_allow_list: {ip: 203.0.113.7}    # if you use Radar lists: the egress address of the daemon's host
    take_over: false
    retry_policy: default
    when_recovery_fails:
      # cancel_with_delay | cancel_with_delay_no_proration (with delay: {days: 0, hours: 0}: at once)
      # | cancel_at_period_end (taken back when the money comes first) | leave_as_is
      subscription: {action: leave_as_is}
      invoice: leave_as_is             # mark_uncollectible_when_subscription_cancels | leave_as_is

retry_policies:
  default:
    timing: even                       # even | fixed (then fixed_schedule: [{days: 3}, {days: 5}, {days: 7}])
    max_attempts: 8                    # our own attempts per invoice
    window: {days: 28}                 # from the first decline
    minimum_spacing: {hours: 24}
"""


def starter_manifest(*, schema: str = SCHEMA_FILE) -> str:
    """The text; `schema` is the path or URL of the schema that editors read."""
    return _STARTER.replace("@SCHEMA@", schema)
