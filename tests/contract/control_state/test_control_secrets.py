"""Signing secrets in the control state: sealed, by name and integration, never in clear in any file."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import key_path, open_cipher
from flexpay_reconcile.errors import BrokenInvariant, OperatorError
from flexpay_reconcile.ports.control_state import StepState
from flexpay_reconcile.values.secret import Secret
from tests.contract.control_state.makers import ADDRESS, resource_of, step_of

CANARY = "whsec_" + "canary0123456789abcdef"


def test_secrets_are_kept_by_name_and_integration(inside):
    """Two are accepted while an endpoint is replaced, the newest first; a name without a secret removes it."""
    for number, name in ((1, "webhook_endpoint.acme-us"), (2, "webhook_endpoint.acme-us.next")):
        inside.receipt(
            step_of(number, StepState.DONE),
            secret_name=name,
            secret=Secret(f"whsec_{number}"),
            integration_id="acme-us",
        )
    inside.receipt(step_of(3, StepState.DONE), secret_name="other", secret=Secret("whsec_3"), integration_id="other")
    assert inside.secret("webhook_endpoint.acme-us") == Secret("whsec_1")
    assert inside.secrets_for("acme-us") == (Secret("whsec_2"), Secret("whsec_1"))
    inside.receipt(
        step_of(4, StepState.DONE),
        secret_name="webhook_endpoint.acme-us",
        secret=Secret("whsec_4"),
        integration_id="acme-us",
    )
    assert inside.secrets_for("acme-us") == (Secret("whsec_4"), Secret("whsec_2"))
    inside.receipt(step_of(5, StepState.DONE), secret_name="webhook_endpoint.acme-us.next")
    assert inside.secrets_for("acme-us") == (Secret("whsec_4"),)
    with pytest.raises(BrokenInvariant):
        inside.receipt(step_of(6, StepState.DONE), secret_name="x", secret=Secret("y"))


def test_a_sealed_secret_cannot_be_moved(inside, state):
    """Copied to another name or another integration it does not open."""
    for number, name in ((1, "a"), (2, "b")):
        inside.receipt(
            step_of(number, StepState.DONE), secret_name=name, secret=Secret(f"whsec_{name}"), integration_id="acme-us"
        )
    connection = state.database.connection()
    connection.execute("UPDATE sealed_secrets SET sealed = (SELECT sealed FROM sealed_secrets WHERE name = 'a')")
    assert inside.secret("a") == Secret("whsec_a")
    with pytest.raises(OperatorError) as refused:
        inside.secret("b")
    assert refused.value.code == "E-state-key-wrong"
    connection.execute("UPDATE sealed_secrets SET integration_id = 'other' WHERE name = 'a'")
    with pytest.raises(OperatorError):
        inside.secret("a")


def test_no_secret_in_the_bytes_of_the_files(tmp_path: Path):
    """Database, log and shared memory never hold a signing secret in clear, before and after a checkpoint (E6)."""
    path = tmp_path / "state.db"
    state = open_store(path, open_cipher(path))
    state.control.intend(step_of(1))
    state.control.receipt(
        step_of(1, StepState.DONE),
        resource=resource_of(),
        secret_name=ADDRESS,
        secret=Secret(CANARY),
        integration_id="acme-us",
    )
    key = key_path(path).read_bytes().strip()

    def clean() -> None:
        names = {each.name for each in tmp_path.iterdir() if each != key_path(path)}
        assert "state.db" in names
        for name in names:
            data = (tmp_path / name).read_bytes()
            assert CANARY.encode() not in data, name
            assert CANARY[6:16].encode() not in data, name
            assert key not in data, name

    clean()
    state.database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    clean()
    state.close()
    clean()
    state = open_store(path, open_cipher(path), create=False)
    assert state.control.secret(ADDRESS) == Secret(CANARY)
    state.close()


def test_a_lost_key_is_told_and_no_second_one_is_made(tmp_path: Path):
    """Without its key file the state says so, for reading and for sealing; nothing is overwritten."""
    path = tmp_path / "state.db"
    state = open_store(path, open_cipher(path))
    done = step_of(1, StepState.DONE)
    state.control.receipt(done, secret_name="a", secret=Secret("whsec_a"), integration_id="acme-us")
    state.close()
    key_path(path).unlink()
    state = open_store(path, open_cipher(path))
    for act in (
        lambda: state.control.secret("a"),
        lambda: state.control.secrets_for("acme-us"),
        lambda: state.control.receipt(done, secret_name="b", secret=Secret("whsec_b"), integration_id="acme-us"),
    ):
        with pytest.raises(OperatorError) as refused:
            act()
        assert refused.value.code == "E-state-key-missing"
    assert not key_path(path).exists()
    assert state.control.identity().serial == 1
    state.close()
