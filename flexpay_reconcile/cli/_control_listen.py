"""The daemon's options for its control door, and the door bound as they say. Serves nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flexpay_reconcile.cli._listening import Address, AddressType, bind
from flexpay_reconcile.errors import ErrorKind, OperatorError

if TYPE_CHECKING:
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.daemon.run import Door
    from flexpay_reconcile.ports.control_wire import Scope
    from flexpay_reconcile.values.secret import SecretRef

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorOptions:
    """What was asked for; `listen` None means no control door."""

    listen: Address | None
    tokens: tuple[str, ...]
    certificate: str | None
    key: str | None
    behind_proxy: bool


def options(command: F) -> F:
    """`--control-listen`, `--control-token`, `--control-tls-cert`, `--control-tls-key`, `--behind-proxy`."""
    file = click.Path(dir_okay=False, readable=False)
    for each in (
        click.option("--behind-proxy", is_flag=True, help="A proxy before the control door speaks TLS."),
        click.option("--control-tls-key", type=file, metavar="FILE", help="Its private key (PEM)."),
        click.option("--control-tls-cert", type=file, metavar="FILE", help="The control door's certificate (PEM)."),
        click.option(
            "--control-token",
            "control_tokens",
            multiple=True,
            metavar="SCOPE=REF",
            help="A token by reference: plan=env:NAME, apply=file:PATH; once for each scope.",
        ),
        click.option(
            "--control-listen",
            type=AddressType(),
            help="Also serve the control door here, for plan and apply from elsewhere. Off unless named.",
        ),
    ):
        command = each(command)
    return command


@contextmanager
def opened(parts: bootstrap.ControlParts, wanted: DoorOptions) -> Iterator[Door | None]:
    """The door, listening; None where none was asked for. OperatorError where it cannot listen or a token is unfit."""
    if wanted.listen is None:
        yield None
        return
    from flexpay_reconcile import bootstrap as wiring
    from flexpay_reconcile.daemon.run import Door

    app = wiring.control_app(parts, _tokens(wanted.tokens))
    with bind(wanted.listen.host, wanted.listen.port) as listening:
        yield Door(app=app, listening=listening, certificate=wanted.certificate, key=wanted.key)


def refuse_unsafe(wanted: DoorOptions) -> None:
    """OperatorError (USAGE) for options that would be unsafe or say nothing; before anything is opened."""
    from flexpay_reconcile.values import url

    listen = wanted.listen
    if listen is None:
        if wanted.tokens or wanted.certificate or wanted.key:
            raise _usage("--control-token and --control-tls-… need --control-listen", "name the address, or leave them")
        return
    _tokens(wanted.tokens)
    if bool(wanted.certificate) != bool(wanted.key):
        raise _usage("a certificate needs its key", "give both --control-tls-cert and --control-tls-key")
    for path in (wanted.certificate, wanted.key):
        if path is not None and not Path(path).is_file():
            raise _usage(f"{path} is no file", "name the PEM files of the control door")
    if wanted.certificate is None and not wanted.behind_proxy and not url.is_loopback(f"http://{listen.text()}"):
        raise _usage(
            f"the control door does not listen on {listen.text()} in clear",
            "give --control-tls-cert and --control-tls-key, or --behind-proxy where a proxy speaks TLS",
        )


def _tokens(texts: tuple[str, ...]) -> dict[Scope, SecretRef]:
    from flexpay_reconcile.ports.control_wire import Scope
    from flexpay_reconcile.values.secret import SecretRef, SecretSource

    found: dict[Scope, SecretRef] = {}
    for text in texts:
        scope, _, reference = text.partition("=")
        source, colon, name = reference.partition(":")
        if scope not in set(Scope) or source not in {"env", "file", "credential"} or not colon or not name:
            raise _usage(
                "a control token is SCOPE=REFERENCE, and never the token itself",
                "for example --control-token plan=env:FLEXPAY_PLAN_TOKEN --control-token apply=file:/run/secrets/apply",
            )
        if Scope(scope) in found:
            raise _usage(f"two tokens for the scope {scope}", "give one for each scope")
        found[Scope(scope)] = SecretRef(source=SecretSource(source), name=name)
    if not found:
        raise _usage("--control-listen needs a token", "for example --control-token plan=env:FLEXPAY_PLAN_TOKEN")
    return found


def _usage(message: str, hint: str) -> OperatorError:
    return OperatorError(message, code="E-control-listen", hint=hint, kind=ErrorKind.USAGE)
