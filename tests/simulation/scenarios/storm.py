"""Thousands of hard declines within an hour, on cards of their own. Judged by what was sent to Stripe; asserts nothing."""

from __future__ import annotations

from collections import Counter

from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import worlds
from tests.simulation.rig import Request, Rig

HERE = IntegrationId(worlds.INTEGRATION)
FIRST_CHARGED = 0.1 + 1 / 24
"""Days after the start: an invoice is charged an hour after its renewal."""


def _forget(request: Request) -> None:
    """Nobody asks for the answers, and a hundred thousand of them would fill the memory."""
    request.forget()


class Storm(Rig):
    """So many customers whose renewals all come within an hour, each with a lost card nobody else has."""

    def __init__(self, size: int) -> None:
        """Nothing has failed yet; the default policy cancels and writes off at once."""
        self.names = [f"c{number:05}" for number in range(size)]
        book = {name: worlds.customer(renews_in_days=0.1 + at / size / 24) for at, name in enumerate(self.names)}
        super().__init__(book)
        self.after_call.append(_forget)

    def _prepare(self) -> None:
        for name in self.names:
            account, row = control.customer_of(self.world, name)
            methods = account.table("payment_method")
            for id_ in methods.by("customer", row["id"]):
                methods.rows[id_]["card"] = {**methods.rows[id_]["card"], "fingerprint": f"of-{name}"}
            self.decline(name, "lost_card")

    def until_all_declined(self) -> None:
        """To the end of the hour in which they are declined."""
        self.run_until(Instant.from_text(worlds.START).plus(Span.of(seconds=int((FIRST_CHARGED + 1 / 24) * 86_400))))

    def allow(self, *, per_hour: int, per_day: int) -> None:
        """The operator applies a manifest with another budget of final actions."""
        more = f"brakes:\n  final_actions: {{per_hour: {per_hour}, per_day: {per_day}}}\n"
        arm.apply(self, worlds.manifest(more=more))

    # -- what Stripe was asked to do -----------------------------------------------------------------------------

    def final_actions(self) -> list[int]:
        """When each final action was sent, in seconds."""
        return [
            each.at
            for each in self.requests
            if each.method == "DELETE"
            or each.path.endswith("/mark_uncollectible")
            or any(name == "metadata[fp-uncollectible]" for name, _ in each.params)
        ]

    def most_within(self, seconds: int, *, since: int = 0) -> int:
        """The most final actions sent in any span of so many seconds."""
        sent = sorted(each for each in self.final_actions() if each >= since)
        first, most = 0, 0
        for last, at in enumerate(sent):
            while at - sent[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def cancelled(self) -> Counter[str]:
        """How often Stripe's ledger saw each subscription cancelled."""
        return Counter(
            row["object"] for row in self.world.ledger.rows if row["kind"] == "state" and row["status"] == "canceled"
        )
