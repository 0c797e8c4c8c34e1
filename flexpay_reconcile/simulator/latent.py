"""Generated cardholders: hidden causes that make a card pass or fail at an instant.

An answer is a pure function of (seed, card, instant, earlier attempts), independent of the order of calls: funds follow
pay-days, cards die, expire and are updated, issuers have outages and put cards on hold, and hide reasons behind 05.
May not keep state.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.answers import APPROVED, Answer, decline
from flexpay_reconcile.simulator.local_time import DAY, local_seconds, month_days, weekday
from flexpay_reconcile.simulator.markets import Market

_MONTH = 30 * DAY
_DEPOSIT = 5 * 3600
_CYCLE = {"weekly": 7, "biweekly": 14, "semimonthly": 15, "monthly": 30}
_WAIT_ADVICE = ((1, "24"), (24, "25"), (48, "26"), (96, "27"), (144, "28"), (192, "29"), (240, "30"))
_DEAD = (
    ("lost_card", 0.22),
    ("stolen_card", 0.14),
    ("pickup_card", 0.1),
    ("transaction_not_allowed", 0.24),
    ("invalid_account", 0.18),
    ("revocation_of_authorization", 0.06),
    ("restricted_card", 0.06),
)
_HOLD_LENGTHS = (("hours", 0.35), ("days", 0.3), ("never", 0.35))
_HOLD = (("do_not_honor", 0.65), ("generic_decline", 0.2), ("card_velocity_exceeded", 0.15))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentCard:
    """A generated card. `since` is the last instant at which it is known to have worked."""

    seed: int
    key: str
    market: Market
    zone: str
    brand: str
    funding: str
    since: int

    @property
    def issuer(self) -> int:
        """The issuing bank, a number below `market.issuers`."""
        return chance.integer(self.market.issuers, self.seed, self.key, "issuer")


def answer(card: LatentCard, now: int, earlier: list[int]) -> Answer:
    """What the issuer says at `now`, given the instants of earlier attempts on this card for this amount."""
    return (
        _dead(card, now)
        or _expired(card, now)
        or _outage(card, now)
        or _challenge(card, now)
        or _hold(card, now)
        or _funds(card, now)
        or _noise(card, now, earlier)
        or APPROVED
    )


def _u(card: LatentCard, *words: object) -> float:
    return chance.uniform(card.seed, card.key, *words)


def _hidden(card: LatentCard, *words: object) -> bool:
    """Whether the issuer shows 05 instead of its reason: a share per issuer, Beta(2,4) = second of five uniforms."""
    share = sorted(chance.uniform(card.seed, "issuer", card.issuer, "hides", n) for n in range(5))[1]
    return _u(card, "hidden", *words) < share


def _dead(card: LatentCard, now: int) -> Answer | None:
    died = card.since + chance.exponential(_MONTH / card.market.dead_rate, card.seed, card.key, "dies")
    if now < died:
        return None
    if _u(card, "dead updated") < card.market.dead_updated and now >= died + chance.exponential(
        6 * DAY, card.seed, card.key, "dead update"
    ):
        return None
    if _u(card, "dead hidden") < 0.15:
        return decline("do_not_honor")
    code = chance.pick(_DEAD, card.seed, card.key, "dead cause")
    told = _u(card, "dead advice") < 0.6
    return decline(
        code,
        advice_code="do_not_try_again" if told else None,
        network_advice_code="03" if told and card.brand == "mastercard" else None,
    )


def _expired(card: LatentCard, now: int) -> Answer | None:
    expired = card.since + chance.exponential(_MONTH / card.market.expiry_rate, card.seed, card.key, "expires")
    if now < expired:
        return None
    if _u(card, "expiry updated") < card.market.expiry_updated and now >= expired + chance.exponential(
        5 * DAY, card.seed, card.key, "expiry update"
    ):
        return None
    told = _u(card, "expiry advice") < 0.5
    return decline(
        "expired_card",
        advice_code="confirm_card_data" if told else None,
        network_advice_code="01" if told and card.brand == "mastercard" else None,
    )


def _outage(card: LatentCard, now: int) -> Answer | None:
    for day in (now // DAY, now // DAY - 1):
        words = (card.seed, "outage", card.issuer, day)
        if chance.uniform(*words) < card.market.outage_rate:
            begins = day * DAY + chance.integer(DAY, *words, "begins")
            if begins <= now < begins + chance.exponential(5 * 3600, *words, "lasts"):
                return decline("issuer_not_available" if _u(card, day, "outage word") < 0.6 else "processing_error")
    return None


def _challenge(card: LatentCard, now: int) -> Answer | None:
    if _u(card, "challenge", (now + int(_MONTH * _u(card, "challenge phase"))) // _MONTH) < card.market.challenge_rate:
        return decline("authentication_required")
    return None


def _hold(card: LatentCard, now: int) -> Answer | None:
    for period in range(now // _MONTH, now // _MONTH - 3, -1):
        if _u(card, "hold", period) >= card.market.hold_rate:
            continue
        begins = period * _MONTH + chance.integer(_MONTH, card.seed, card.key, "hold begins", period)
        length = chance.pick(_HOLD_LENGTHS, card.seed, card.key, "hold kind", period)
        mean = {"hours": 10 * 3600, "days": 4 * DAY, "never": 0}[length]
        lasts = 2 * _MONTH if length == "never" else chance.exponential(mean, card.seed, card.key, "hold lasts", period)
        if max(begins, card.since) <= now < begins + lasts and begins >= card.since:
            return decline(chance.pick(_HOLD, card.seed, card.key, "hold word", period))
    return None


def _pays_on(card: LatentCard, frequency: str, day: int) -> bool:
    """Whether the local day is a pay-day; weekly and two-weekly pay falls mostly on a Friday."""
    if frequency in ("weekly", "biweekly"):
        chosen = 4 if _u(card, "friday") < 0.7 else chance.integer(5, card.seed, card.key, "weekday")
        if weekday(day) != chosen:
            return False
        return frequency == "weekly" or ((day + 3) // 7 + chance.integer(2, card.seed, card.key, "phase")) % 2 == 0
    _, _, date, length = month_days(day)
    return date == length or (frequency == "semimonthly" and date == 15)


def _funds(card: LatentCard, now: int) -> Answer | None:
    buffer = chance.pick(card.market.buffers, card.seed, card.key, "buffer")
    if buffer == "deep":
        return None
    frequency = chance.pick(card.market.pay, card.seed, card.key, "pay")
    local = local_seconds(now, card.zone)
    payday = (local - _DEPOSIT) // DAY
    for _ in range(35):
        if _pays_on(card, frequency, payday):
            break
        payday -= 1
    since = local - (payday * DAY + _DEPOSIT)
    cycle = _CYCLE[frequency] * DAY
    low, high = (0.25, 1.1) if buffer == "tight" else (0.0, 0.45)
    lasts = (low + (high - low) * _u(card, "cycle", payday)) * cycle
    lasts = lasts * (1 - card.market.sweep) + min(lasts, 1.5 * DAY) * card.market.sweep
    rent = month_days(local // DAY)[2] <= 2 and _u(card, "rent", local // _MONTH) < 0.3
    spell = (now + int(45 * DAY * _u(card, "spell phase"))) // (45 * DAY)
    dry = _u(card, "dry", spell) < card.market.dry_spell * (1.0 if buffer == "tight" else 2.0)
    if since < lasts and not rent and not dry:
        return None
    return _short_answer(card, payday, max(0, cycle - since))


def _short_answer(card: LatentCard, payday: int, until_pay: int) -> Answer:
    if _hidden(card, payday):
        return decline("do_not_honor")
    advice = "try_again_later" if _u(card, "advice", payday) < 0.5 else None
    mac = None
    if card.brand == "mastercard":
        mac = "02"
        if _u(card, "wait advice", payday) < 0.35:
            honest = _u(card, "advice true", payday) < 0.8
            hours = until_pay / 3600 if honest else 240 * _u(card, "advice false", payday)
            mac = min(_WAIT_ADVICE, key=lambda step: abs(step[0] - hours))[1]
    return decline("insufficient_funds", advice_code=advice, network_advice_code=mac)


def _noise(card: LatentCard, now: int, earlier: list[int]) -> Answer | None:
    """A little chance of a refusal without a cause; more for quick repeats and for each attempt before."""
    hour = local_seconds(now, card.zone) // 3600
    risk = 0.004 + (0.012 if hour % 24 < 5 else 0.0)
    recent = [at for at in earlier if now - _MONTH < at < now]
    risk += 0.015 * len(recent) + (0.35 if recent and now - recent[-1] < 6 * 3600 else 0.0)
    return decline("do_not_honor") if _u(card, "noise", hour) < risk else None
