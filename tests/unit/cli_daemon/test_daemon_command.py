"""What keeps a daemon from starting: no checks, live keys on a simulator, another daemon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.process_lock import ProcessLock
from flexpay_reconcile.cli import daemon, exit_codes
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.config.keys import Environment
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.config import agreed

NOW = Instant.from_text("2026-01-01T00:00:00Z")


class Still:
    """A clock that stands."""

    def now(self):
        """Always the same."""
        return NOW


@pytest.fixture
def parts(tmp_path):
    """A state in a file, opened."""
    opened = bootstrap.open_control(str(tmp_path / "state.db"), None, clock=Still())
    yield opened
    opened.close()


def test_no_daemon_under_python_o():
    """Assertions taken away by -O are checks taken away from money."""
    daemon._refuse_optimised(0)
    with pytest.raises(OperatorError) as refused:
        daemon._refuse_optimised(1)
    assert exit_codes.of_error(refused.value) == exit_codes.GUARD_REFUSED


def test_live_integrations_do_not_run_against_a_simulator(parts):
    """With --stripe-api a live integration is refused by name; without it, it is not."""
    live = replace(agreed.integration(), environment=Environment.LIVE)
    configuration = agreed.configuration(integrations={"acme-us": live})
    parts.state.publish(configuration, manifest_digest="d", at=NOW, by="test")
    daemon._refuse_live_keys(parts, None)
    with pytest.raises(OperatorError, match="acme-us") as refused:
        daemon._refuse_live_keys(parts, "http://127.0.0.1:4242")
    assert refused.value.kind is ErrorKind.KEY_REFUSED


def test_a_daemon_without_its_keys_does_not_start(tmp_path, monkeypatch, capsys):
    """Both keys are looked for before anything is served: each fault named, no value shown, exit 4."""
    state = str(tmp_path / "state.db")
    opened = bootstrap.open_control(state, None, clock=Still())
    integration = agreed.integration()
    opened.state.publish(agreed.configuration(), manifest_digest="d", at=NOW, by="test")
    opened.close()
    references = [integration.api_keys.primary, integration.api_keys.fallback]
    monkeypatch.delenv("ACME_PRIMARY", raising=False)
    assert entry(["daemon", "--state", state, "--listen", "127.0.0.1:0"]) == exit_codes.KEY_REFUSED
    told = capsys.readouterr().err
    assert all(each.text() in told for each in references)
    assert "error[E-keys]: 2 faults in the API keys; the daemon was not started" in told


def test_two_processes_do_not_lock_one_state(tmp_path):
    """The second is told who holds it; once given back, it is free; another state is another lock."""
    first, second = ProcessLock(tmp_path / "state.db"), ProcessLock(tmp_path / "state.db")
    first.acquire()
    with pytest.raises(FlexpayError, match=r"process \d+") as refused:
        second.acquire()
    assert exit_codes.of_error(refused.value) == exit_codes.LOCK_HELD
    ProcessLock(tmp_path / "other.db").acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_lease_of_another_machine_is_respected(parts):
    """Whoever holds the lease is named, with its end; exit 6."""
    with parts.store.begin() as unit:
        assert unit.leases.acquire("daemon on elsewhere", NOW, Span.of(minutes=5))
    with pytest.raises(FlexpayError, match="daemon on elsewhere, until 2026-01-01 00:05 UTC") as refused:
        daemon._take_lease(bootstrap.open_engine(parts, holder="daemon on here"))
    assert exit_codes.of_error(refused.value) == exit_codes.LOCK_HELD


def test_the_lease_of_a_dead_daemon_of_this_machine_is_taken_over(parts):
    """The same name goes on where a killed process stopped, under the same fence."""
    daemon._take_lease(bootstrap.open_engine(parts, holder="daemon on here"))
    second = bootstrap.open_engine(parts, holder="daemon on here")
    daemon._take_lease(second)
    assert second.context.fence == 1


def test_a_daemon_without_a_state_says_what_is_missing(tmp_path, capsys):
    """Nothing is made by accident: no state, no daemon."""
    assert entry(["daemon", "--state", str(tmp_path / "none.db")]) == 1
    assert "error[E-state-missing]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
