"""`flexpay`: the group of commands and the way out. Loads a command only when it is called, so that help is quick.

Every error becomes one line and an exit code here; nothing below prints a traceback unless FLEXPAY_DEBUG=1.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from flexpay_reconcile import __version__
from flexpay_reconcile.cli import exit_codes, output
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("init:command", "Write a first manifest."),
    "validate": ("validate:command", "Check a manifest; needs no secret, network or state."),
    "fmt": ("fmt:command", "Format manifest files; comments stay."),
    "plan": ("plan:command", "Show what apply would change; writes nothing."),
    "apply": ("apply:command", "Make it so."),
    "drift": ("drift:command", "Show what moved at Stripe since the last apply; writes nothing."),
    "import": ("import_:command", "Write a manifest for an account that exists; changes nothing."),
    "show": ("show:command", "Show a saved plan, or the applied resources."),
    "history": ("history:command", "The applied revisions: when, by whom, what changed."),
    "rollback": ("rollback:command", "Go back to an applied revision, as a new one."),
    "status": ("status:command", "What is applied: revision, endpoints, cases."),
    "cases": ("cases:group", "Recovery cases: list, show."),
    "explain": ("explain:command", "The story of one invoice, with the reasons."),
    "daemon": ("daemon:command", "Listen to Stripe and recover failed payments."),
    "demo": ("demo:command", "A simulated merchant: plan, apply, sixty days of recovery."),
    "simulator": ("simulator:group", "A small Stripe on this machine: serve, advance, decline, ..."),
    "lock": ("lock:group", "The lock of an apply: show."),
    "force-unlock": ("force_unlock:command", "Release the lock of an apply that is surely dead."),
    "state": ("state:group", "The state itself: backup, restore, verify, rekey, rearm, erase."),
    "schema": ("schema:command", "Print the JSON schema of manifests or plans."),
    "doctor": ("doctor:command", "Is everything well, and if not, what to do."),
    "completion": ("completion:command", "Print the completion script of a shell."),
    "version": ("version:command", "Print the version."),
}
"""Name, where the command is (module of this room, attribute), and its line in the help."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a newcomer's way."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; OperatorError when this installation does not have it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        place = f"flexpay_reconcile.cli.{module}"
        try:
            found = getattr(importlib.import_module(place), attribute)
        except ModuleNotFoundError as missing:
            if missing.name != place:
                raise
            raise OperatorError(
                f"`flexpay {cmd_name}` is not part of this version", code="E-command-missing", kind=ErrorKind.USAGE
            ) from None
        if not isinstance(found, click.Command):
            raise TypeError(f"{place}:{attribute} is no command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={
        "auto_envvar_prefix": "FLEXPAY",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="flexpay", message="%(prog)s %(version)s")
def cli() -> None:
    """Payment recovery for Stripe Billing, as code.

    A manifest in Git says what is wanted; `plan` shows what would change, `apply` makes it so, and `daemon` retries
    failed recurring payments at the moments the policies allow.
    """


class _Terminated(BaseException):
    """SIGTERM came."""


def entry(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; the console script's way in."""
    output.speak_any_locale()
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _terminate)
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="flexpay", standalone_mode=False)
        return code if isinstance(code, int) else exit_codes.DONE
    except click.UsageError as wrong:
        _show(wrong)
        return exit_codes.USAGE
    except click.ClickException as wrong:
        _show(wrong)
        return exit_codes.FAILED
    except FlexpayError as problem:
        output.error(problem)
        if problem.code == "E-output":
            output.discard(sys.stdout)
        _debug()
        return exit_codes.of_error(problem)
    except (click.Abort, KeyboardInterrupt):
        output.note("interrupted")
        return exit_codes.INTERRUPTED
    except _Terminated:
        output.note("terminated")
        return exit_codes.TERMINATED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it flushes at exit.
        output.discard(sys.stdout)
        return exit_codes.FAILED
    except Exception as bug:  # noqa: BLE001 - the last line of defence; its words may hold anything, so none are shown
        if isinstance(bug, OSError) and _where(bug).startswith("click."):  # its help and usage found no room
            output.error(output.not_written(bug.strerror))
            output.discard(sys.stdout)
            return exit_codes.FAILED
        output.note(f"internal error: {type(bug).__name__} at {_where(bug)}; FLEXPAY_DEBUG=1 shows the whole of it")
        _debug()
        return exit_codes.BUG


def _terminate(number: int, frame: Any) -> None:
    raise _Terminated


def _show(wrong: click.ClickException) -> None:
    """Click's words on standard error, where there is room for them, and without keys."""
    words = io.StringIO()
    wrong.show(file=words)
    output.note(words.getvalue().removesuffix("\n"))


def _where(bug: BaseException) -> str:
    """The module and line it was raised at."""
    trace = bug.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else "?"


def _debug() -> None:
    """The traceback, for whoever asks for it."""
    if os.environ.get("FLEXPAY_DEBUG") == "1":
        import traceback

        output.note(traceback.format_exc())
