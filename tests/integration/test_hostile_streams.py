"""Streams that are closed, full or cannot say every letter: an exit code that tells the truth, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLEXPAY = f"{sys.executable} -m flexpay_reconcile"
OLD_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


def shell(words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of shell to its end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        ["bash", "-c", words], env=inherited | more, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["version", "schema", "--help"])
def test_a_full_disk_is_told(command):
    """A result that was not written is a failure with its code (1), never a bug and never silence."""
    done = shell(f"{FLEXPAY} {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("error[E-output]: ")
    assert "No space left" in done.stderr
    assert "Exception" not in done.stderr


def test_a_closed_standard_output_is_told():
    """The same without any standard output."""
    done = shell(f"{FLEXPAY} version >&-")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error[E-output]: the result could not be written to standard output: it is closed",
    )


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("command", "code"), [("version", 0), ("validate -f /nowhere.yaml", 3), ("nope", 64), ("plan --nope", 64)]
)
def test_words_that_find_no_room_change_no_exit_code(where, command, code):
    """What is only said on the way may be lost; the exit code is what it would have been."""
    done = shell(f"{FLEXPAY} {command} {where}")
    assert done.returncode == code


@pytest.mark.parametrize("command", ["schema", "--help"])
def test_a_reader_who_has_enough(command):
    """A closed pipe ends a command quietly."""
    done = shell(f"{FLEXPAY} {command} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode in {0, 1}
    assert done.stderr == ""


def test_a_locale_without_the_letters():
    """A result has escapes where the locale has no letter; in JSON they are JSON's own."""
    done = shell(f"{FLEXPAY} schema", **OLD_LOCALE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
