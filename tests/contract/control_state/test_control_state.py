"""The control state: serial, lock, intents and receipts, sealed secrets, configuration revisions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, TryLater
from flexpay_reconcile.ports.control_state import StepState
from flexpay_reconcile.values.secret import Secret
from tests.contract.control_state.makers import (
    ADDRESS,
    T0,
    TTL,
    at,
    configuration_of,
    lock_of,
    resource_of,
    step_of,
)


def test_a_new_state_has_a_lineage_and_no_content(control):
    """Serial 0, nothing applied, no lock, no configuration, nothing unfinished."""
    identity = control.identity()
    assert (len(identity.lineage), identity.serial) == (32, 0)
    assert len(control.instance_id()) == 32
    assert control.instance_id() != identity.lineage
    assert (control.applied(), control.lock(), control.latest(), control.unfinished_steps()) == ({}, None, None, ())
    assert control.revision(1) is None
    assert control.knows_secret("x") is False


def test_two_states_have_two_lineages(control):
    """A lineage is random."""
    other = open_store(":memory:", open_cipher(None))
    assert other.control.identity().lineage != control.identity().lineage
    other.close()


def test_the_serial_counts_writes_and_nothing_else(control, state):
    """One for each intent, receipt and publication; the lock, reads and the data plane raise none."""
    control.acquire_lock(lock_of("n1"), T0)
    control.refresh_lock("n1", at(1), TTL)
    with state.store.begin() as unit:
        unit.marks.set("x", "y")
    assert control.identity().serial == 0
    control.intend(step_of())
    assert control.identity().serial == 1
    control.receipt(step_of(state=StepState.DONE), resource=resource_of())
    assert control.identity().serial == 2
    control.publish(configuration_of(), manifest_digest="d", at=T0, by="ada")
    assert control.identity().serial == 3
    control.release_lock("n1")
    control.applied()
    assert control.identity().serial == 3


def test_one_apply_at_a_time(control):
    """While somebody holds the lock the next is told who, where, and the nonce that would force it (invariant E4)."""
    control.acquire_lock(lock_of("n1"), T0)
    with pytest.raises(TryLater) as told:
        control.acquire_lock(lock_of("n2"), at(29))
    assert (told.value.kind, told.value.code) == (ErrorKind.LOCK_HELD, "E-lock-held")
    for word in ("ada", "build-7", "4711"):
        assert word in told.value.message
    assert "n1" in str(told.value.hint)
    assert control.lock() == lock_of("n1")


def test_an_expired_lock_is_taken_and_the_old_holder_notices(control):
    """After its time the lock goes to the next; the first one's heartbeat and release do nothing to it."""
    control.acquire_lock(lock_of("n1"), T0)
    control.acquire_lock(lock_of("n2", seconds=30), at(30))
    with pytest.raises(TryLater) as told:
        control.refresh_lock("n1", at(31), TTL)
    assert told.value.kind is ErrorKind.LOCK_HELD
    control.release_lock("n1")
    assert control.lock() == lock_of("n2", seconds=30)


def test_a_heartbeat_keeps_the_lock(control):
    """Refreshed in time it does not expire; released by its nonce it is free."""
    control.acquire_lock(lock_of("n1"), T0)
    control.refresh_lock("n1", at(25), TTL)
    with pytest.raises(TryLater):
        control.acquire_lock(lock_of("n2"), at(40))
    control.release_lock("n1")
    assert control.lock() is None
    control.acquire_lock(lock_of("n2"), at(41))
    with pytest.raises(TryLater):
        control.refresh_lock("n1", at(41), TTL)


def test_writes_of_an_apply_are_fenced_by_its_lock(control):
    """With the nonce of a lock that was taken, given back or never held, nothing is written: intent, receipt, revision."""
    control.acquire_lock(lock_of("n1"), T0)
    control.intend(step_of(1), nonce="n1")
    control.receipt(step_of(1, StepState.DONE), resource=resource_of(), nonce="n1")
    control.release_lock("n1")
    control.acquire_lock(lock_of("n2"), T0)
    serial = control.identity().serial
    for nonce in ("n1", "never"):
        for write in (
            lambda lost=nonce: control.intend(step_of(2), nonce=lost),
            lambda lost=nonce: control.receipt(step_of(1, StepState.FAILED), forget=True, nonce=lost),
            lambda lost=nonce: control.publish(configuration_of(), manifest_digest="d", at=T0, by="a", nonce=lost),
        ):
            with pytest.raises(TryLater) as refused:
                write()
            assert refused.value.code == "E-lock-lost"
    control.release_lock("n2")
    with pytest.raises(TryLater):
        control.intend(step_of(2), nonce="n2")
    assert control.identity().serial == serial
    assert control.latest() is None
    assert len(control.applied()) == 1


