"""From two keys to a manifest: whose account it is, which endpoints of ours it has, which currencies it charges.

Changes nothing, at Stripe or here: GETs only (invariant E1). What cannot be known becomes a comment, never a guess;
an endpoint that exists is adopted, never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus, WebhookEndpoint
from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import (
    Integration,
    InvoiceAction,
    ListenTo,
    ManagedBy,
    Status,
    SubscriptionAction,
    Webhook,
    WhenRecoveryFails,
)
from flexpay_reconcile.config.keys import ApiKeys, Environment
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError
from flexpay_reconcile.ports.account_reader import AccountReader, AccountReaderFor
from flexpay_reconcile.ports.book_reader import BookReader, BookReaderFor
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import SecretRef, SecretSource

UNKNOWN_ACCOUNT = AccountId("acct_unknown")
PAGES = 3
"""Of invoices and of charges, a hundred each: enough to see which currencies there are."""
BACK = Span.of(days=30)
_DESCRIPTION = "FlexPay Webhook EndPoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command was told. `account` and `url` are None where Stripe has to tell them."""

    integration: str
    company: str
    keys: ApiKeys
    environment: Environment
    account: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What the manifest says. `head` are comments for its top, `comments` those for paths inside."""

    configuration: Configuration
    head: tuple[str, ...]
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """What an import may use. `learn` tells the readers which account a company stands for; `applied` is what this
    state has in force, `knows_secret` whether it has the signing secret of an integration's endpoint.
    """

    readers: AccountReaderFor
    books: BookReaderFor
    learn: Callable[[Configuration], None]
    applied: Configuration | None = None
    knows_secret: Callable[[str, str], bool] = lambda *_: False

    @staticmethod
    def draft(wish: Wish) -> Configuration:
        """What the keys can be checked by before anything is sent."""
        return _configuration(wish, UNKNOWN_ACCOUNT, (), ("USD",))

    def import_account(self, wish: Wish, as_of: Instant) -> Imported:
        """The manifest of the account that these keys open. TryLater and OperatorError as the readers raise them."""
        draft = self.draft(wish)
        self.learn(draft)
        account = _account(self.readers(draft.integration(wish.integration)), wish)
        known = _in_force(self.applied, account, wish.environment)
        if known is not None:
            return Imported(configuration=known, head=(f"As this state has it applied for {account}.",))
        draft = _configuration(wish, account, (), ("USD",))
        self.learn(draft)
        bare = draft.integration(wish.integration)
        endpoints = self.readers(bare).webhook_endpoints()
        found = tuple(self._adopted(wish, endpoints))
        seen, unread = _currencies(self.books(bare, account), as_of)
        comments = dict(_remarks(found, bare))
        comments["currencies"] = unread or _of_currencies(seen)
        if any(each.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS for each, _ in found):
            comments["currencies"] += "\nConnected accounts were not looked through: name theirs, too."
        made = _configuration(wish, account, tuple(each for each, _ in found) or (bare,), seen or ("USD",))
        head = list(_head(account, endpoints, found))
        if wish.url is not None and any(_is_ours(each) for _, each in found):
            head.append("The URLs are those of the endpoints that are there; --url was not needed.")
        return Imported(configuration=made, head=tuple(head), comments=comments)

    def _adopted(
        self, wish: Wish, endpoints: tuple[WebhookEndpoint, ...]
    ) -> Iterator[tuple[Integration, WebhookEndpoint]]:
        """An integration for each name that endpoints of this product carry; the newest endpoint of a name counts."""
        names: dict[str, WebhookEndpoint] = {}
        for each in sorted(endpoints, key=lambda one: (one.created, one.id)):
            if each.livemode == wish.environment.livemode and _is_ours(each):
                names[each.metadata[kind.INTEGRATION_KEY]] = each
        if not names:
            if wish.url is None:
                raise OperatorError(
                    "no endpoint of this product is there, so its URL cannot be told",
                    code="E-import-url",
                    hint="say where Stripe shall post: --url https://…/webhooks/stripe/" + wish.integration,
                    kind=ErrorKind.USAGE,
                )
            theirs = next((e for e in endpoints if e.url == wish.url and kind.INTEGRATION_KEY not in e.metadata), None)
            if theirs is not None and kind.is_readable(theirs):
                yield _of_endpoint(wish, wish.integration, theirs, ListenTo.ACCOUNT, secret=True), theirs
            return
        for name, endpoint in sorted(names.items()):
            scope = ListenTo(endpoint.metadata[kind.SCOPE_KEY])
            yield _of_endpoint(wish, name, endpoint, scope, secret=not self.knows_secret(name, endpoint.id)), endpoint


def _is_ours(endpoint: WebhookEndpoint) -> bool:
    """Whether it carries all the marks of an integration's endpoint."""
    marks = endpoint.metadata
    managed, scope = marks.get(kind.MANAGED_KEY), marks.get(kind.SCOPE_KEY)
    return managed == kind.MANAGED_BY_US and scope in set(ListenTo) and kind.INTEGRATION_KEY in marks


def _in_force(applied: Configuration | None, account: AccountId, environment: Environment) -> Configuration | None:
    """What this state has applied, where it is about this very account and mode."""
    mine = applied.integrations.values() if applied else ()
    about = any(
        applied is not None and applied.company_of(each).stripe_account == account and each.environment is environment
        for each in mine
    )
    return applied if about else None


