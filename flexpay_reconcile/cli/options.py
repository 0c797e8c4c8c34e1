"""Options that several commands share, each with one name, one help text and one variable. Holds no logic of commands.

Shared options read `FLEXPAY_<OPTION>`; a command's own read `FLEXPAY_<COMMAND>_<OPTION>`. What lets something happen
that a person should decide each time is never read from the environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import click

if TYPE_CHECKING:
    from flexpay_reconcile.values.secret import SecretRef

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_MANIFEST: Final = "flexpay.yaml"
DEFAULT_STATE: Final = "flexpay-state.db"
_OVERLAY: Final = "flexpay.overlay"
_TOKEN: Final = "flexpay.state_token"


def _overlay_name(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """A name, no path: kept for `--manifest`."""
    if value is None:
        return
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value) or value.endswith((".yaml", ".yml")):
        raise click.BadParameter("an overlay is named, as in `--overlay live` for overlays/live.yaml", ctx, param)
    ctx.meta[_OVERLAY] = value


def _manifest_paths(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> ManifestPaths:
    return ManifestPaths(value, ctx.meta.get(_OVERLAY))


class ManifestPaths(tuple[str, ...]):  # noqa: SLOT001 - a tuple can have no slots
    """What `--manifest` was given, and the name of the overlay over it."""

    overlay: str | None

    def __new__(cls, paths: Iterable[str], overlay: str | None) -> Self:
        """The paths with the overlay's name."""
        made = super().__new__(cls, paths)
        made.overlay = overlay
        return made


def manifest(command: F) -> F:
    """`-f/--manifest PATH`, several times, files or folders of *.yaml and *.yml; and `--overlay NAME`."""
    overlay = click.option(
        "--overlay",
        envvar="FLEXPAY_OVERLAY",
        allow_from_autoenv=False,
        expose_value=False,
        is_eager=True,
        callback=_overlay_name,
        metavar="NAME",
        help="Lay overlays/NAME.yaml, beside the manifest, over it.",
    )
    return _manifest(overlay(command))


def _manifest(command: F) -> F:
    return click.option(
        "-f",
        "--manifest",
        "manifests",
        type=click.Path(readable=False),
        multiple=True,
        envvar="FLEXPAY_MANIFEST",
        callback=_manifest_paths,
        allow_from_autoenv=False,
        metavar="PATH",
        help=f"Manifest file or folder; may be given several times.  [default: {DEFAULT_MANIFEST}]",
    )(command)


