"""What holds for every test.

Real here: the file system below tmp_path, SQLite, the loopback network, subprocesses.
Not real: any other network address (refused), the operator's environment (removed), sleeping in unit, contract and simulation tests (refused).
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
NO_SLEEP = tuple(TESTS / folder for folder in ("unit", "contract", "simulation"))
LOOPBACK = ("127.", "::1", "localhost")

# One run is like the next; a shared, slow machine is no failure.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True, scope="session")
def _loopback_only():
    """Refuse connections that would leave this machine."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {address!r}; only the loopback address is open to tests")
        real_connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch):
    """Remove what the developer's shell may say about Stripe, FlexPay and colour."""
    for name in list(os.environ):
        if name.startswith(("FLEXPAY_", "STRIPE_")) or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_sleep(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Refuse time.sleep where tests bring their own clock."""

    def sleep(seconds: float) -> None:
        raise AssertionError(f"this test slept for {seconds} s; advance its clock instead")

    if any(request.path.is_relative_to(folder) for folder in NO_SLEEP):
        monkeypatch.setattr(time, "sleep", sleep)