def _configuration(
    wish: Wish, account: AccountId, integrations: tuple[Integration, ...], currencies: tuple[str, ...]
) -> Configuration:
    """One company with these integrations, or with a bare one where there are none."""
    name = wish.company.replace("-", " ").title()
    all_ = integrations or (_bare(wish),)
    return Configuration(
        currencies=currencies,
        companies={wish.company: Company(id=wish.company, name=name, stripe_account=account)},
        integrations={str(each.id): each for each in all_},
        retry_policies={"default": RetryPolicy(id="default")},
    )


def _bare(wish: Wish) -> Integration:
    """An integration that has no endpoint yet, and does nothing when recovery fails."""
    return Integration(
        id=IntegrationId(wish.integration),
        name=wish.integration,
        company=wish.company,
        environment=wish.environment,
        status=Status.ENABLED,
        description=_DESCRIPTION,
        api_keys=wish.keys,
        webhook=Webhook(managed_by=ManagedBy.FLEXPAY, url=wish.url or "https://unknown.invalid/"),
        retry_policy="default",
        when_recovery_fails=WhenRecoveryFails(
            subscription=SubscriptionAction.LEAVE_AS_IS, invoice=InvoiceAction.LEAVE_AS_IS
        ),
    )


def _of_endpoint(wish: Wish, name: str, endpoint: WebhookEndpoint, scope: ListenTo, *, secret: bool) -> Integration:
    """The integration whose endpoint this is, as it is there. `secret`: its signing secret has to be given."""
    variable = "".join(char if char.isalnum() else "_" for char in name.upper()) + "_SIGNING_SECRET"
    given = SecretRef(source=SecretSource.ENV, name=variable) if secret else None
    bare = replace(_bare(wish), id=IntegrationId(name), name=name)
    return replace(
        bare,
        status=Status.DISABLED if endpoint.status is EndpointStatus.DISABLED else Status.ENABLED,
        description=endpoint.description or _DESCRIPTION,
        webhook=replace(bare.webhook, url=endpoint.url, listen_to=scope, signing_secret=given),
    )


def _account(reader: AccountReader, wish: Wish) -> AccountId:
    """Whose keys these are: as Stripe names it, both alike; else as the command was told."""
    named = {found for alias in KeyAlias if (found := reader.identity(alias).account) is not None}
    if len(named) > 1 or (named and wish.account not in (None, *named)):
        told = [*sorted(named), *([wish.account] if wish.account else [])]
        raise OperatorError(
            f"the keys belong to {' and '.join(dict.fromkeys(told))}",
            code="E-import-account",
            hint="both keys, and --account, must be of one account",
            kind=ErrorKind.KEY_REFUSED,
        )
    if not named and wish.account is None:
        raise OperatorError(
            "Stripe does not tell whose account these keys open",
            code="E-import-account",
            hint="say it with --account acct_… (Dashboard, Settings, Account details)",
            kind=ErrorKind.USAGE,
        )
    return AccountId(named.pop() if named else str(wish.account))


def _currencies(book: BookReader, as_of: Instant) -> tuple[tuple[str, ...], str]:
    """The currencies of failing invoices and of the last month's charges, and why they could not be read."""
    try:
        owed = [each.invoice.amount_remaining for page in islice(book.pages(as_of), PAGES) for each in page]
        taken = [each.amount for page in islice(book.charges(as_of.minus(BACK)), PAGES) for each in page]
        seen = {each.currency.code for each in owed + taken}
    except FlexpayError as problem:
        return (), f"Could not be read ({problem.message}): name those that the account charges."
    return tuple(sorted(seen)), ""


def _of_currencies(seen: tuple[str, ...]) -> str:
    if not seen:
        return "No failing invoice and no charge of the last 30 days was seen: name those that the account charges."
    return "Seen in failing invoices and in charges of the last 30 days; a failure in another one is only recorded."


def _remarks(found: tuple[tuple[Integration, WebhookEndpoint], ...], bare: Integration) -> Iterator[tuple[str, str]]:
    for integration, endpoint in found:
        if integration.webhook.signing_secret is not None:
            words = (
                f"{endpoint.id} is there already. With its signing secret here it is adopted as it is;\n"
                "without this line `flexpay apply` makes a new endpoint, and deletes the one it takes the place of."
            )
            yield f"integrations.{integration.id}.webhook.signing_secret", words
        if not _is_ours(endpoint):
            words = (
                "Stripe does not tell whose events an endpoint hears that we did not make. Were it made for connected\n"
                "accounts, this must say connected_accounts."
            )
            yield f"integrations.{integration.id}.webhook.listen_to", words
        elif integration.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS:
            words = "Of all connected accounts; `connected_accounts: [acct_…]` beside it names some."
            yield f"integrations.{integration.id}.webhook.listen_to", words
    for integration in [each for each, _ in found] or [bare]:
        yield (
            f"integrations.{integration.id}.when_recovery_fails",
            "Nobody is cancelled until you say so: see `flexpay init` for the choices.",
        )


def _head(
    account: AccountId,
    endpoints: tuple[WebhookEndpoint, ...],
    found: tuple[tuple[Integration, WebhookEndpoint], ...],
) -> Iterator[str]:
    yield f"Imported from {account}. `flexpay plan` shows what applying it would change."
    taken = {endpoint.id for _, endpoint in found}
    others = [each for each in endpoints if each.id not in taken]
    if others:
        yield "Other webhook endpoints of the account, which stay as they are:"
    for each in others:
        yield f"  {each.id} posts {len(each.enabled_events)} kinds of events to {each.url} ({each.status.value})"
