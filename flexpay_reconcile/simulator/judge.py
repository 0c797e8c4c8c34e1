"""The judge: what in a ledger should never have happened, found from the ledger alone.

It knows card-network and billing rules (`findings.Rules`), and nothing of the client whose calls made the ledger. May
not change anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from flexpay_reconcile.simulator.findings import Code, Finding, Rules
from flexpay_reconcile.simulator.ledger import Ledger, Row, when
from flexpay_reconcile.simulator.local_time import DAY

_OUTSIDE = frozenset({"customer", "dashboard", "history"})
"""Causes that are neither a client of the API nor Stripe itself."""
_SKIPPED = ("pi_", "pm_", "cus_", "we_")
"""Objects whose changes of state mean nothing here."""


@dataclass(slots=True)
class _Invoice:
    subscription: str | None = None
    status: str = ""
    due: int | None = None
    taken: int = 0
    succeeded: list[str] = field(default_factory=list)
    refused: bool = False
    last: tuple[int, str] | None = None


@dataclass(slots=True)
class _Card:
    refused: deque[int] = field(default_factory=deque)
    never: str | None = None


class Judge:
    """Reads a ledger from where it last stopped, and keeps what it found."""

    def __init__(self, ledger: Ledger, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._ledger = ledger
        self._read = 0
        self._found: list[Finding] = []
        self._invoices: dict[str, _Invoice] = {}
        self._cards: dict[tuple[str, bool, str], _Card] = {}
        self._charges: dict[str, tuple[str | None, int]] = {}
        self._pending: set[str] = set()
        self._refunds: dict[str, tuple[str, int]] = {}
        self._given_back: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._paid: dict[str, tuple[str, int]] = {}

    def findings(self) -> list[Finding]:
        """Everything found so far, in the order it happened."""
        by_kind: dict[str, Callable[[Row], None]] = {
            "charge": self._charge,
            "refund": self._refund,
            "state": self._state,
        }
        for number in range(self._read, len(self._ledger.rows)):
            if (self._ledger.object_at(number) or "").startswith(_SKIPPED):
                continue
            row = self._ledger.row(number)
            look = by_kind.get(row["kind"])
            if look is not None:
                look(row)
        self._read = len(self._ledger.rows)
        return list(self._found)

    def _find(self, code: Code, at: int, objects: tuple[str, ...], words: str, *, informative: bool = False) -> None:
        self._found.append(Finding(code=code, at=at, objects=objects, words=words, informative=informative))

    # -- charges ---------------------------------------------------------------------------------------------------

    def _charge(self, row: Row) -> None:
        if row["id"] in self._charges:
            self._answered(row)
            return
        if row["source"] != "history":
            if row["invoice"] is not None:
                self._against_invoice(row, self._invoice(row["invoice"]))
            self._against_card(row)
        self._charges[row["id"]] = (row["invoice"], row["amount"])
        if row["status"] == "succeeded":
            self._took(row["id"], row["created"])
        elif row["status"] == "failed" and row["invoice"] is not None:
            self._invoice(row["invoice"]).refused = True
        elif row["status"] == "pending":
            self._pending.add(row["id"])

    def _answered(self, row: Row) -> None:
        """A bank debit's answer came: no new attempt, but its success counts now."""
        if row["status"] == "succeeded":
            self._took(row["id"], when(row))
        elif row["status"] == "failed" and row["invoice"] is not None:
            self._invoice(row["invoice"]).refused = True
            self._pending.discard(row["id"])

    def _invoice(self, id_: str) -> _Invoice:
        found = self._invoices.get(id_)
        if found is None:
            found = self._invoices[id_] = _Invoice()
        return found

    def _took(self, charge: str, at: int) -> None:
        """A charge succeeded, at once or (a bank debit) later."""
        self._pending.discard(charge)
        id_, amount = self._charges[charge]
        if id_ is None:
            return
        invoice = self._invoice(id_)
        invoice.succeeded.append(charge)
        self._add(id_, invoice, amount, at)

    def _add(self, id_: str, invoice: _Invoice, amount: int, at: int) -> None:
        """Several payments may share one invoice, but not exceed it."""
        if len(invoice.succeeded) > 1 and (invoice.due is None or invoice.taken + amount > invoice.due):
            words = f"{id_} was charged {len(invoice.succeeded)} times: {', '.join(invoice.succeeded)}"
            self._find(Code.CHARGED_TWICE, at, (id_, *invoice.succeeded), words)
        invoice.taken += amount

    def _attached(self, row: Row, invoice: _Invoice) -> None:
        """A payment made for itself was attached to the invoice."""
        invoice.succeeded.append(str(row.get("detail")))
        self._add(row["object"], invoice, row["amount"], row["at"])

    def _against_invoice(self, row: Row, invoice: _Invoice) -> None:
        at, charge, id_ = row["created"], row["id"], row["invoice"]
        if invoice.status in ("paid", "void"):
            code = Code.CHARGED_AFTER_PAID if invoice.status == "paid" else Code.CHARGED_AFTER_VOID
            self._find(code, at, (id_, charge), f"{charge} was tried on {id_}, which was {invoice.status}")
        elif invoice.status == "uncollectible":
            words = f"{charge} was tried on {id_}, which had been given up as uncollectible"
            self._find(Code.CHARGED_AFTER_UNCOLLECTIBLE, at, (id_, charge), words, informative=True)
        ended = None if invoice.subscription is None else self._ended.get(invoice.subscription)
        if ended is not None and invoice.subscription is not None and at - ended > self.rules.after_cancel:
            words = f"{charge} was tried on {id_} {at - ended} s after {invoice.subscription} had ended"
            self._find(Code.CHARGED_AFTER_CANCEL, at, (id_, charge, invoice.subscription), words, informative=True)
        if row["source"] in _OUTSIDE:
            return
        if invoice.last is not None and at - invoice.last[0] < self.rules.at_once:
            words = f"{charge} was tried on {id_} {at - invoice.last[0]} s after {invoice.last[1]}"
            self._find(Code.ATTEMPTS_AT_ONCE, at, (id_, invoice.last[1], charge), words)
        invoice.last = (at, charge)

    def _against_card(self, row: Row) -> None:
        fingerprint = row["fingerprint"]
        if fingerprint is None:
            return
        where = (row["account"], row["livemode"], fingerprint)
        card = self._cards.get(where)
        if card is None:
            card = self._cards[where] = _Card()
        at, charge, brand = row["created"], row["id"], row.get("brand")
        if card.never is not None:
            words = f"{charge} asked the card {fingerprint} again after {card.never}"
            mild = row["source"] != "request"
            self._find(Code.ATTEMPT_AFTER_NEVER, at, (charge, fingerprint), words, informative=mild)
        if row["network_status"] != "not_sent_to_network":
            self._count(row, card, brand)
        never = self._never(row, brand)
        if never is not None:
            card.never = f"{charge} said {never}"

    def _count(self, row: Row, card: _Card, brand: str | None) -> None:
        at, ceiling = row["created"], self.rules.ceilings.get(brand or "")
        while card.refused and card.refused[0] <= at - self.rules.window:
            card.refused.popleft()
        if ceiling is not None and len(card.refused) >= ceiling:
            words = (
                f"{row['id']} asked the {brand} card {row['fingerprint']} after {len(card.refused)} refusals "
                f"within {self.rules.window // DAY} days; the ceiling is {ceiling}"
            )
            self._find(Code.TOO_MANY_ATTEMPTS, at, (row["id"], row["fingerprint"]), words)
        if row["status"] == "failed":
            card.refused.append(at)

    def _never(self, row: Row, brand: str | None) -> str | None:
        """What in an answer says never to ask again."""
        if row["status"] != "failed":
            return None
        if row["reason"] in self.rules.never_reasons:
            return str(row["reason"])
        if row.get("advice_code") in self.rules.never_advice:
            return str(row["advice_code"])
        if row.get("network_advice_code") in self.rules.never_network_advice.get(brand or "", ()):
            return f"advice {row['network_advice_code']}"
        return None

    # -- refunds ---------------------------------------------------------------------------------------------------

    def _refund(self, row: Row) -> None:
        charge = row["charge"]
        self._refunds[row["id"]] = (charge, row["amount"])
        total = self._given_back[charge] = self._given_back.get(charge, 0) + row["amount"]
        taken = self._charges.get(charge, (None, 0))[1]
        if total > taken:
            words = f"{total} was given back of {charge}, which took {taken}"
            self._find(Code.REFUNDED_TOO_MUCH, row["created"], (charge, row["id"]), words)

    # -- states ----------------------------------------------------------------------------------------------------

    def _state(self, row: Row) -> None:
        object_, status = row["object"], row["status"]
        prefix = object_.partition("_")[0]
        if prefix == "in":
            self._invoice_state(row)
        elif prefix == "sub" and status == "canceled":
            self._cancellation(row)
        elif prefix in ("re", "pyr") and status in ("failed", "canceled") and object_ in self._refunds:
            charge, amount = self._refunds.pop(object_)
            self._given_back[charge] -= amount
        elif prefix in ("ch", "py") and status == "succeeded" and object_ in self._pending:
            self._took(object_, row["at"])

    def _invoice_state(self, row: Row) -> None:
        id_, invoice = row["object"], self._invoice(row["object"])
        if row["status"] == "draft" and row.get("detail") is not None:
            invoice.subscription = row["detail"]
        if row["status"] == "part_paid":
            self._attached(row, invoice)
            return
        if row["status"] in ("draft", "open") and row.get("amount") is not None:
            invoice.due = row["amount"]
        invoice.status = row["status"]
        if row["status"] != "paid":
            return
        if invoice.subscription is not None and invoice.refused:
            self._paid[invoice.subscription] = (id_, row["at"])
        amount = row.get("amount")
        if amount is not None and row.get("detail") != "out_of_band" and amount != invoice.taken:
            words = f"{id_} says {amount} was paid; its charges took {invoice.taken}"
            self._find(Code.AMOUNTS_DIFFER, row["at"], (id_, *invoice.succeeded), words)

    def _cancellation(self, row: Row) -> None:
        id_, at = row["object"], row["at"]
        self._ended[id_] = at
        paid = self._paid.get(id_)
        if paid is not None and at - paid[1] <= self.rules.just_paid and row.get("source") not in _OUTSIDE:
            words = f"{id_} was ended {at - paid[1]} s after its failing {paid[0]} had been paid"
            self._find(Code.CANCELED_AFTER_PAID, at, (id_, paid[0]), words)


def judge(ledger: Ledger, rules: Rules | None = None) -> list[Finding]:
    """Everything found in a ledger, in the order it happened."""
    return Judge(ledger, rules).findings()