def _token_reference(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """`env:NAME`, `file:PATH` or `credential:NAME`, kept for `--state`; a token itself is refused, and not shown."""
    if value is not None:
        ctx.meta[_TOKEN] = secret_reference(ctx, param, value)


def secret_reference(ctx: click.Context, param: click.Parameter, value: str) -> SecretRef:
    """`env:NAME`, `file:PATH` or `credential:NAME`; all else, as a secret itself, is refused and not shown."""
    from flexpay_reconcile.values.secret import SecretRef, SecretSource

    source, colon, name = value.partition(":")
    if not colon or not name or source not in {"env", "file", "credential"}:
        words = "a secret is named by reference: env:NAME, file:PATH or credential:NAME"
        raise click.BadParameter(words, ctx, param)
    return SecretRef(source=SecretSource(source), name=name)


def _state_address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from flexpay_reconcile.values.state_address import StateAddress

    return StateAddress.of(value, ctx.meta.get(_TOKEN))


def state(command: F) -> F:
    """`--state PATH|URL` and `--state-token REFERENCE`."""
    token = click.option(
        "--state-token",
        envvar="FLEXPAY_STATE_TOKEN",
        allow_from_autoenv=False,
        expose_value=False,
        is_eager=True,
        callback=_token_reference,
        metavar="REF",
        help="Where a control door's token is: env:NAME, file:PATH.  [default: env:FLEXPAY_CONTROL_TOKEN]",
    )
    path = click.option(
        "--state",
        "state_path",
        type=click.Path(readable=False),
        default=DEFAULT_STATE,
        show_default=True,
        envvar="FLEXPAY_STATE",
        allow_from_autoenv=False,
        callback=_state_address,
        metavar="PATH|URL",
        help="The state: a SQLite file on the daemon's host, or https://… of its control door.",
    )
    return path(token(command))


class InstantType(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """An instant such as `2026-11-22T09:00:00Z`, handed on as text."""

    name = "INSTANT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as given, or a usage error that says what is wrong with it."""
        from flexpay_reconcile.errors import OperatorError
        from flexpay_reconcile.values.instant import Instant

        try:
            Instant.from_text(str(value))
        except OperatorError as wrong:
            self.fail(f"{wrong.message}; {wrong.hint}", param, ctx)
        return str(value)


def _simulator_address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """`http://127.0.0.1:PORT` and nothing more; an empty value is refused, for without one Stripe itself is meant."""
    if value is None:
        return None
    from flexpay_reconcile.errors import ErrorKind, OperatorError
    from flexpay_reconcile.values import url

    parts = url.parse(value)
    plain = parts and parts.scheme == "http" and parts.path in {"", "/"} and not parts.has_credentials
    if not plain or not url.is_loopback(value) or "?" in value or "#" in value:
        raise OperatorError(
            f"{_without_credentials(value)!r} is no address of a simulator on this machine",
            code="E-stripe-api",
            hint="--stripe-api (FLEXPAY_STRIPE_API) is http://127.0.0.1:PORT, with nothing after it",
            kind=ErrorKind.USAGE,
        )
    return value.lower().rstrip("/")


def _without_credentials(text: str) -> str:
    """What stands before an @ may be a password."""
    return f"***@{text.rpartition('@')[2]}" if "@" in text else text


def stripe_api(command: F) -> F:
    """`--stripe-api URL`: a simulator instead of Stripe."""
    return click.option(
        "--stripe-api",
        envvar="FLEXPAY_STRIPE_API",
        callback=_simulator_address,
        allow_from_autoenv=False,
        metavar="URL",
        help="A simulator on this machine instead of Stripe; time is taken from it. Refused for live keys.",
    )(command)


def secret_commands(command: F) -> F:
    """`--allow-secret-commands`; never from the environment."""
    return click.option(
        "--allow-secret-commands",
        is_flag=True,
        allow_from_autoenv=False,
        help="Let {command: [...]} references run their programs.",
    )(command)


def color(command: F) -> F:
    """`--color auto|always|never`."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        envvar="FLEXPAY_COLOR",
        allow_from_autoenv=False,
        help="Colour; NO_COLOR, FORCE_COLOR and TERM=dumb are respected.",
    )(command)


def output_format(*choices: str) -> Callable[[F], F]:
    """`--format`, the first choice being the default."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        envvar="FLEXPAY_FORMAT",
        allow_from_autoenv=False,
        help="How the result is printed.",
    )


def accept_account(command: F) -> F:
    """`--accept-account acct_…`; never from the environment."""
    return click.option(
        "--accept-account",
        "accepted",
        multiple=True,
        allow_from_autoenv=False,
        metavar="ACCT",
        help="Accept that the keys belong to this account where Stripe does not say so; recorded.",
    )(command)


def lock_timeout(command: F) -> F:
    """`--lock-timeout SECONDS`."""
    return click.option(
        "--lock-timeout",
        type=click.IntRange(0, 86_400),
        default=0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait where somebody else is applying.",
    )(command)


def accept_impact(command: F) -> F:
    """`--accept-impact NAME=REASON`; never from the environment."""
    return click.option(
        "--accept-impact",
        "accepted_impacts",
        multiple=True,
        allow_from_autoenv=False,
        metavar="NAME=REASON",
        help="Let a guard of the impact pass, for a reason that is recorded.",
    )(command)


def selection(command: F) -> F:
    """`--target ADDR` and `--exclude ADDR`, several times; never from the environment."""
    target = click.option(
        "--target",
        "targets",
        multiple=True,
        allow_from_autoenv=False,
        metavar="ADDR",
        help="Only this address, or those that match a glob, with what they depend on; recorded in history.",
    )
    exclude = click.option(
        "--exclude",
        "excluded",
        multiple=True,
        allow_from_autoenv=False,
        metavar="ADDR",
        help="All but this address, or those that match a glob, and what depends on them; recorded in history.",
    )
    return target(exclude(command))


def write_probes(command: F) -> F:
    """`--no-write-probes`."""
    return click.option(
        "--write-probes/--no-write-probes",
        default=True,
        help="Probe write permissions by three harmless requests.  [default: --write-probes]",
    )(command)


def as_of(command: F) -> F:
    """`--as-of INSTANT`."""
    return click.option(
        "--as-of",
        "as_of",
        type=InstantType(),
        metavar="INSTANT",
        help="Plan as if it were then, e.g. 2026-11-22T09:00:00Z.",
    )(command)
