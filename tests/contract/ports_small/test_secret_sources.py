"""Secrets by reference: each source, its faults in words, and never a value in an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flexpay_reconcile.adapters.secret_sources import MAX_BYTES, SecretSources
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import Secret, SecretRef, SecretSource

CANARY = "rk_test_" + "canary0123456789"


def ref(source: SecretSource, name: object, *arguments: str) -> SecretRef:
    """A reference."""
    return SecretRef(source=source, name=str(name), arguments=arguments)


def refused(sources: SecretSources, reference: SecretRef) -> OperatorError:
    """The error of a reference that cannot be resolved; it must name the reference and nothing else."""
    with pytest.raises(OperatorError) as told:
        sources.resolve(reference)
    assert told.value.kind is ErrorKind.KEY_REFUSED
    assert reference.text() in told.value.message
    assert told.value.hint
    assert "canary" not in f"{told.value.message}{told.value.hint}{told.value.__cause__!r}"
    return told.value


def test_the_environment():
    """As it is, empty and missing refused; the process's own environment when none is given."""
    sources = SecretSources(environ={"KEY": CANARY, "EMPTY": ""})
    assert sources.resolve(ref(SecretSource.ENV, "KEY")) == Secret(CANARY)
    assert refused(sources, ref(SecretSource.ENV, "NOPE")).code == "E-secret-missing"
    assert refused(sources, ref(SecretSource.ENV, "EMPTY")).code == "E-secret-empty"


def test_the_processs_own_environment(monkeypatch):
    """Read at the time of asking."""
    sources = SecretSources()
    monkeypatch.setenv("ACME_KEY", CANARY)
    assert sources.resolve(ref(SecretSource.ENV, "ACME_KEY")) == Secret(CANARY)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (CANARY, CANARY),
        (CANARY + "\n", CANARY),
        (CANARY + "\r\n", CANARY),
        (CANARY + "\n\n", CANARY + "\n"),
        (" x ", " x "),
    ],
)
def test_one_trailing_newline_of_a_file_is_not_part_of_it(tmp_path: Path, content, value):
    """Everything else is."""
    path = tmp_path / "key"
    path.write_bytes(content.encode())
    assert SecretSources().resolve(ref(SecretSource.FILE, path)) == Secret(value)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E-secret-empty"),
        (b"\n", "E-secret-empty"),
        (b"canary" + b"x" * MAX_BYTES, "E-secret-too-big"),
        (b"canary\xff", "E-secret-not-text"),
    ],
)
def test_files_that_are_no_secret(tmp_path: Path, content, code):
    """Empty, too long, or not text."""
    path = tmp_path / "key"
    path.write_bytes(content)
    assert refused(SecretSources(), ref(SecretSource.FILE, path)).code == code


def test_a_file_of_the_greatest_length(tmp_path: Path):
    """64 KiB is allowed."""
    path = tmp_path / "key"
    path.write_bytes(b"x" * MAX_BYTES)
    assert len(SecretSources().resolve(ref(SecretSource.FILE, path)).reveal()) == MAX_BYTES


def test_files_that_are_not_there(tmp_path: Path):
    """Missing, a directory, a device, an impossible name: an error at once, never a wait."""
    for name in (tmp_path / "nope", tmp_path, "/dev/zero", "a\0b"):
        assert refused(SecretSources(), ref(SecretSource.FILE, name)).code == "E-secret-missing"


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    """A named pipe nobody writes to would block for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert refused(SecretSources(), ref(SecretSource.FILE, tmp_path / "pipe")).code == "E-secret-missing"


def test_systemd_credentials(tmp_path: Path):
    """By name in $CREDENTIALS_DIRECTORY; never outside of it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "acme").write_text(CANARY + "\n")
    (tmp_path / "out").write_text(CANARY)
    sources = SecretSources(environ={"CREDENTIALS_DIRECTORY": str(tmp_path / "in")})
    assert sources.resolve(ref(SecretSource.CREDENTIAL, "acme")) == Secret(CANARY)
    for name in ("../out", "..", ".", "", "nope", f"{tmp_path}/out"):
        assert refused(sources, ref(SecretSource.CREDENTIAL, name)).code == "E-secret-missing"
    assert "CREDENTIALS_DIRECTORY" in refused(SecretSources(environ={}), ref(SecretSource.CREDENTIAL, "acme")).message


def python(code: str) -> SecretRef:
    """A command that runs a line of Python."""
    return ref(SecretSource.COMMAND, sys.executable, "-c", code)


def test_commands_run_only_when_allowed(tmp_path: Path):
    """Refused by default, and then the program is not started."""
    reference = python(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert refused(SecretSources(), reference).code == "E-secret-command-refused"
    assert not (tmp_path / "ran").exists()


def test_a_command_gives_its_output():
    """Without one trailing newline; arguments are passed as they are, through no shell."""
    sources = SecretSources(allow_commands=True)
    assert sources.resolve(python(f"print({CANARY!r})")) == Secret(CANARY)
    echo = ref(SecretSource.COMMAND, sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME; `id` *")
    assert sources.resolve(echo) == Secret("$HOME; `id` *")


@pytest.mark.parametrize(
    ("code", "want"),
    [
        (f"print({CANARY!r}); raise SystemExit(3)", "E-secret-command-failed"),
        ("pass", "E-secret-empty"),
        (f"import sys; sys.stderr.write({CANARY!r})", "E-secret-empty"),
        ("while True: print('canary' * 1000)", "E-secret-too-big"),
        ("import sys; sys.stdout.buffer.write(b'canary\\xff')", "E-secret-not-text"),
    ],
)
def test_commands_that_fail(code, want):
    """A failing, silent, endless or binary command is an error in words, and its output is not shown."""
    assert refused(SecretSources(allow_commands=True), python(code)).code == want


def test_a_command_that_does_not_end_is_ended():
    """With everything it started, after the time allowed."""
    child = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    code = f"import subprocess; subprocess.run({child!r})"
    sources = SecretSources(allow_commands=True, command_timeout=Span.of(ms=200))
    assert "did not end" in refused(sources, python(code)).message


def test_a_command_that_is_not_there():
    """An error that names the reference."""
    sources = SecretSources(allow_commands=True)
    assert refused(sources, ref(SecretSource.COMMAND, "/nowhere/vault", "read")).code == "E-secret-command-failed"


def test_secrets_of_our_own_state():
    """Asked of the state by name; without a state they are missing."""
    kept = {"webhook_endpoint.acme": Secret(CANARY)}
    sources = SecretSources(state=kept.get)
    assert sources.resolve(ref(SecretSource.STATE, "webhook_endpoint.acme")) == Secret(CANARY)
    assert refused(sources, ref(SecretSource.STATE, "other")).code == "E-secret-missing"
    assert refused(SecretSources(), ref(SecretSource.STATE, "other")).code == "E-secret-missing"
