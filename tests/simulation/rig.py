"""The stage of the rehearsal with instruments on it: every call and every commit is seen, and can be the last one.

A crash is a BaseException of our own, so that no handler of the product can take it for a fault it knows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import stripe

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.stripe_api.keys import KeyRing
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.ports.rows import StoredEntry
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.final_action import FinalAction
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.rehearsal.stage import Stage
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.issuers import cards
from flexpay_reconcile.simulator.resources import events, payment_methods
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import worlds
from tests.simulation.request import Request, instruments

__all__ = ["Crash", "KeyRing", "Request", "Rig"]

SIX_MINUTES = Span.of(minutes=6)  # longer than a lease


class Crash(BaseException):
    """The process is gone."""


class Recorder(SimulatorTransport):
    """The transport in process, which writes down every request and lets the rig fail it."""

    def __init__(self, rig: Rig) -> None:
        """Record for `rig`."""
        super().__init__(rig.world)
        self._rig = rig

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        """One request, with the rig asked before and after."""
        parts, given = urlsplit(url), {name.lower(): value for name, value in (headers or {}).items()}
        body = post_data if isinstance(post_data, str) else (post_data or b"").decode()
        request = Request(
            at=self.world.now,
            method=method.upper(),
            path=parts.path,
            form=parts.query + ("&" if body and parts.query else "") + body,
            key=given.get("idempotency-key"),
            secret=given.get("authorization", "").removeprefix("Bearer "),
            account=given.get("stripe-account"),
        )
        self._rig.requests.append(request)
        try:
            with instruments():
                for hook in tuple(self._rig.before_call):
                    hook(request)
            request.at = self.world.now  # a hook may have let time pass before it left
            body, status, answered = super().request(method, url, headers, post_data)
        except stripe.APIConnectionError as silence:
            request.unexecuted = isinstance(silence.__cause__, ConnectionRefusedError)
            raise
        with instruments():
            for change in tuple(self._rig.change_answer):
                body = change(request, status, body)
            request.status = status
            request.unexecuted = status in (401, 403, 429)
            request.body = body
            for hook in tuple(self._rig.after_call):
                hook(request)
        return body, status, answered


class WatchedStore:
    """The real store; the rig is asked before and after each commit."""

    def __init__(self, inner: Store, rig: Rig) -> None:
        """Watch `inner` for `rig`."""
        self.inner = inner
        self._rig = rig

    @contextlib.contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A unit of work that may be lost before it is committed, or be the last thing that was."""
        with self.inner.begin() as unit:
            yield unit
            for hook in tuple(self._rig.before_commit):
                hook()
        for hook in tuple(self._rig.after_commit):
            hook()

    def reading(self) -> contextlib.AbstractContextManager[UnitOfWork]:
        """A view."""
        return self.inner.reading()

    def next_due(self) -> Instant | None:
        """The earliest work."""
        return self.inner.next_due()


