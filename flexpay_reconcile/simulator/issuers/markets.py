"""Markets: the parameters of generated cardholders and their issuers, as one record a world.

The figures stand in `worlds/*.toml`, with their sources; here is only what they mean. May not hold a figure itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator.issuers.people import Habits

Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """Who holds which card. `country` is the cards' and the holders'; `issuers` is the number of banks."""

    country: str
    brands: Weights
    funding: Weights
    issuers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """When the money is there. `sweep` 0..1 says how fast it leaves after a pay-day.

    `model` is payday (every card lives on pay-days) or by_funding (credit cards on a limit that a monthly payment
    frees, prepaid cards on top-ups). `amount_reference` (minor units; 0: amounts do not matter) is the amount that the
    money lasts for as drawn; a larger one finds it gone sooner, by the power `amount_slope`.
    """

    model: str
    pay: Weights
    buffers: Weights
    sweep: float
    dry_spell: float
    credit_short: float
    prepaid_gap_days: float
    prepaid_empty: float
    amount_reference: int
    amount_slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """Cards lost, stolen, closed. `rate` per 30 days; `told`: the share with advice; `hidden`: shown as 05 only."""

    rate: float
    updated: float
    update_days: float
    hidden: float
    told: float
    codes: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Cards expired, `rate` per 30 days; a share is updated by itself after exponential `update_days`."""

    rate: float
    updated: float
    update_days: float
    told: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Fraud and velocity holds, `rate` per 30 days, for hours, days, or never lifted (means: hours and days)."""

    rate: float
    lengths: Weights
    codes: Weights
    hours: float
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Issuers out of order: the chance a day, exponential hours, and the share that says so (else processing_error)."""

    rate: float
    hours: float
    down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Refusals without a cause, as chances. `night` is added before `night_hours` local time.

    `swing` is added by a cosine of the local hour with a phase of the issuer's own; `repeat` for each earlier attempt
    within 30 days, `quick_repeat` when the last was less than `quick_hours` ago.
    """

    base: float
    night: float
    night_hours: int
    swing: float
    repeat: float
    quick_repeat: float
    quick_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What issuers say with a refusal. An issuer's share of hidden reasons is Beta(`hides[0]`, `hides[1]`).

    `told`: try_again_later beside a lack of funds; `wait_told`: Mastercard's 24 to 30 instead of 02, `wait_honest` of
    them for the true wait. `retry_hides` is added to the hidden share on every later attempt.
    """

    hides: tuple[int, int]
    told: float
    wait_told: float
    wait_honest: float
    retry_hides: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the card networks add. `folds`: the share of Mastercard issuers that fold reasons into 79, 82 and 83.

    `hidden`: the words that stand for a hidden reason. `velocity_after` (0: never) attempts within 24 hours, the issuer
    answers card_velocity_exceeded. `stop_told`: the share of payments the holder stopped that say so (Visa R0, R1, R3,
    Mastercard 21); `prepaid_told`: of empty prepaid Mastercards that say 40; `new_account_told`: of expired or dead
    cards whose successor is known that say so.
    """

    folds: float
    hidden: Weights
    velocity_after: int
    stop_told: float
    prepaid_told: float
    new_account_told: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One world of cardholders. `people` None: nobody does anything by themselves."""

    name: str
    version: int
    description: str
    challenge_rate: float
    cards: Cards
    funds: Funds
    dead: Dead
    expiry: Expiry
    hold: Hold
    outage: Outage
    noise: Noise
    advice: Advice
    network: Network
    people: Habits | None = None
