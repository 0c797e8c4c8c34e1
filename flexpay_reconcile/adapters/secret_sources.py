"""Where secret values come from: environment, files, systemd credentials, commands, our own state.

Never logs or stores a value, and no error says more than the reference. Commands run without a shell
and only when the operator allowed them.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import Secret, SecretRef, SecretSource

MAX_BYTES = 64 * 1024
COMMAND_TIMEOUT = Span.of(seconds=10)
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"


class SecretSources:
    """The secrets port. Values are read anew each time, so that a rotated one is seen."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        allow_commands: bool = False,
        state: Callable[[str], Secret | None] | None = None,
        command_timeout: Span = COMMAND_TIMEOUT,
    ) -> None:
        """`environ` stands for the process's own; `state` opens sealed secrets by name (`ControlState.secret`)."""
        self._environ = os.environ if environ is None else environ
        self._allow_commands = allow_commands
        self._state = state
        self._timeout = command_timeout

    def resolve(self, reference: SecretRef) -> Secret:
        """The value, or OperatorError (KEY_REFUSED) that names the reference."""
        match reference.source:
            case SecretSource.ENV:
                value = self._environ.get(reference.name)
                if value is None:
                    raise _fault(reference, "E-secret-missing", "is not set", "set the environment variable")
            case SecretSource.FILE:
                value = _read_file(reference, Path(reference.name))
            case SecretSource.CREDENTIAL:
                value = _read_file(reference, self._credential(reference))
            case SecretSource.COMMAND:
                value = self._output(reference)
            case SecretSource.STATE:
                return self._sealed(reference)
        if not value:
            raise _fault(reference, "E-secret-empty", "is empty", "put the value there")
        return Secret(value)

    def _credential(self, reference: SecretRef) -> Path:
        """The path of a systemd credential."""
        folder = self._environ.get(CREDENTIALS_DIRECTORY)
        if not folder:
            raise _fault(
                reference,
                "E-secret-missing",
                f"cannot be read: ${CREDENTIALS_DIRECTORY} is not set",
                "start the service by systemd with LoadCredential=",
            )
        if "/" in reference.name or reference.name in {"", ".", ".."}:
            raise _fault(reference, "E-secret-missing", "is not the name of a credential", "use a name without '/'")
        return Path(folder) / reference.name

    def _sealed(self, reference: SecretRef) -> Secret:
        """A secret kept in our own state."""
        found = self._state(reference.name) if self._state is not None else None
        if found is None:
            raise _fault(reference, "E-secret-missing", "is not in the state", "run `flexpay apply`")
        return found

    def _output(self, reference: SecretRef) -> str:
        """What a program prints. Its error output is dropped, for it may hold what it was asked for."""
        if not self._allow_commands:
            raise _fault(reference, "E-secret-command-refused", "is a command", "allow it with --allow-secret-commands")
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own argument list, allowed by a flag, no shell
                [reference.name, *reference.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):
            raise _fault(reference, "E-secret-command-failed", "cannot be started", "check the program") from None
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            _kill(process)

        timer = threading.Timer(self._timeout.ms / 1000, stop)
        timer.start()
        try:
            data = process.stdout.read(MAX_BYTES + 1) if process.stdout else b""
            if len(data) > MAX_BYTES:
                _kill(process)
            code = process.wait()
        finally:
            timer.cancel()
            if process.stdout:
                process.stdout.close()
        if timed_out.is_set():
            raise _fault(
                reference, "E-secret-command-failed", f"did not end within {self._timeout.text()}", "run it by hand"
            )
        text = _text(reference, data)
        if code != 0:
            raise _fault(reference, "E-secret-command-failed", f"ended with code {code}", "run it by hand")
        return text


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _read_file(reference: SecretRef, path: Path) -> str:
    """The text of a regular file, read to the limit and no further."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _fault(reference, "E-secret-missing", "is not a regular file", "name a file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        raise _fault(reference, "E-secret-missing", f"cannot be read: {why}", "check path and permissions") from None
    return _text(reference, data)


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _text(reference: SecretRef, data: bytes) -> str:
    """The text of what was read, without one trailing newline."""
    if len(data) > MAX_BYTES:
        raise _fault(reference, "E-secret-too-big", f"is longer than {MAX_BYTES} bytes", "name the right one")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _fault(reference, "E-secret-not-text", "is not UTF-8 text", "store it as text") from None
    if text.endswith("\r\n"):
        return text[:-2]
    return text.removesuffix("\n")


def _fault(reference: SecretRef, code: str, what: str, hint: str) -> OperatorError:
    """An error that names the reference, never the value."""
    return OperatorError(f"the secret {reference.text()} {what}", code=code, hint=hint, kind=ErrorKind.KEY_REFUSED)