class Rig(Stage):
    """A stage with a configuration applied, hooks on calls and commits, and a memory that survives a crash."""

    def __init__(
        self,
        customers: Mapping[str, dict[str, Any]],
        *,
        loaded: Loaded | None = None,
        seed: int = 1,
        state: str = ":memory:",
        scenario: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        """Build the world, plan and apply. `state` is a path for what must survive in a file."""
        self.requests: list[Request] = []
        self.before_call: list[Callable[[Request], None]] = []
        self.after_call: list[Callable[[Request], None]] = []
        self.change_answer: list[Callable[[Request, int, str], str]] = []
        self.before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []
        self.post: Callable[[str, dict[str, str], bytes], int] | None = None
        self.crashes = 0
        self._kept: Any = None
        self.loaded = loaded or worlds.manifest()
        super().__init__((scenario or worlds.scenario)(dict(customers), seed=seed), state=state)
        self._prepare()
        arm.apply(self, self.loaded)
        self.requests.clear()

    def _prepare(self) -> None:
        """What happens in the world before anything is applied."""

    def _open(self) -> bootstrap.ControlParts:
        if not isinstance(self.transport, Recorder):
            self.transport = Recorder(self)
        with mock.patch.object(bootstrap.control, "open_store", self._open_store):
            parts = super()._open()
        return dataclasses.replace(parts, store=WatchedStore(parts.store, self))

    def _open_store(self, *args: Any, **kwargs: Any) -> Any:
        """A state in memory is kept through a crash: what was committed stays, as on a disk."""
        if self._kept is None or self.state != ":memory:":
            self._kept = open_store(*args, **kwargs)
        return self._kept

    def restart(self) -> None:
        """A new process over the same state."""
        if self.state == ":memory:":
            self.parts = self._open()
            self.engine = bootstrap.open_engine(self.parts)
            self._news = True
        else:
            super().restart()

    def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        post = self.post or super()._deliver
        try:
            return post(url, headers, body)
        except Crash:
            self.crashes += 1
            self.restart()
            raise ConnectionError("the listener died") from None

    def deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """What the listener would answer, for tests that put themselves between Stripe and it."""
        return super()._deliver(url, headers, body)

    def live(self, days: float, *, down: Span = SIX_MINUTES, on_step: Callable[[Instant], None] | None = None) -> None:
        """Let days pass; after a crash nobody works nor listens for `down`, then a new process starts."""
        end = self.now.plus(Span.of(seconds=int(days * 86_400)))
        while True:
            try:
                self.run_until(end, on_step=on_step)
            except Crash:
                self.crashes += 1
                self.rest(down)
                self.restart()
            else:
                return

    def rest(self, span: Span) -> None:
        """Time passes while the process is down."""
        self.listening = False
        self.world.advance_to(self.now.plus(span).seconds)
        self.listening = True

    def decline(self, name: str, code: str, times: int | None = None, **evidence: str) -> None:
        """From now on this customer is refused."""
        control.decline(self.world, name, code, times=times, **evidence)

    def attach(self, name: str, token: str) -> str:
        """A card is attached to the customer and made nobody's default; its payment method id."""
        account, row = control.customer_of(self.world, name)
        card = cards.find(token)
        assert card is not None
        method = payment_methods.make(self.world.sim, account, card, customer=row["id"])
        events.emit(self.world.sim, account, "payment_method.attached", method)
        return str(method["id"])

    def set_key(self, env: str, **changes: Any) -> None:
        """Revoke a key at Stripe, take a permission away, or give it back."""
        secret = self.environ[env]
        self.world.sim.keys[secret] = dataclasses.replace(self.world.sim.keys[secret], **changes)

    def customer_id(self, name: str) -> str:
        """The id behind a name."""
        return str(control.customer_of(self.world, name)[1]["id"])

    def invoices(self, name: str) -> list[dict[str, Any]]:
        """The customer's invoices at Stripe, oldest first."""
        account, row = control.customer_of(self.world, name)
        rows = account.table("invoice").rows
        return [rows[id_] for id_ in account.table("invoice").by("customer", row["id"])]

    def subscription(self, name: str) -> dict[str, Any]:
        """The customer's subscription at Stripe."""
        account, row = control.customer_of(self.world, name)
        table = account.table("subscription")
        return table.rows[table.by("customer", row["id"])[0]]

    # -- what the product knows ----------------------------------------------------------------------------------

    def cases(self) -> list[RecoveryCase]:
        """All cases, oldest first."""
        with self.parts.store.reading() as view:
            return sorted(view.cases.list(limit=100_000), key=lambda each: (each.opened_at, each.id))

    def case(self, name: str) -> RecoveryCase:
        """The only case of a customer."""
        found = [each for each in self.cases() if each.customer == self.customer_id(name)]
        assert len(found) == 1, [(each.id, each.state) for each in found]
        return found[0]

    def attempts(self, case: RecoveryCase) -> tuple[Attempt, ...]:
        """All attempts of its invoice."""
        with self.parts.store.reading() as view:
            return view.attempts.of_invoice(case.account, case.invoice)

    def actions(self, case: RecoveryCase) -> tuple[FinalAction, ...]:
        """Its final actions."""
        with self.parts.store.reading() as view:
            return view.actions.of_case(case.id)

    def story(self, case: RecoveryCase) -> list[StoredEntry]:
        """Its journal."""
        with self.parts.store.reading() as view:
            return list(view.journal.of_case(case.id))

    def charges(self, invoice: InvoiceId | str | None = None) -> list[dict[str, Any]]:
        """The simulator's own ledger of charges, without the history before the start."""
        rows = [row for row in self.world.ledger.charges if row["source"] != "history"]
        return [row for row in rows if invoice is None or row["invoice"] == invoice]

    def successes(self, invoice: InvoiceId | str) -> list[dict[str, Any]]:
        """The charges of an invoice that took money."""
        return [row for row in self.charges(invoice) if row["status"] == "succeeded"]

    def pays(self) -> list[Request]:
        """Every `pay` that was sent."""
        return [each for each in self.requests if each.is_pay]
