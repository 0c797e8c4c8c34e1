"""Invariants of final actions and of the inbox, recomputed from what was sent, delivered and is seen at Stripe."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from flexpay_reconcile.recovery.final_action import ActionKind
from flexpay_reconcile.values.ids import AccountId, CaseId, InvoiceId
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import KEY, require
from tests.simulation.policies import Policies
from tests.simulation.recipe import Recipe
from tests.simulation.rig import Request

TAG = "fp-uncollectible"
HOUR, DAY = 3600, 86_400


class Finals:
    """Watches one fleet's cancellations, marks and tags, and every delivery."""

    def __init__(self, fleet: Fleet, recipe: Recipe, policies: Policies) -> None:
        """Hook in before anything goes wrong."""
        self.fleet = fleet
        self.policies = policies
        self.prorates = recipe.manifest["action"] == "cancel_with_delay"
        self.from_invoice = recipe.manifest["delay_from"] == "invoice_creation"
        self.calm_at: int | None = None
        self._delivered: set[str] = set()
        self._accepted: set[str] = set()
        fleet.before_call.append(self.sent)
        fleet.heard.append(self.delivered)

    @property
    def account(self) -> Any:
        """The only account."""
        account = worlds.book(self.fleet.world)
        return account

    def delivered(self, body: bytes, status: int) -> None:
        """A delivery was answered."""
        try:
            event = str(json.loads(body)["id"])
        except ValueError:
            return
        self._delivered.add(event)
        if status == 200:
            self._accepted.add(event)

    def sent(self, request: Request) -> None:
        """A call is about to leave."""
        if request.method == "DELETE" and "/subscriptions/" in request.path:
            self.c3_delay(request)
            self.c6_proration(request)
            self.c8_once(request)
        if request.is_pay:
            self.c1_bounded(request)
        if request.method == "POST" and dict(request.params).get("cancel_at_period_end") == "true":
            self.c4_scheduling(request)

    def c3_delay(self, request: Request) -> None:
        """C3: not before the last refusal (or the invoice's creation) plus the delay, and not much after it."""
        said = dict(request.params).get("cancellation_details[comment]", "")
        case_id = CaseId(said.rpartition("(")[2].removesuffix(")"))
        with self.fleet.parts.store.reading() as view:
            case, actions = view.cases.get(case_id), view.actions.of_case(case_id)
        if case is None:
            return
        own = [
            row["created"] for row in self.fleet.charges(case.invoice) if KEY.fullmatch(row["idempotency_key"] or "")
        ]
        refused = max(own, default=case.first_declined_at.seconds)
        anchor = case.invoice_created_at.seconds if self.from_invoice else refused
        owed = [each for each in actions if each.kind is ActionKind.CANCEL_SUBSCRIPTION]
        delay = self.policies.delay_of(owed[0].revision if owed else case.revision)
        words = f"{request.object_id} is cancelled {request.at - anchor} s after its anchor; the delay is {delay} s"
        error = self.fleet.acting.error if self.fleet.acting is not None else 0  # F3 allows five minutes
        require(request.at + error >= anchor + delay, "C3", words)
        ended = case.ended_at.seconds if case.ended_at else request.at
        planned = [each.decided_at.seconds for each in owed]
        last = max(ended, *planned) + delay + HOUR
        if self.calm_at is not None:
            require(request.at <= max(last, self.calm_at + DAY), "C3", f"{words}, long over since {ended}")

    def c6_proration(self, request: Request) -> None:
        """C6: the choice sent is the policy's; a credit is never drawn up by an invoice at once."""
        sent = dict(request.params)
        wanted = "true" if self.prorates else "false"
        require(
            sent.get("prorate") == wanted, "C6", f"{request.object_id} is cancelled with prorate={sent.get('prorate')}"
        )
        require(sent.get("invoice_now") == "false", "C6", f"{request.object_id} is cancelled and invoiced at once")

    def c8_once(self, request: Request) -> None:
        """C8: a subscription that was cancelled is not cancelled again."""
        done = [each for each in self.fleet.requests if (each.method, each.path) == (request.method, request.path)]
        require(all(each.status != 200 for each in done), "C8", f"{request.object_id} is cancelled twice")

    def c4_scheduling(self, request: Request) -> None:
        """C4: no end is scheduled for a customer who paid the invoice, or a later one."""
        rows = [self.account.get("invoice", each) for each in self.account.invoices_of[request.object_id]]
        with self.fleet.parts.store.reading() as view:
            cases = {case.invoice for case in view.cases.list(limit=10_000) if case.subscription == request.object_id}
        owed = [row for row in rows if row["id"] in cases and row["status"] == "open"]
        require(bool(owed), "C4", f"the end of {request.object_id} is scheduled and nothing is owed")
        first = min(row["created"] for row in owed)
        paid = [
            row["id"] for row in rows if row["created"] > max(first, owed[-1]["created"]) and row["status"] == "paid"
        ]
        require(not paid, "C4", f"the end of {request.object_id} is scheduled though {paid} were paid later")

    def c1_bounded(self, request: Request) -> None:
        """C1: no invoice is tried on one card more often than the policy says; a renewed card counts anew."""
        method = dict(request.params).get("payment_method")
        before = {
            each.key
            for each in self.fleet.pays()
            if each.object_id == request.object_id and dict(each.params).get("payment_method") == method
        }
        ours = [
            row
            for row in self.fleet.charges(request.object_id)
            if row["payment_method"] == method and row["idempotency_key"] in before - {request.key}
        ]
        customer = self.account.get("invoice", request.object_id)["customer"]
        told = ("payment_method.automatically_updated", method), ("customer.updated", customer)
        events = self.account.table("event").rows.values()
        anew = sum((each["type"], each["data"]["object"]["id"]) in told for each in events)
        with self.fleet.parts.store.reading() as view:
            case = view.cases.live_for_invoice(AccountId(self.account.id), InvoiceId(request.object_id))
            attempts = view.attempts.of_invoice(AccountId(self.account.id), InvoiceId(request.object_id))
        had = {each.revision for each in attempts} | ({case.revision} if case else set())
        allowed = self.policies.most_of(had) + anew
        require(len(ours) < allowed, "C1", f"{request.object_id} was tried {len(ours)} times on {method}")

    def calm(self) -> None:
        """Faults are off from here on."""
        self.calm_at = self.fleet.world.now

    def end(self) -> None:
        """The whole, when everything has come to rest."""
        self.c5_tags()
        self.c4_taken_back()
        self.d2_d3_inbox()

    def c5_tags(self) -> None:
        """C5: invoice and subscription of what we wrote off carry the tag."""
        marked = {
            row["object"]
            for row in self.fleet.world.ledger.rows
            if row["kind"] == "state" and row["status"] == "uncollectible" and row["source"] == "request"
        }
        with self.fleet.parts.store.reading() as view:
            cases = {case.invoice: case for case in view.cases.list(limit=10_000)}
        for id_ in marked:
            row, case = self.account.get("invoice", id_), cases[id_]
            if row["status"] != "uncollectible" or case.closed_because is not None:
                continue  # paid or voided meanwhile: the rest was rightly left undone
            parent = self.account.get("subscription", case.subscription)
            for each in (row, parent):
                require(each["metadata"].get(TAG) == "true", "C5", f"{each['id']} was written off and is not tagged")

    def c4_taken_back(self) -> None:
        """C4: an end that we scheduled is taken back when the money came."""
        now = self.fleet.world.now
        with self.fleet.parts.store.reading() as view:
            cases = list(view.cases.list(limit=10_000))
        by_subscription: dict[str, list[Any]] = {}
        for case in cases:
            by_subscription.setdefault(case.subscription, []).append(self.account.get("invoice", case.invoice))
        for id_, rows in by_subscription.items():
            subscription = self.account.get("subscription", id_)
            if subscription["status"] == "canceled":
                self.c4_ended(subscription, rows)
                continue
            if not subscription["cancel_at_period_end"]:
                continue
            ours = any(
                each.path == f"/v1/subscriptions/{id_}" and dict(each.params).get("cancel_at_period_end") == "true"
                for each in self.fleet.requests
            )
            paid = [row["status_transitions"]["paid_at"] or now for row in rows]
            settled = all(row["status"] == "paid" for row in rows) and now - max(paid) > DAY
            require(not (ours and settled), "C4", f"{id_} is still to end though everything is paid")

    def c4_ended(self, subscription: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        """C4: in quiet times no subscription ends by our schedule after everything was paid."""
        ended = subscription["ended_at"] or 0
        ours = subscription["cancel_at_period_end"] and subscription["metadata"].get("fp_cancel")
        if not ours or self.calm_at is None or ended < self.calm_at + DAY:
            return
        paid = [row["status_transitions"]["paid_at"] or ended for row in rows]
        late = all(row["status"] == "paid" for row in rows) and max(paid) + DAY < ended
        require(not late, "C4", f"{subscription['id']} ended by our schedule {ended - max(paid)} s after it was paid")

    def d2_d3_inbox(self) -> None:
        """D2: what was answered 2xx is stored. D3: no event is stored twice."""
        with self.fleet.parts.store.reading() as view:
            counts = Counter(view.inbox.counts())
        stored = counts.total()
        told = self._delivered | self._listed()
        words = f"{stored} events stored, {len(self._accepted)} accepted, {len(told)} delivered or listed"
        require(stored >= len(self._accepted), "D2", words)
        require(stored <= len(told), "D3", words)

    def _listed(self) -> set[str]:
        """The events that a sweep was shown."""
        pages = [each.answer for each in self.fleet.requests if each.path == "/v1/events" and each.status == 200]
        return {str(row.get("id")) for page in pages if page for row in page.get("data", ())}
