"""Whether the money is there: pay-days, sweeps, rent, dry spells; credit limits and prepaid balances in some worlds.

Pure functions of (seed, holder, instant). May not know other causes of a refusal.
"""

from __future__ import annotations

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.answers import Answer, decline
from flexpay_reconcile.simulator.issuers.latent_card import MONTH, LatentCard, p, u
from flexpay_reconcile.simulator.local_time import DAY, local_seconds, month_days, weekday

_DEPOSIT = 5 * 3600
_CYCLE = {"weekly": 7, "biweekly": 14, "semimonthly": 15, "monthly": 30}
_WAIT_ADVICE = ((1, "24"), (24, "25"), (48, "26"), (96, "27"), (144, "28"), (192, "29"), (240, "30"))


def short(card: LatentCard, now: int, earlier: list[int], amount: int) -> Answer | None:
    """The refusal for want of funds, None when the money is there."""
    funds = card.market.funds
    if funds.model == "by_funding" and card.funding == "prepaid":
        return _prepaid(card, now, earlier)
    buffer = chance.pick(funds.buffers, card.seed, card.holder, "buffer")
    if buffer == "deep":
        return None
    if funds.model == "by_funding" and card.funding == "credit":
        return _credit(card, now, earlier, buffer)
    return _payday(card, now, earlier, buffer, amount)


def _hidden(card: LatentCard, earlier: list[int], *words: object) -> bool:
    """Whether the issuer hides its reason: a share per issuer, Beta(a, b) = a-th smallest of a+b-1 uniforms."""
    alpha, beta = card.market.advice.hides
    draws = sorted(chance.uniform(card.seed, "issuer", card.issuer, "hides", n) for n in range(alpha + beta - 1))
    share = draws[alpha - 1] + (card.market.advice.retry_hides if earlier else 0.0)
    return u(card, "hidden", *words) < share


def _pays_on(card: LatentCard, frequency: str, day: int) -> bool:
    """Whether the local day is a pay-day; weekly and two-weekly pay falls mostly on a Friday."""
    if frequency in ("weekly", "biweekly"):
        chosen = 4 if p(card, "friday") < 0.7 else chance.integer(5, card.seed, card.holder, "weekday")
        if weekday(day) != chosen:
            return False
        return frequency == "weekly" or ((day + 3) // 7 + chance.integer(2, card.seed, card.holder, "phase")) % 2 == 0
    _, _, date, length = month_days(day)
    return date == length or (frequency == "semimonthly" and date == 15)


def _payday(card: LatentCard, now: int, earlier: list[int], buffer: str, amount: int) -> Answer | None:
    funds = card.market.funds
    frequency = chance.pick(funds.pay, card.seed, card.holder, "pay")
    local = local_seconds(now, card.zone)
    payday = (local - _DEPOSIT) // DAY
    for _ in range(35):
        if _pays_on(card, frequency, payday):
            break
        payday -= 1
    since = local - (payday * DAY + _DEPOSIT)
    cycle = _CYCLE[frequency] * DAY
    low, high = (0.25, 1.1) if buffer == "tight" else (0.0, 0.45)
    lasts = (low + (high - low) * p(card, "cycle", payday)) * cycle
    lasts = lasts * (1 - funds.sweep) + min(lasts, 1.5 * DAY) * funds.sweep
    if funds.amount_reference and amount > 0:
        lasts *= min(1.5, max(0.3, (funds.amount_reference / amount) ** funds.amount_slope))
    rent = month_days(local // DAY)[2] <= 2 and p(card, "rent", local // MONTH) < 0.3
    spell = (now + int(45 * DAY * p(card, "spell phase"))) // (45 * DAY)
    dry = p(card, "dry", spell) < funds.dry_spell * (1.0 if buffer == "tight" else 2.0)
    if since < lasts and not rent and not dry:
        return None
    return _said(card, earlier, payday, max(0, cycle - since))


def _credit(card: LatentCard, now: int, earlier: list[int], buffer: str) -> Answer | None:
    """A limit that is full from some day of the month until the monthly payment frees it."""
    phase = int(MONTH * p(card, "statement"))
    period, within = divmod(now + phase, MONTH)
    share = card.market.funds.credit_short * (1.0 if buffer == "tight" else 2.0)
    full_from = int(MONTH * p(card, "limit", period))
    if p(card, "short", period) >= share or within < full_from:
        return None
    return _said(card, earlier, period, MONTH - within)


def _prepaid(card: LatentCard, now: int, earlier: list[int]) -> Answer | None:
    """A balance that is there or not until the next top-up."""
    gap = int(card.market.funds.prepaid_gap_days * DAY)
    period, within = divmod(now + int(gap * p(card, "top-up phase")), gap)
    if p(card, "empty", period) >= card.market.funds.prepaid_empty:
        return None
    if card.brand == "mastercard" and u(card, "prepaid advice", period) < card.market.network.prepaid_told:
        return decline("insufficient_funds", network_advice_code="40")
    return _said(card, earlier, period, gap - within)


def _said(card: LatentCard, earlier: list[int], period: int, until_money: int) -> Answer:
    advice_of = card.market.advice
    if _hidden(card, earlier, period):
        return decline(chance.pick(card.market.network.hidden, card.seed, card.key, "hidden word", period))
    advice = "try_again_later" if u(card, "advice", period) < advice_of.told else None
    mac = None
    if card.brand == "mastercard":
        mac = "02"
        if u(card, "wait advice", period) < advice_of.wait_told:
            honest = u(card, "advice true", period) < advice_of.wait_honest
            hours = until_money / 3600 if honest else 240 * u(card, "advice false", period)
            mac = min(_WAIT_ADVICE, key=lambda step: abs(step[0] - hours))[1]
    return decline("insufficient_funds", advice_code=advice, network_advice_code=mac)
