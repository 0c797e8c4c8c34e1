"""Generated cardholders: hidden causes that make a card pass or fail at an instant.

An answer is a pure function of (seed, card, instant, earlier attempts, amount), independent of the order of calls:
funds follow pay-days, cards die, expire and are updated, issuers have outages and put cards on hold, and hide reasons
behind 05. May not keep state.
"""

from __future__ import annotations

import math

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers import latent_funds, latent_network
from flexpay_reconcile.simulator.issuers.answers import APPROVED, Answer, decline
from flexpay_reconcile.simulator.issuers.latent_card import MONTH, LatentCard, u
from flexpay_reconcile.simulator.local_time import DAY, local_seconds

__all__ = ["LatentCard", "answer", "update_at"]


def answer(card: LatentCard, now: int, earlier: list[int], amount: int = 0, *, eased: bool = False) -> Answer:
    """What the issuer says at `now`, given the instants of earlier attempts on this card for this amount.

    `amount` in minor units matters in some worlds; `eased` means that the holder just topped the account up.
    """
    found = (
        _dead(card, now)
        or _expired(card, now)
        or _outage(card, now)
        or _challenge(card, now)
        or _hold(card, now)
        or latent_network.too_often(card, now, earlier)
        or (None if eased else latent_funds.short(card, now, earlier, amount))
        or _noise(card, now, earlier)
    )
    return APPROVED if found is None else latent_network.expressed(card, found)


def update_at(card: LatentCard) -> int | None:
    """When the account updater puts a new number or date behind this card; None: never."""
    market = card.market
    died = card.since + chance.exponential(MONTH / market.dead.rate, card.seed, card.key, "dies")
    expired = card.since + chance.exponential(MONTH / market.expiry.rate, card.seed, card.key, "expires")
    times = []
    if u(card, "dead updated") < market.dead.updated:
        times.append(died + chance.exponential(market.dead.update_days * DAY, card.seed, card.key, "dead update"))
    if u(card, "expiry updated") < market.expiry.updated and expired < died:
        times.append(
            expired + chance.exponential(market.expiry.update_days * DAY, card.seed, card.key, "expiry update")
        )
    return int(min(times)) + 1 if times else None


def _dead(card: LatentCard, now: int) -> Answer | None:
    dead = card.market.dead
    died = card.since + chance.exponential(MONTH / dead.rate, card.seed, card.key, "dies")
    if now < died:
        return None
    updated = u(card, "dead updated") < dead.updated
    if updated and now >= died + chance.exponential(dead.update_days * DAY, card.seed, card.key, "dead update"):
        return None
    if u(card, "dead hidden") < dead.hidden:
        return decline("do_not_honor")
    code = chance.pick(dead.codes, card.seed, card.key, "dead cause")
    told = u(card, "dead advice") < dead.told
    if updated and card.market.network.new_account_told > u(card, "new account"):
        return decline("new_account_information_available", **latent_network.fix_first(card))
    if code in latent_network.STOPS and not told and u(card, "stop told") < card.market.network.stop_told:
        return decline(code, network_advice_code="21" if card.brand == "mastercard" else None)
    return decline(
        code,
        advice_code="do_not_try_again" if told else None,
        network_advice_code="03" if told and card.brand == "mastercard" else None,
    )


def _expired(card: LatentCard, now: int) -> Answer | None:
    expiry = card.market.expiry
    expired = card.since + chance.exponential(MONTH / expiry.rate, card.seed, card.key, "expires")
    if now < expired:
        return None
    if u(card, "expiry updated") < expiry.updated and now >= expired + chance.exponential(
        expiry.update_days * DAY, card.seed, card.key, "expiry update"
    ):
        return None
    if u(card, "expiry advice") < expiry.told:
        return decline("expired_card", **latent_network.fix_first(card))
    return decline("expired_card")


def _outage(card: LatentCard, now: int) -> Answer | None:
    outage = card.market.outage
    for day in (now // DAY, now // DAY - 1):
        words = (card.seed, "outage", card.issuer, day)
        if chance.uniform(*words) < outage.rate:
            begins = day * DAY + chance.integer(DAY, *words, "begins")
            if begins <= now < begins + chance.exponential(outage.hours * 3600, *words, "lasts"):
                down = u(card, day, "outage word") < outage.down
                return decline("issuer_not_available" if down else "processing_error")
    return None


def _challenge(card: LatentCard, now: int) -> Answer | None:
    if u(card, "challenge", (now + int(MONTH * u(card, "challenge phase"))) // MONTH) < card.market.challenge_rate:
        return decline("authentication_required")
    return None


def _hold(card: LatentCard, now: int) -> Answer | None:
    hold = card.market.hold
    for period in range(now // MONTH, now // MONTH - 3, -1):
        if u(card, "hold", period) >= hold.rate:
            continue
        begins = period * MONTH + chance.integer(MONTH, card.seed, card.key, "hold begins", period)
        length = chance.pick(hold.lengths, card.seed, card.key, "hold kind", period)
        mean = {"hours": hold.hours * 3600, "days": hold.days * DAY, "never": 0}[length]
        lasts = 2 * MONTH if length == "never" else chance.exponential(mean, card.seed, card.key, "hold lasts", period)
        if max(begins, card.since) <= now < begins + lasts and begins >= card.since:
            return decline(chance.pick(hold.codes, card.seed, card.key, "hold word", period))
    return None


def _noise(card: LatentCard, now: int, earlier: list[int]) -> Answer | None:
    """A little chance of a refusal without a cause; more for quick repeats and for each attempt before."""
    noise = card.market.noise
    hour = local_seconds(now, card.zone) // 3600
    risk = noise.base + (noise.night if hour % 24 < noise.night_hours else 0.0)
    if noise.swing:
        phase = 24 * chance.uniform(card.seed, "issuer", card.issuer, "phase")
        risk += noise.swing * (1 + math.cos(2 * math.pi * (hour % 24 - phase) / 24)) / 2
    recent = [at for at in earlier if now - MONTH < at < now]
    quick = bool(recent) and now - recent[-1] < noise.quick_hours * 3600
    risk += noise.repeat * len(recent) + (noise.quick_repeat if quick else 0.0)
    return decline("do_not_honor") if u(card, "noise", hour) < risk else None
