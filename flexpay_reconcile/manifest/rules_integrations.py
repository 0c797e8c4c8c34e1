"""Rules of integrations that a schema cannot say: who they point at, what excludes what. Resolves no secret."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.manifest.faults import Path, error, show, warning
from flexpay_reconcile.manifest.suggest import did_you_mean
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic
from flexpay_reconcile.values.instant import Instant

_HOSTED_ADDRESS = "13.65.95.109"  # the hosted product's, named in its guide
_LEAVES_NOTHING_TO_DELAY = frozenset({"leave_as_is", "cancel_at_period_end"})


def integration_rules(tree: Tree, *, whole: bool) -> Iterator[Diagnostic]:
    """All rules of each integration, and those between integrations.

    Without the `whole` manifest nothing is called unknown.
    """
    claimed: dict[tuple[str, str], str] = {}
    for integration, _ in tree.maps("integrations"):
        here: Path = ("integrations", integration)
        if whole:
            yield from _known(tree, (*here, "company"), "companies", "E-company-unknown")
            yield from _known(tree, (*here, "retry_policy"), "retry_policies", "E-policy-unknown")
        yield from _final_actions(tree, here)
        yield from _take_over(tree, here)
        yield from _connected(tree, here, claimed)
        yield from _allow_list(tree, here)
        yield from _attestation(tree, here)
    yield from _one_enabled(tree)


def _known(tree: Tree, path: Path, section: str, code: str) -> Iterator[Diagnostic]:
    wanted = tree.text(*path)
    if wanted is None:
        return
    known = tree.get(section)
    names = list(known) if isinstance(known, dict) else []
    if wanted not in names:
        hint = did_you_mean(wanted, names) or (
            f"there is {', '.join(sorted(names)[:5])}" if names else f"{section} is empty"
        )
        yield error(code, f"there is no {show(wanted)} in {section}", place=tree.place(path), path=path, hint=hint)


def _final_actions(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    subscription = (*here, "when_recovery_fails", "subscription")
    action = tree.text(*subscription, "action")
    if action in _LEAVES_NOTHING_TO_DELAY:
        for key in ("delay", "delay_from"):
            path = (*subscription, key)
            if tree.has(*path):
                message = f"{key} says nothing with action {action}"
                hint = "delete it, or use cancel_with_delay or cancel_with_delay_no_proration"
                yield error("E-delay-without-action", message, place=tree.key_place(path), path=path, hint=hint)
    invoice = (*here, "when_recovery_fails", "invoice")
    if action == "leave_as_is" and tree.text(*invoice) == "mark_uncollectible_when_subscription_cancels":
        yield warning(
            "W-mark-without-cancel",
            "no subscription is cancelled here, so an invoice is marked only where somebody else cancelled before",
            place=tree.place(invoice),
            path=invoice,
            hint="use leave_as_is, or a cancelling action for the subscription",
        )


def _take_over(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    path = (*here, "take_over")
    if tree.get(*path) is True and tree.get(*here, "webhook", "listen_to") == "connected_accounts":
        message = "existing invoices of connected accounts cannot be taken over"
        yield error("E-take-over-connected", message, place=tree.place(path), path=path, hint="write false")


def _connected(tree: Tree, here: Path, claimed: dict[tuple[str, str], str]) -> Iterator[Diagnostic]:
    """Which connected accounts: none of the companies' own, and none that another integration acts for."""
    path = (*here, "webhook", "connected_accounts")
    if not tree.has(*path):
        return
    if tree.get(*here, "webhook", "listen_to") != "connected_accounts":
        message = "connected_accounts says nothing where the endpoint listens to the account itself"
        hint = "write listen_to: connected_accounts, or delete it"
        yield error("E-connected-without-scope", message, place=tree.key_place(path), path=path, hint=hint)
        return
    listed = tree.get(*path)
    own = {tree.text("companies", company, "stripe_account"): company for company, _ in tree.maps("companies")}
    for at, account in enumerate(listed if isinstance(listed, list) else ()):
        place, spot = tree.place((*path, at)), (*path, at)
        if account in own:
            message = f"{show(account)} is the account of the company {own[account]}, with integrations of its own"
            hint = "delete it here; an integration of that company recovers its payments"
            yield error("E-connected-own", message, place=place, path=spot, hint=hint)
        if tree.get(*here, "status") != "enabled" or not isinstance(account, str):
            continue
        other = claimed.setdefault((account, str(tree.text(*here, "environment"))), str(here[1]))
        if other != here[1]:
            message = f"{here[1]} and {other} both act for {show(account)}: both would charge"
            yield error("E-integration-overlap", message, place=place, path=spot, hint="name it in one of them")


def _allow_list(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    path = (*here, "radar_allow_list", "ip")
    address = tree.text(*path)
    if not address:
        return
    try:
        ip_address(address)
    except ValueError:
        yield error(
            "E-ip",
            f"{show(address)} is no IP address",
            place=tree.place(path),
            path=path,
            hint="write one such as 203.0.113.7",
        )
        return
    if address == _HOSTED_ADDRESS:
        yield warning(
            "W-ip-hosted",
            "this is the address of the hosted product, not of your daemon's host",
            place=tree.place(path),
            path=path,
            hint="write the egress address of the host the daemon runs on",
        )


def _attestation(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    """Dates of the calendar, in order; and settings that are not as recovery needs them."""
    attested = (*here, "smart_retries", "attested")
    dates = {}
    for key in ("on", "expires"):
        text = tree.text(*attested, key)
        if text is None or len(text) != 10:
            continue
        try:
            dates[key] = Instant.from_text(f"{text}T00:00:00Z")
        except OperatorError:
            path = (*attested, key)
            yield error(
                "E-date", f"{show(text)} is no date", place=tree.place(path), path=path, hint="write it like 2026-11-20"
            )
    if "on" in dates and "expires" in dates and dates["expires"] <= dates["on"]:
        path = (*attested, "expires")
        yield error("E-date-order", "the attestation expires before it is made", place=tree.place(path), path=path)
    for key, wanted in (
        ("custom_schedule_empty", True),
        ("emails_off", True),
        ("subscription", "leave_past_due"),
        ("invoice", "leave_past_due"),
        ("other_dunning_off", True),
    ):
        path = (*attested, key)
        found = tree.get(*path)
        if type(found) is type(wanted) and found != wanted:
            message = f"{key} is attested as {show(found)}; recovery needs {show(wanted)}"
            hint = "change the setting in the Stripe Dashboard (Billing, Subscriptions and emails), then attest it"
            yield warning("W-attestation", message, place=tree.place(path), path=path, hint=hint)


def _one_enabled(tree: Tree) -> Iterator[Diagnostic]:
    """Two engines on the same invoices would both charge."""
    seen: dict[tuple[str, str, str], str] = {}
    for integration, _ in tree.maps("integrations"):
        here: Path = ("integrations", integration)
        company = tree.text(*here, "company")
        account = tree.text("companies", company, "stripe_account") if company is not None else None
        environment = tree.text(*here, "environment")
        if tree.get(*here, "status") != "enabled" or account is None or environment is None:
            continue
        scope = tree.text(*here, "webhook", "listen_to") or "account"
        other = seen.setdefault((account, scope, environment), integration)
        if other != integration:
            where = f"{scope} of {show(account)}, {environment}"
            message = f"{integration} and {other} are both enabled for {where}: both would charge"
            yield error("E-integration-overlap", message, place=tree.key_place(here), path=here, hint="disable one")
