"""Rules of webhook endpoints that a schema cannot say. Connects to nothing; shows no URL that may hold a password."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.manifest.faults import Path, error
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values import url as urls
from flexpay_reconcile.values.diagnostic import Diagnostic


def webhook_rules(tree: Tree) -> Iterator[Diagnostic]:
    """All rules of each endpoint, and of two endpoints on one URL."""
    seen: dict[str, str] = {}
    for integration, _ in tree.maps("integrations"):
        here: Path = ("integrations", integration, "webhook")
        yield from _url(tree, (*here, "url"), live=tree.get("integrations", integration, "environment") == "live")
        if tree.get(*here, "managed_by") == "manual" and not tree.has(*here, "signing_secret"):
            yield error(
                "E-webhook-secret-missing",
                "an endpoint made by hand needs its signing_secret, or no event can be believed",
                place=tree.place((*here, "managed_by")),
                path=(*here, "signing_secret"),
                hint="add signing_secret: {env: NAME}; the Dashboard shows it on the page of the endpoint",
            )
        address = tree.text(*here, "url")
        if address:
            other = seen.setdefault(address, integration)
            if other != integration:
                message = f"{integration} and {other} share one webhook URL; a delivery could not be told apart"
                yield error(
                    "E-webhook-url-shared",
                    message,
                    place=tree.place((*here, "url")),
                    path=(*here, "url"),
                    hint="end each with its own id",
                )


def _url(tree: Tree, path: Path, *, live: bool) -> Iterator[Diagnostic]:
    text = tree.text(*path)
    if not text:
        return
    place = tree.place(path)
    url = urls.parse(text)
    if url is None or url.scheme not in {"http", "https"}:
        hint = "write https://host/path"
        yield error("E-url", "the webhook URL is no absolute http(s) URL", place=place, path=path, hint=hint)
        return
    if url.has_credentials:
        message = "the webhook URL holds a user name or password (not shown)"
        yield error(
            "E-url-credentials",
            message,
            place=place,
            path=path,
            hint="deliveries are signed; delete what stands before the @",
        )
    if "#" in text:
        message = "the webhook URL has a fragment (#…), which is never sent"
        yield error("E-url-fragment", message, place=place, path=path, hint="delete it")
    if live and url.scheme == "http":
        message = "a live webhook URL must be https://; Stripe delivers live events to nothing else"
        yield error("E-url-insecure", message, place=place, path=path, hint="put a TLS proxy before the daemon")