def test_an_intent_is_unfinished_until_its_receipt(control):
    """What a killed apply was about to do is found, oldest first; done and failed steps are not."""
    for number in (1, 2, 3):
        control.intend(step_of(number))
    control.receipt(step_of(1, StepState.DONE), resource=resource_of())
    control.receipt(step_of(3, StepState.FAILED, message="403"))
    assert control.unfinished_steps() == (step_of(2),)
    assert control.applied() == {ADDRESS: resource_of()}


def test_a_receipt_may_forget(control):
    """A removed resource is gone from what was applied."""
    control.receipt(step_of(1, StepState.DONE), resource=resource_of())
    control.receipt(step_of(2, StepState.DONE, action="delete"), forget=True)
    assert control.applied() == {}


def test_a_step_keeps_its_idempotency_key(control):
    """The same step with another key would be another call; a done step is not intended again."""
    control.intend(step_of(1))
    control.intend(step_of(1, at=at(60)))
    with pytest.raises(BrokenInvariant, match="idempotency key"):
        control.intend(step_of(1, idempotency_key="another"))
    control.receipt(step_of(1, StepState.DONE))
    with pytest.raises(BrokenInvariant, match="is done"):
        control.intend(step_of(1))
    with pytest.raises(BrokenInvariant, match="intended as done"):
        control.intend(step_of(2, StepState.DONE))


def test_resource_secret_and_step_are_one_transaction(inside):
    """When the last part cannot be written, none of the parts is, and the serial stays."""
    inside.intend(step_of(1))
    unwritable = resource_of(attributes={"x": object()})
    with pytest.raises(TypeError):
        inside.receipt(
            step_of(1, StepState.DONE),
            resource=unwritable,
            secret_name="s",
            secret=Secret("x"),
            integration_id="acme-us",
        )
    assert inside.unfinished_steps() == (step_of(1),)
    assert (inside.applied(), inside.secret("s"), inside.identity().serial) == ({}, None, 1)


def test_configurations_come_back_by_revision(control):
    """Numbered from 1 without end, never changed, the newest is the latest; and so for a second reader."""
    first = control.publish(configuration_of("Acme"), manifest_digest="d1", at=at(1), by="ada")
    second = control.publish(configuration_of("Acme Inc"), manifest_digest="d2", at=at(2), by="bo")
    assert (first.revision, second.revision) == (1, 2)
    assert control.latest() == second
    assert control.revision(1) == first
    assert control.revision(3) is None
    reread = control.revision(1)
    assert reread is not None
    assert reread.configuration.digest() == configuration_of("Acme").digest()


def test_a_configuration_revision_never_changes(control, state):
    """The database refuses to change or drop one."""
    control.publish(configuration_of(), manifest_digest="d", at=T0, by="ada")
    for statement in ("UPDATE configurations SET applied_by = 'x'", "DELETE FROM configurations"):
        with pytest.raises(sqlite3.IntegrityError, match="configuration revision never"):
            state.database.connection().execute(statement)


def test_a_daemon_sees_what_another_process_published(tmp_path: Path):
    """Two processes on one file: a new revision is seen at the next question."""
    path = tmp_path / "state.db"
    daemon, apply = open_store(path, open_cipher(path)), open_store(path, open_cipher(path))
    assert daemon.control.latest() is None
    published = apply.control.publish(configuration_of(), manifest_digest="d", at=T0, by="ada")
    assert daemon.control.latest() == published
    apply.control.receipt(step_of(1, StepState.DONE), secret_name="a", secret=Secret("whsec_a"), integration_id="i")
    assert daemon.control.secrets_for("i") == (Secret("whsec_a"),)
    daemon.close()
    apply.close()
