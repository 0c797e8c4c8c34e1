"""How a refusal is told by the card networks: Mastercard's folded codes and advice, stop orders, velocity.

Facts: card-network rules as acquirers publish them (Visa reattempt categories; Mastercard 79/82/83 with merchant
advice 01, 02, 03, 21, 24 to 30, 40). May not decide whether a charge passes, but for attempts that come too often.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.answers import Answer, decline
from flexpay_reconcile.simulator.issuers.latent_card import LatentCard
from flexpay_reconcile.simulator.local_time import DAY

STOPS = frozenset({"revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order"})
"""Payments the holder stopped: Visa's R1, R3 and R0 (category 1, never again)."""

# Mastercard folds many reasons into three: life cycle, policy, security.
_FOLDED = {
    **dict.fromkeys(("14", "54", "46"), "79"),
    **dict.fromkeys(("13", "57", "61", "62", "65"), "82"),
    **dict.fromkeys(("04", "41", "43", "59", "63"), "83"),
}
_FOLDED_ADVICE = {"79": "03", "82": "02", "83": "03"}


class Told(TypedDict):
    """What comes with a refusal that a new credential would mend."""

    advice_code: str
    network_advice_code: str | None


def fix_first(card: LatentCard) -> Told:
    """Advice to update the credential first; Mastercard says 01."""
    return Told(advice_code="confirm_card_data", network_advice_code="01" if card.brand == "mastercard" else None)


def expressed(card: LatentCard, answer: Answer) -> Answer:
    """The refusal as the card's network tells it."""
    network = card.market.network
    if card.brand != "mastercard" or not network.folds or answer.network_decline_code is None:
        return answer
    if chance.uniform(card.seed, "issuer", card.issuer, "folds") >= network.folds:
        return answer
    folded = _FOLDED.get(answer.network_decline_code)
    if folded is None:
        return answer
    advice = answer.network_advice_code or _FOLDED_ADVICE[folded]
    return replace(answer, network_decline_code=folded, network_advice_code=advice)


def too_often(card: LatentCard, now: int, earlier: list[int]) -> Answer | None:
    """The issuer's own limit of attempts within a day."""
    limit = card.market.network.velocity_after
    if not limit or sum(now - DAY < at < now for at in earlier) < limit:
        return None
    return decline("card_velocity_exceeded")
