"""`flexpay --help` loads only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "stripe", "requests", "httpx", "starlette", "uvicorn", "sqlite3", "sqlite_utils", "numpy", "jsonschema",
    "apscheduler", "deepdiff", "cryptography", "orjson", "asyncio",
}  # fmt: skip
PROGRAM = """
import sys
sys.argv = ["flexpay", *{arguments!r}]
from flexpay_reconcile.cli.main import entry
try:
    code = entry()
except SystemExit as end:
    code = end.code
print("MODULES", *sorted({{name.partition(".")[0] for name in sys.modules}}))
print("CODE", code or 0)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(arguments):
    """Neither help nor version loads an SDK, a web server, a database library or a schema checker."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    *_, modules, code = finished.stdout.strip().splitlines()
    assert code == "CODE 0", finished.stdout
    assert set(modules.split()[1:]) & HEAVY == set()
