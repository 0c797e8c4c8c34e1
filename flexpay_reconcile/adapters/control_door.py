"""The control plane's memory behind a daemon's control door. Speaks HTTP; keeps nothing; never sees a kept secret.

Questions and idempotent writes are asked again when an answer is lost; `publish` is not, because asked twice it would
make two revisions: the next plan shows whether it was heard.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.ports import control_wire
from flexpay_reconcile.ports.cipher import Sealer
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.control_facts import CaseFacts
from flexpay_reconcile.ports.control_state import AppliedResource, Lock, StateIdentity, Step
from flexpay_reconcile.ports.control_wire import Hello
from flexpay_reconcile.values import url
from flexpay_reconcile.values.ids import AccountId
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret

TIMEOUT: Final = Span.of(seconds=30)
TRIES: Final = 3
MAX_ANSWER: Final = 64 * 1024 * 1024
_OVERLOADED: Final = frozenset({502, 503, 504})


class DoorConnection:
    """Asks one control door, one HTTP connection a question."""

    def __init__(self, address: str, token: Callable[[], Secret], *, wait: Callable[[Span], None]) -> None:
        """`address` is `https://HOST[:PORT]`, or `http://` on this machine; OperatorError (USAGE) for another."""
        parts = url.parse(address)
        plain_is_fine = parts is not None and parts.scheme == "http" and url.is_loopback(address)
        if parts is None or parts.has_credentials or not (parts.scheme == "https" or plain_is_fine):
            shown = "the address" if parts is None or parts.has_credentials else address
            raise OperatorError(
                f"{shown} is no control door",
                code="E-door-address",
                hint="--state takes https://HOST[:PORT]; http:// only on this machine",
                kind=ErrorKind.USAGE,
            )
        split = urlsplit(address)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.host, split.port
        self._prefix = split.path.rstrip("/")
        self._token = token
        self._wait = wait

    def ask(self, name: str, /, **arguments: Any) -> Any:
        """The answer; what the other side raised; TryLater where nobody answers."""
        body = json.dumps(control_wire.write_arguments(name, arguments)).encode()
        lost: FlexpayError | None = None
        for again in range(TRIES if control_wire.CALLS[name].again else 1):
            if again:
                self._wait(Span.of(seconds=again))
            try:
                status, content = self._send(name, body)
            except (OSError, http.client.HTTPException, ValueError) as problem:
                lost = self._silent(name, problem)
                continue
            if status not in _OVERLOADED or self._error(content) is not None:
                return self._read(name, status, content)
            lost = self._silent(name, f"answered {status}")
        raise lost or BrokenInvariant("a question was never asked")

    def _send(self, name: str, body: bytes) -> tuple[int, bytes]:
        seconds = TIMEOUT.ms / 1000
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=ssl.create_default_context())
            if self._secure
            else http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        )
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token().reveal()}"}
            connection.request("POST", f"{self._prefix}{control_wire.PATH}{name}", body, headers)
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER + 1)
            if len(content) > MAX_ANSWER:
                raise ValueError("an answer without end")
            return answer.status, content
        finally:
            connection.close()

    def _read(self, name: str, status: int, content: bytes) -> Any:
        if (error := self._error(content)) is not None:
            raise error
        found = self._object(content)
        if status != http.client.OK or found is None or "answer" not in found:
            raise self._stranger(f"it answered {status}")
        try:
            return control_wire.read_answer(name, found["answer"])
        except (BrokenInvariant, OperatorError) as problem:
            raise self._stranger(problem.message) from None

    def _error(self, content: bytes) -> FlexpayError | None:
        found = self._object(content)
        return None if found is None else control_wire.read_error(found.get("error"))

    def _object(self, content: bytes) -> dict[str, Any] | None:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _silent(self, name: str, problem: object) -> FlexpayError:
        heard = "" if control_wire.CALLS[name].again else "; whether it was heard is not known: plan again and see"
        return TryLater(
            f"the control door at {self._place()} does not answer: {problem}{heard}",
            code="E-door-silent",
            hint="is the daemon running with --control-listen, and may this machine reach it?",
        )

    def _stranger(self, because: str) -> OperatorError:
        return OperatorError(
            f"what answers at {self._place()} is no control door of this version: {because}",
            code="E-door-version",
            hint="name the address of `daemon --control-listen`, and use the same version of flexpay on both sides",
        )

    def _place(self) -> str:
        return f"{self._host}:{self._port}" if self._port else self._host


class RemoteControlState:
    """The control-state and control-facts ports, answered by a daemon elsewhere."""

    def __init__(self, door: DoorConnection, seal: Sealer) -> None:
        """`seal` seals a secret for the daemon's key."""
        self._door = door
        self._seal = seal

    def hello(self) -> Hello:
        """The daemon's present and the key that secrets are sealed for."""
        found: Hello = self._door.ask("hello")
        return found

    def identity(self) -> StateIdentity:
        """Lineage and serial."""
        found: StateIdentity = self._door.ask("identity")
        return found

    def instance_id(self) -> str:
        """The random id of the daemon's copy of the state."""
        return str(self._door.ask("instance_id"))

    def rearm(self, instance_id: str) -> None:
        """Never from outside: it decides which copy may charge."""
        raise _inside("rearming a state")

    def applied(self) -> dict[str, AppliedResource]:
        """Everything last applied, by address."""
        return dict(self._door.ask("applied"))

    def secret(self, name: str) -> Secret | None:
        """Never from outside."""
        raise _inside("reading a signing secret")

    def knows_secret(self, name: str) -> bool:
        """Whether the state holds a secret of that name."""
        return bool(self._door.ask("knows_secret", name=name))

    def secrets_for(self, integration_id: str) -> tuple[Secret, ...]:
        """Never from outside."""
        raise _inside("reading signing secrets")

    def acquire_lock(self, lock: Lock, now: Instant) -> None:
        """Take the lock; the daemon's clock tells when it expires."""
        self._door.ask("acquire_lock", lock=lock)

    def refresh_lock(self, nonce: str, now: Instant, ttl: Span) -> None:
        """Heartbeat, by the daemon's clock."""
        self._door.ask("refresh_lock", nonce=nonce, ttl=ttl)

    def release_lock(self, nonce: str) -> None:
        """Give the lock back."""
        self._door.ask("release_lock", nonce=nonce)

    def lock(self) -> Lock | None:
        """The present holder."""
        found: Lock | None = self._door.ask("lock")
        return found

    def intend(self, step: Step, *, nonce: str | None = None) -> None:
        """Record that a step is about to be called."""
        self._door.ask("intend", step=step, nonce=nonce)

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
        """The step's end; a secret crosses sealed for the daemon that says hello now."""
        sealed = None
        if secret is not None:
            context = control_wire.secret_context(str(secret_name), str(integration_id))
            sealed = self._seal(secret, self.hello().seal_for, context)
        self._door.ask(
            "receipt",
            step=step,
            resource=resource,
            forget=forget,
            secret_name=secret_name,
            sealed_secret=sealed,
            integration_id=integration_id,
            nonce=nonce,
        )

    def unfinished_steps(self) -> tuple[Step, ...]:
        """Steps intended and not ended."""
        return tuple(self._door.ask("unfinished_steps"))

    def publish(
        self, configuration: Configuration, *, manifest_digest: str, at: Instant, by: str, nonce: str | None = None
    ) -> AppliedConfiguration:
        """Write the next revision."""
        found: AppliedConfiguration = self._door.ask(
            "publish", configuration=configuration, manifest_digest=manifest_digest, at=at, by=by, nonce=nonce
        )
        return found

    def latest(self) -> AppliedConfiguration | None:
        """The newest revision."""
        found: AppliedConfiguration | None = self._door.ask("latest")
        return found

    def revision(self, number: int) -> AppliedConfiguration | None:
        """One revision by number."""
        found: AppliedConfiguration | None = self._door.ask("revision", number=number)
        return found

    def live_cases(self) -> dict[str, int]:
        """Cases not in a final state, by integration id."""
        return dict(self._door.ask("live_cases"))

    def cases_of(self, integration_id: str) -> tuple[CaseFacts, ...]:
        """Every live case of an integration."""
        return tuple(self._door.ask("cases_of", integration_id=integration_id))

    def take_over_of(self, integration_id: str) -> str | None:
        """The record of its take-over."""
        found: str | None = self._door.ask("take_over_of", integration_id=integration_id)
        return found

    def sample_account(self, integration_id: str) -> AccountId | None:
        """A connected account that was heard of."""
        found: AccountId | None = self._door.ask("sample_account", integration_id=integration_id)
        return found


def _inside(what: str) -> OperatorError:
    return OperatorError(
        f"{what} does not cross the control door",
        code="E-door-inside",
        hint="run this on the daemon's host, with --state naming the file",
        kind=ErrorKind.USAGE,
    )
