"""Rules of companies and currencies that a schema cannot say. Knows nothing of integrations."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from flexpay_reconcile.manifest.faults import Path, error, show
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values import currency
from flexpay_reconcile.values.diagnostic import Diagnostic
from flexpay_reconcile.values.instant import zone_exists


def company_rules(tree: Tree) -> Iterator[Diagnostic]:
    """One company per Stripe account; time zones that exist."""
    seen: dict[str, str] = {}
    for company, _ in tree.maps("companies"):
        path: Path = ("companies", company, "stripe_account")
        account = tree.text(*path)
        if account is not None:
            if account in seen:
                message = f"{company} and {seen[account]} are on one Stripe account, {show(account)}"
                yield error(
                    "E-account-shared",
                    message,
                    place=tree.place(path),
                    path=path,
                    hint="one company per Stripe account",
                )
            seen.setdefault(account, company)
        yield from time_zone_rule(tree, ("companies", company, "time_zone"))


def time_zone_rule(tree: Tree, path: Path) -> Iterator[Diagnostic]:
    """The IANA time zone at a path must exist."""
    zone = tree.text(*path)
    if zone and not _exists(zone):
        yield error(
            "E-time-zone",
            f"{show(zone)} is no time zone of the IANA tz database",
            place=tree.place(path),
            path=path,
            hint="use a name such as America/New_York, Europe/Berlin or UTC",
        )


def currency_rules(tree: Tree) -> Iterator[Diagnostic]:
    """Each currency once, and one that Stripe charges in. A code of another form is the schema's to report."""
    seen: set[str] = set()
    for position, code in enumerate(tree.items("currencies")):
        if not isinstance(code, str):
            continue
        path: Path = ("currencies", position)
        if code in seen:
            yield error(
                "E-currency-duplicate",
                f"{show(code)} is listed twice",
                place=tree.place(path),
                path=path,
                hint="delete one",
            )
        elif len(code) == 3 and code.isascii() and code.isupper() and code.isalpha() and not currency.is_known(code):
            yield error(
                "E-currency-unknown",
                f"{show(code)} is no currency Stripe charges in",
                place=tree.place(path),
                path=path,
                hint="use an ISO 4217 code",
            )
        seen.add(code)


# The tz database is looked through anew at each question; manifests ask for the same few zones many times.
_exists = functools.lru_cache(maxsize=512)(zone_exists)
