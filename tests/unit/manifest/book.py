"""A sound manifest to break in one place, and the place a fault must name. Proves nothing by itself."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.manifest.load import Loaded, load
from flexpay_reconcile.values.diagnostic import Diagnostic

FILE = "flexpay.yaml"
MARK = "«"
"""Stands in a changed text just before the character that a fault must point at."""

SOUND = """\
version: 1
currencies: [USD, EUR]
companies:
  acme-us:
    name: Acme US
    stripe_account: acct_1AcmeUS
    time_zone: America/New_York
integrations:
  acme-us-live:
    name: Acme US
    company: acme-us
    environment: live
    status: enabled
    api_keys:
      type: restricted
      primary: {env: ACME_US_STRIPE_PRIMARY}
      fallback: {file: /run/secrets/acme_us_fallback}
    webhook:
      managed_by: flexpay
      url: https://recovery.acme.example/webhooks/stripe/acme-us-live
    radar_allow_list: no
    retry_policy: default
    when_recovery_fails:
      subscription: {action: cancel_with_delay}
      invoice: mark_uncollectible_when_subscription_cancels
retry_policies:
  default:
    max_attempts: 8
"""

SECOND_COMPANY = """\
  acme-eu:
    name: Acme EU
    stripe_account: acct_1AcmeEU
"""

SECOND_INTEGRATION = """\
  acme-us-two:
    name: Acme US, again
    company: acme-us
    environment: live
    status: disabled
    api_keys:
      type: restricted
      primary: {env: TWO_PRIMARY}
      fallback: {env: TWO_FALLBACK}
    webhook:
      managed_by: flexpay
      url: https://recovery.acme.example/webhooks/stripe/acme-us-two
    radar_allow_list: no
    retry_policy: default
    when_recovery_fails:
      subscription: {action: leave_as_is}
      invoice: leave_as_is
"""

TWO = SOUND.replace("integrations:\n", SECOND_COMPANY + "integrations:\n").replace(
    "retry_policies:\n", SECOND_INTEGRATION + "retry_policies:\n"
)
"""Two companies, two integrations; the second integration is disabled."""


def loaded(text: str, **options: Any) -> Loaded:
    """What comes of loading one file of this text."""
    return load([(FILE, text.encode())], **options)


def said(text: str, **options: bool) -> list[str]:
    """`line:column code` of every diagnostic."""
    return [f"{d.place.line}:{d.place.column} {d.code}" for d in loaded(text, **options).diagnostics if d.place]


def printed(text: str) -> str:
    """Everything the diagnostics of a text would show to anybody."""
    return "\n".join(f"{d.text()} {d.path}" for d in loaded(text).diagnostics)


def swapped(old: str, new: str, *, base: str = SOUND) -> tuple[str, str]:
    """`base` with its only `old` replaced, without the mark; and `line:column` of the mark."""
    if base.count(old) != 1:
        raise ValueError(f"{old!r} stands {base.count(old)} times in the base")
    marked = base.replace(old, new)
    before, _, after = marked.partition(MARK)
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return before + after, f"{line}:{column}"


def expect(code: str, old: str, new: str, *, base: str = SOUND, **options: bool) -> None:
    """The change makes exactly this fault, at the mark, and nothing else is said."""
    text, where = swapped(old, new, base=base)
    found = said(text, **options)
    if found != [f"{where} {code}"]:
        raise AssertionError(f"expected [{where} {code}], got {found}\n{printed(text)}")


def accept(old: str, new: str, *, base: str = SOUND, **options: bool) -> Configuration:
    """The change makes a manifest without any diagnostic; the configuration it loads to."""
    text, _ = swapped(old, new, base=base)
    result = loaded(text, **options)
    if result.configuration is None or result.diagnostics:
        raise AssertionError(printed(text))
    return result.configuration


def configured(result: Loaded) -> Configuration:
    """The configuration, which must be there."""
    if result.configuration is None:
        raise AssertionError("\n".join(each.text() for each in result.diagnostics))
    return result.configuration


def at(fault: Diagnostic) -> str:
    """`line:column` of a diagnostic, which must have a place."""
    if fault.place is None:
        raise AssertionError(fault.text())
    return f"{fault.place.line}:{fault.place.column}"


def file_of(fault: Diagnostic) -> str:
    """The file a diagnostic points into; empty without a place."""
    return fault.place.file if fault.place else ""
