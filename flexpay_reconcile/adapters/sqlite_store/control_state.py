"""The control plane's memory over SQLite: what was applied, the lock, runs, configurations, sealed secrets.

Nothing here can charge. No secret is written but sealed, and none is part of an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.apply_steps import put_step, read_step
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, parse
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.sqlite_store.control_rows import lock_of, lock_row, resource_of, resource_row
from flexpay_reconcile.adapters.sqlite_store.session import Row, Session
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports.cipher import Cipher
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.control_state import AppliedResource, Lock, StateIdentity, Step, StepState
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret

_SQL = queries.load("control")


class SqliteControlState:
    """The control-state port over SQLite; usable from any number of threads."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        """`database` is migrated already (`open_store`); `cipher` seals the signing secrets."""
        self._database = database
        self._cipher = cipher
        self._configurations: dict[int, AppliedConfiguration] = {}

    def identity(self) -> StateIdentity:
        """Lineage and serial."""
        with self._database.looking() as session:
            row = _identity(session)
        return StateIdentity(lineage=row[0], serial=row[1])

    def instance_id(self) -> str:
        """The random id of this copy of the state (invariant A18)."""
        with self._database.looking() as session:
            return str(_identity(session)[2])

    def rearm(self, instance_id: str) -> None:
        """Give this copy a new id."""
        with self._database.writing() as session:
            session.change(_SQL["rearm"], {"instance_id": instance_id})
            session.change(_SQL["raise_serial"])

    def applied(self) -> dict[str, AppliedResource]:
        """Everything last applied, by address."""
        with self._database.looking() as session:
            rows = session.all(_SQL["applied"])
        return {row[0]: resource_of(row) for row in rows}

    def secret(self, name: str) -> Secret | None:
        """A sealed secret opened."""
        with self._database.looking() as session:
            row = session.one(_SQL["secret"], {"name": name})
        return None if row is None else self._opened(row)

    def knows_secret(self, name: str) -> bool:
        """Whether a sealed secret of that name is there."""
        with self._database.looking() as session:
            return session.one(_SQL["secret"], {"name": name}) is not None

    def secrets_for(self, integration_id: str) -> tuple[Secret, ...]:
        """Every signing secret the listener accepts for an integration now, the newest first."""
        with self._database.looking() as session:
            rows = session.all(_SQL["secrets_for"], {"integration_id": integration_id})
        return tuple(self._opened(row) for row in rows)

    def acquire_lock(self, lock: Lock, now: Instant) -> None:
        """Take the lock if free or expired; TryLater (LOCK_HELD) naming the holder otherwise."""
        with self._database.writing() as session:
            held = lock_of(session.one(_SQL["lock"]))
            if held is not None and held.expires_at > now and held.nonce != lock.nonce:
                raise TryLater(
                    f"{held.owner} on {held.host} (pid {held.pid}) is applying since {held.acquired_at.text()}",
                    code="E-lock-held",
                    hint=f"wait until it has ended; if it is surely dead: flexpay force-unlock {held.nonce}",
                    kind=ErrorKind.LOCK_HELD,
                )
            session.change(_SQL["take_lock"], lock_row(lock))

    def refresh_lock(self, nonce: str, now: Instant, ttl: Span) -> None:
        """Heartbeat; TryLater (LOCK_HELD) when the lock is no longer ours."""
        with self._database.writing() as session:
            wanted = {"nonce": nonce, "expires_at": now.plus(ttl).ms}
            if session.change(_SQL["refresh_lock"], wanted) != 1:
                raise _lost()

    def release_lock(self, nonce: str) -> None:
        """Give the lock back; no-op when it is not ours."""
        with self._database.writing() as session:
            session.change(_SQL["release_lock"], {"nonce": nonce})

    def lock(self) -> Lock | None:
        """The present holder."""
        with self._database.looking() as session:
            return lock_of(session.one(_SQL["lock"]))

    def intend(self, step: Step, *, nonce: str | None = None) -> None:
        """Record that a step is about to be called (state INTENDED), while the lock is held."""
        if step.state is not StepState.INTENDED:
            raise BrokenInvariant(f"step {step.run_id}/{step.number} is intended as {step.state.value}")
        with self._counted(nonce) as session:
            put_step(session, step)

    def receipt(
        self,
        step: Step,
        *,
        resource: AppliedResource | None = None,
        forget: bool = False,
        secret_name: str | None = None,
        secret: Secret | None = None,
        integration_id: str | None = None,
        nonce: str | None = None,
    ) -> None:
        """In one transaction: the step's end, the applied resource (or its removal), and a secret, sealed.

        A `secret_name` without a `secret` removes that secret.
        """
        if secret is not None and (secret_name is None or integration_id is None):
            raise BrokenInvariant("a secret is kept under a name, for an integration")
        with self._counted(nonce) as session:
            put_step(session, step)
            if resource is not None:
                session.change(_SQL["put_resource"], resource_row(resource))
            elif forget:
                session.change(_SQL["forget_resource"], {"address": step.address})
            if secret_name is not None:
                self._keep(session, secret_name, secret, integration_id)

    def unfinished_steps(self) -> tuple[Step, ...]:
        """Steps INTENDED and not yet DONE or FAILED, oldest first: where the last apply was killed."""
        with self._database.looking() as session:
            return tuple(read_step(row) for row in session.all(_SQL["unfinished_steps"]))

    def publish(
        self, configuration: Configuration, *, manifest_digest: str, at: Instant, by: str, nonce: str | None = None
    ) -> AppliedConfiguration:
        """Write the next configuration revision: the last step of an apply."""
        with self._counted(nonce) as session:
            revision = int(session.value(_SQL["latest_revision"]) or 0) + 1
            row = {
                "revision": revision,
                "digest": configuration.digest(),
                "manifest_digest": manifest_digest,
                "applied_at": at.ms,
                "applied_by": by,
                "body": dump(configuration),
            }
            session.change(_SQL["publish"], row)
        return AppliedConfiguration(
            revision=revision,
            configuration=configuration,
            manifest_digest=manifest_digest,
            applied_at=at,
            applied_by=by,
        )

    def latest(self) -> AppliedConfiguration | None:
        """The newest revision, or None before the first apply."""
        with self._database.asking() as session:
            number = session.value(_SQL["latest_revision"])
        if number is None:
            return None
        return self._configurations.get(int(number)) or self.revision(int(number))

    def revision(self, number: int) -> AppliedConfiguration | None:
        """One revision by number."""
        with self._database.looking() as session:
            return self._configuration(session, number)

    def _configuration(self, session: Session, number: int) -> AppliedConfiguration | None:
        """A revision, decoded once: it never changes."""
        known = self._configurations.get(number)
        if known is not None:
            return known
        row = session.one(_SQL["configuration"], {"revision": number})
        if row is None:
            return None
        found = AppliedConfiguration(
            revision=row[0],
            manifest_digest=row[1],
            applied_at=Instant(row[2]),
            applied_by=row[3],
            configuration=Configuration.from_plain(parse(row[4])),
        )
        self._configurations[number] = found
        return found

    def reseal(self, cipher: Cipher) -> int:
        """Seal every secret anew with another cipher, all or none; returns how many. Only this one opens them after."""
        with self._counted() as session:
            rows = session.all(_SQL["all_secrets"])
            for row in rows:
                sealed = cipher.seal(self._opened(row), _context(row[0], row[1]))
                session.change(_SQL["drop_secret"], {"name": row[0]})
                session.change(_SQL["add_secret"], {"name": row[0], "integration_id": row[1], "sealed": sealed})
        self._cipher = cipher
        return len(rows)

    def closed_secrets(self) -> tuple[str, ...]:
        """Names of sealed secrets that the key does not open."""
        with self._database.looking() as session:
            rows = session.all(_SQL["all_secrets"])
        return tuple(row[0] for row in rows if not self._opens(row))

    def _opens(self, row: Row) -> bool:
        with contextlib.suppress(OperatorError):
            return bool(self._opened(row))
        return False

    @contextlib.contextmanager
    def _counted(self, nonce: str | None = None) -> Iterator[Session]:
        """A write that raises the serial; with a nonce, only while the lock with that nonce is held."""
        with self._database.writing() as session:
            if nonce is not None:
                held = lock_of(session.one(_SQL["lock"]))
                if held is None or held.nonce != nonce:
                    raise _lost()
            session.change(_SQL["raise_serial"])
            yield session

    def _keep(self, session: Session, name: str, secret: Secret | None, integration_id: str | None) -> None:
        """Replace or remove a secret. Whoever seals must be able to open what is there, or there would be two keys."""
        if secret is not None:
            row = session.one(_SQL["any_secret"])
            if row is not None:
                self._opened(row)
        session.change(_SQL["drop_secret"], {"name": name})
        if secret is not None:
            sealed = self._cipher.seal(secret, _context(name, str(integration_id)))
            session.change(_SQL["add_secret"], {"name": name, "integration_id": integration_id, "sealed": sealed})

    def _opened(self, row: Row) -> Secret:
        return self._cipher.open(row[2], _context(row[0], row[1]))


def _context(name: str, integration_id: str) -> str:
    """What a sealed secret is bound to: its row."""
    return f"{name} of {integration_id}"


def _identity(session: Session) -> Row:
    row = session.one(_SQL["identity"])
    if row is None:
        raise BrokenInvariant("the state has no identity")
    return row


def _lost() -> TryLater:
    return TryLater(
        "the apply lock is no longer ours",
        code="E-lock-lost",
        hint="run `flexpay plan` again; what was done so far is recorded",
        kind=ErrorKind.LOCK_HELD,
    )
