"""A generated card: whose it is, what kind, and since when; and the chance of everything about it.

May not answer a charge.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.markets import Market
from flexpay_reconcile.simulator.local_time import DAY

MONTH = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentCard:
    """A generated card. `since` is the last instant at which it is known to have worked.

    `person` names whose money it draws on, where that is not the card's own key: a second card shares it.
    """

    seed: int
    key: str
    market: Market
    zone: str
    brand: str
    funding: str
    since: int
    person: str | None = None

    @property
    def issuer(self) -> int:
        """The issuing bank, a number below `market.cards.issuers`."""
        return chance.integer(self.market.cards.issuers, self.seed, self.key, "issuer")

    @property
    def holder(self) -> str:
        """Whose money it is."""
        return self.person or self.key


def u(card: LatentCard, *words: object) -> float:
    """A number in [0, 1) of the card's own."""
    return chance.uniform(card.seed, card.key, *words)


def p(card: LatentCard, *words: object) -> float:
    """A number in [0, 1) of the holder's own, the same for all their cards."""
    return chance.uniform(card.seed, card.holder, *words)
