"""The import law holds, and each of its contracts is seen to break when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import source

# (file added to a copy of the tree, its one line, words of the contract that must break)
INTRUDERS = [
    ("recovery/intruder.py", "import time", "touch no clock, disk"),
    ("operations/intruder.py", "import os", "touch no clock, disk"),
    ("timing/intruder.py", "import random", "touch no clock, disk"),
    ("reconcile/intruder.py", "import logging", "Below the operations nobody logs"),
    ("operations/intruder.py", "import datetime", "Only values.instant handles datetime"),
    ("billing/intruder.py", "from flexpay_reconcile.recovery import x", "The stairs go down only"),
    ("reconcile/intruder.py", "from flexpay_reconcile.recovery import x", "The stairs go down only"),
    ("operations/intruder.py", "from flexpay_reconcile.adapters import x", "The stairs go down only"),
    ("basement/__init__.py", "", "The stairs go down only"),
    ("simulator/intruder.py", "from flexpay_reconcile.values import money", "The simulator knows Stripe"),
    ("simulator/intruder.py", "import importlib", "Only simulator.issuers.worlds reads"),
    ("cli/intruder.py", "from flexpay_reconcile.adapters import sqlite_store", "Only the bootstrap imports adapters"),
    ("bootstrap/intruder.py", "from flexpay_reconcile.simulator.door import x", "open the simulator"),
    (
        "adapters/intruder.py",
        "from flexpay_reconcile.adapters.sqlite_store import x",
        "Adapters do not know each other",
    ),
    ("operations/intruder.py", "from flexpay_reconcile.ports import charger", "may charge"),
    ("operations/intruder.py", "from flexpay_reconcile.ports import billing_writer", "may change billing objects"),
    ("daemon/intruder.py", "from flexpay_reconcile.ports import account_writer", "may change the account"),
    ("daemon/intruder.py", "import stripe", "The Stripe SDK lives"),
    ("adapters/stripe_api/intruder.py", "import sqlite3", "SQLite lives"),
    ("daemon/intruder.py", "import apscheduler", "APScheduler lives"),
    ("daemon/intruder.py", "import click", "Click lives"),
    ("config/intruder.py", "import yaml", "YAML lives"),
    ("config/intruder.py", "import jsonschema", "JSON Schema lives"),
    ("recovery/intruder.py", "import deepdiff", "DeepDiff lives"),
    ("adapters/intruder.py", "import starlette", "The web libraries live"),
    ("cli/intruder.py", "import cryptography", "Cryptography lives"),
    ("cli/intruder.py", "import orjson", "Orjson works"),
    ("timing/intruder.py", "import numpy", "Libraries without a room"),
]
CYCLE = {
    "billing/left.py": "from flexpay_reconcile.billing import right",
    "billing/right.py": "from flexpay_reconcile.billing import left",
}


def run_law(folder: Path) -> tuple[int, str]:
    """Run import-linter over the tree in this folder: its exit code and its words on one line."""
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-logo",
            "--no-cache",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return finished.returncode, " ".join((finished.stdout + finished.stderr).split())


def copy_tree(folder: Path, extra: dict[str, str]) -> None:
    """Copy the package's Python files and the law, then add these files and the rooms they need."""
    shutil.copy(source.ROOT / ".importlinter", folder)
    shutil.copytree(
        source.PACKAGE,
        folder / "flexpay_reconcile",
        ignore=lambda at, names: [
            n for n in names if not (n.endswith(".py") or (Path(at) / n).is_dir()) or n == "__pycache__"
        ],
    )
    for name, text in extra.items():
        path = folder / "flexpay_reconcile" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # The law sees packages only; a folder without __init__.py would hide from it (ruff's INP001 refuses those).
        (path.parent / "__init__.py").touch()
        path.write_text(text + "\n", encoding="utf-8")


def test_the_law_is_kept(tmp_path):
    """The tree as it stands keeps every contract."""
    copy_tree(tmp_path, {})
    code, words = run_law(tmp_path)
    assert code == 0, words
    assert " 0 broken." in words


@pytest.mark.parametrize(
    ("name", "line", "contract"), INTRUDERS, ids=[f"{n.split('/')[0]}: {line}" for n, line, _ in INTRUDERS]
)
def test_the_law_bites(tmp_path, name, line, contract):
    """One forbidden import, or one room without a floor, breaks the contract that speaks of it."""
    copy_tree(tmp_path, {name: line})
    code, words = run_law(tmp_path)
    assert code == 1, words
    broken = [part.rpartition(" KEPT")[2] for part in words.split(" BROKEN")[:-1]]
    assert any(contract in part for part in broken), words


def test_a_circle_is_seen(tmp_path):
    """Two files of one room that import each other break the law."""
    copy_tree(tmp_path, CYCLE)
    code, words = run_law(tmp_path)
    assert code == 1, words
    assert "goes round in a circle BROKEN" in words


@pytest.mark.parametrize("port", ["account_reader", "account_writer", "billing_reader", "billing_writer", "charger"])
def test_ports_named_by_the_law_exist(port):
    """A contract about a port that was renamed would hold for nothing."""
    assert (source.PACKAGE / "ports" / f"{port}.py").is_file()
