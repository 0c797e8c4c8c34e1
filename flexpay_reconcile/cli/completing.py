"""What the shell is offered while a word is typed: resource addresses, from the state alone. Never asks Stripe."""

from __future__ import annotations

import contextlib

import click
from click.shell_completion import CompletionItem

from flexpay_reconcile.cli import options


class Address(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """A resource address such as `webhook_endpoint.acme-us-live`, or a file; handed on as text."""

    name = "ADDRESS"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Addresses that begin so, then files; a state that cannot be read offers none."""
        found: list[str] = []
        with contextlib.suppress(Exception):  # a shell waits for this; whatever is wrong is told by the command itself
            from flexpay_reconcile import bootstrap
            from flexpay_reconcile.operations.read_history import resources_of

            parts = bootstrap.open_control(ctx.params.get("state_path") or options.DEFAULT_STATE, None, create=False)
            try:
                found = list(resources_of(parts.state))
            finally:
                parts.close()
        offered = [CompletionItem(each) for each in found if each.startswith(incomplete)]
        return [*offered, CompletionItem(incomplete, type="file")]
