"""People: what customers do by themselves after a payment failed, was paid, or asked for 3D Secure.

Every intention is a pure function of (seed, customer, invoice, how often they were nudged); what is kept is only who
lives in the world and how often each invoice nudged them. May not carry anything out: `people_acts` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.agenda import Agenda

DAY = 86400
Weights = tuple[tuple[str, float], ...]
ACTS = ("new_card", "pay_invoice", "top_up", "cancel", "nothing")
"""What a customer may decide after a refusal; authenticate, dispute and refund have chances of their own."""
NOTICED = frozenset({"charge.failed", "charge.succeeded", "payment_intent.requires_action"})
_FAMILY = {
    "insufficient_funds": "funds",
    "card_velocity_exceeded": "funds",
    "authentication_required": "challenge",
    "expired_card": "card",
    "lost_card": "card",
    "stolen_card": "card",
    "pickup_card": "card",
    "invalid_account": "card",
    "transaction_not_allowed": "card",
    "restricted_card": "card",
    "revocation_of_authorization": "unwilling",
    "revocation_of_all_authorizations": "unwilling",
    "stop_payment_order": "unwilling",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the customers of one world behave. Shares are 0..1; means are of exponential waiting times.

    `notices`: the chance that a customer who gets no mail learns of a failed payment; `reads_mail`: of one who does.
    The weights of `funds`, `card`, `unwilling` and `other` are over `ACTS`, by what the issuer said.
    """

    notices: float
    reads_mail: float
    most_nudges: int
    delay_days: float
    funds: Weights
    card: Weights
    unwilling: Weights
    other: Weights
    authenticates: float
    authenticates_hours: float
    top_up_days: float
    disputes: float
    dispute_days: float
    asks_refund: float
    refund_days: float
    cancels_at_period_end: float
    sees_updates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One customer: whose habits, and the words their chances are drawn with."""

    seed: int
    name: str
    habits: Habits


@dataclass(slots=True)
class People:
    """Everyone of a world who acts, by customer id."""

    personas: dict[str, Persona] = field(default_factory=dict)
    nudges: dict[str, int] = field(default_factory=dict)

    def notice(
        self,
        agenda: Agenda,
        account: tuple[str, bool],
        now: int,
        type_: str,
        obj: dict[str, Any],
        invoice: str | None,
        *,
        mailed: bool,
    ) -> None:
        """Something happened to a charge or payment intent of a customer's invoice: plan what they will do, if any."""
        persona = self.personas.get(obj["customer"])
        if persona is None or invoice is None:
            return
        if type_ == "charge.succeeded":
            planned = after_payment(persona, invoice)
        else:
            count = self.nudges[invoice] = self.nudges.get(invoice, 0) + 1
            challenged = type_ == "payment_intent.requires_action"
            reason = "authentication_required" if challenged else str(obj["outcome"]["reason"])
            planned = after_failure(persona, invoice, reason, count, mailed=mailed)
        if planned is not None:
            act, delay = planned
            agenda.add(now + delay, "people", account, f"{act}|{invoice}")


def after_failure(persona: Persona, invoice: str, reason: str, nudge: int, *, mailed: bool) -> tuple[str, int] | None:
    """(act, seconds from now) after the `nudge`-th refusal for an invoice; None when nothing is done."""
    habits, words = persona.habits, (persona.seed, persona.name, invoice)
    if nudge > habits.most_nudges or chance.uniform(*words, "acted", nudge - 1) < _acted_before(nudge):
        return None
    told = habits.reads_mail if mailed else habits.notices if nudge == 1 else 0.0
    if chance.uniform(*words, "notices", nudge) >= told:
        return None
    family = _FAMILY.get(reason, "other")
    if family == "challenge":
        if chance.uniform(*words, "authenticates", nudge) >= habits.authenticates:
            return None
        wait = chance.exponential(habits.authenticates_hours * 3600, *words, "authenticate wait", nudge)
        return "authenticate", 600 + int(wait)
    act = chance.pick(getattr(habits, family), *words, "act", nudge)
    if act == "nothing":
        return None
    return act, 1800 + int(chance.exponential(habits.delay_days * DAY, *words, "act wait", nudge))


def _acted_before(nudge: int) -> float:
    """The share of customers whom later nudges no longer move."""
    return 0.0 if nudge == 1 else 0.25


def after_payment(persona: Persona, invoice: str) -> tuple[str, int] | None:
    """(act, seconds from now) after an invoice was paid: a dispute, a wish for the money back, mostly nothing."""
    habits, words = persona.habits, (persona.seed, persona.name, invoice)
    point = chance.uniform(*words, "after payment")
    if point < habits.disputes:
        return "dispute", DAY + int(chance.exponential(habits.dispute_days * DAY, *words, "dispute wait"))
    if point < habits.disputes + habits.asks_refund:
        return "refund", 3600 + int(chance.exponential(habits.refund_days * DAY, *words, "refund wait"))
    return None
