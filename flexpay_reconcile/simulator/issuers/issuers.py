"""Issuers: who answers a charge. A script of the test first, then the card's own nature.

May not keep anything but the scripts tests write and the holders who topped up; answers are otherwise pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator.issuers import latent
from flexpay_reconcile.simulator.issuers.answers import APPROVED, Answer
from flexpay_reconcile.simulator.issuers.cards import ANSWERS, Card
from flexpay_reconcile.simulator.issuers.latent import LatentCard


@dataclass(slots=True, kw_only=True)
class Script:
    """What every charge of one customer is answered; `left` None means until further notice."""

    answer: Answer
    left: int | None = None


class Issuers:
    """All issuers of a world: scripts by customer id, generated cards by key."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.latent: dict[str, LatentCard] = {}
        self.topped_up: dict[str, int] = {}

    def ask(self, customer: str, card: Card, now: int, earlier: list[int], amount: int = 0) -> Answer:
        """The answer to a charge of this customer's card at `now`, over `amount` minor units."""
        if customer in self.scripts:
            return self.scripted(customer)
        if card.latent is not None:
            own = self.latent[card.latent]
            return latent.answer(own, now, earlier, amount, eased=now < self.topped_up.get(own.holder, 0))
        return ANSWERS.get(card.behaviour, APPROVED)

    def scripted(self, customer: str) -> Answer:
        """The answer a test wrote for this customer's next charge, used up once; KeyError when there is none."""
        script = self.scripts[customer]
        if script.left is not None:
            script.left -= 1
            if script.left <= 0:
                del self.scripts[customer]
        return script.answer
