"""Stripe's test cards: which token or number stands for which card, and how that card always behaves.

Facts: docs.stripe.com/testing; the rows are in `card_table`. May not charge anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.issuers.answers import ACTION, APPROVED, BLOCKED, ELEVATED, Answer, decline
from flexpay_reconcile.simulator.issuers.card_table import BY_NUMBER, ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as the simulator knows it. `attach_fails` marks the cards Stripe does not attach to a customer.

    `checks`: address line, postal code, security code. `after`: what follows a paid charge (a dispute's reason,
    inquiry, compliance, multiple or early_fraud_warning).
    """

    brand: str
    last4: str
    fingerprint: str
    behaviour: str
    funding: str = "credit"
    country: str = "US"
    exp_month: int = 4
    exp_year: int = 2034
    attach_fails: bool = False
    refund: str = "succeeded"
    latent: str | None = None
    checks: tuple[str | None, str | None, str | None] = (None, None, "pass")
    after: str | None = None
    network_token: bool = False
    wallet: str | None = None


ANSWERS: dict[str, Answer] = {
    "approve": APPROVED,
    "review": ELEVATED,
    "action": ACTION,
    "blocked": BLOCKED,
    "generic": decline("generic_decline"),
    "nsf": decline("insufficient_funds"),
    "lost": decline("lost_card"),
    "stolen": decline("stolen_card"),
    "expired": decline("expired_card"),
    "cvc": decline("incorrect_cvc"),
    "processing": decline("processing_error"),
    "velocity": decline("card_velocity_exceeded"),
    "fraudulent": decline("fraudulent"),
    "closed": decline("invalid_account", advice_code="do_not_try_again"),
}
_AUTHENTICATED = {"action_nsf": "nsf", "action_generic": "generic", "action_processing": "processing"}


def answer(card: Card, *, off_session: bool, set_up: bool, authenticated: bool) -> Answer:
    """What a test card answers. `set_up`: the customer authenticated it once for use without them.

    action_unless_set_up asks for 3D Secure until it was set up; action_on_session asks only while the customer is
    there; the other action… cards always ask, and answer for themselves afterwards.
    """
    kind = card.behaviour
    if not kind.startswith("action"):
        return ANSWERS.get(kind, APPROVED)
    if authenticated:
        return ANSWERS[_AUTHENTICATED[kind]] if kind in _AUTHENTICATED else APPROVED
    if kind == "action_unless_set_up" and set_up and off_session:
        return APPROVED
    if kind == "action_on_session" and off_session:
        return APPROVED
    return ACTION


def find(token: str) -> Card | None:
    """The card of a `tok_…` or `pm_card_…` name, None when Stripe has no such test card."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            return _card(token[len(prefix) :])
    return None


def by_number(number: str, *, exp_month: int = 4, exp_year: int = 2034) -> Card | None:
    """The card of a test number, None when Stripe has no such test card."""
    suffix = BY_NUMBER.get(number)
    return None if suffix is None else _card(suffix, number=number, exp_month=exp_month, exp_year=exp_year)


def _card(suffix: str, *, number: str | None = None, exp_month: int = 4, exp_year: int = 2034) -> Card | None:
    row = ROWS.get(suffix)
    if row is None:
        return None
    return Card(
        brand=row.brand,
        last4=(number or row.number)[-4:] if number is not None or row.last4 is None else row.last4,
        fingerprint=chance.token(16, "test card", suffix),
        behaviour=row.behaviour,
        funding=row.funding,
        country=row.country,
        exp_month=exp_month,
        exp_year=exp_year,
        attach_fails=not row.attaches,
        refund=row.refund,
        checks=row.checks,
        after=row.after,
    )
