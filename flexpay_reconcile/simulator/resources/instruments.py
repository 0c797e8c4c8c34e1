"""Instruments: the card or bank account behind a payment method, and what it answers to an attempt.

May not make objects.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.issuers import answers, banks, cards
from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.issuers.banks import BankAccount
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

Instrument = Card | BankAccount
WINDOW = 30 * 86400


def find(token: str) -> Instrument | None:
    """The test card or test bank account of a token's name."""
    return cards.find(token) or banks.find(token)


def of(account: Account, method_id: str | None) -> Instrument | None:
    """What stands behind a payment method of the account."""
    if method_id is None:
        return None
    return account.cards.get(method_id) or account.payments.banks.get(method_id)


def keep(account: Account, method_id: str, instrument: Instrument) -> None:
    """Remember what stands behind a payment method."""
    if isinstance(instrument, Card):
        account.cards[method_id] = instrument
    else:
        account.payments.banks[method_id] = instrument


def fingerprint(method: Obj) -> str:
    """The fingerprint a payment method shows."""
    return str(method[method["type"]]["fingerprint"])


def ask(
    sim: Simulation,
    account: Account,
    *,
    customer: str | None,
    method: Obj,
    amount: int,
    off_session: bool = True,
    authenticated: bool = False,
) -> Answer:
    """The answer to an attempt over `amount` minor units: Stripe's own block, the script of a test, the issuer.

    A bank debit is only pending for now; `bank_debits` asks again when the bank has had its time.
    """
    if method["id"] in account.payments.banks:
        return answers.PENDING
    card = account.cards[method["id"]]
    if account.payments.visa_retry_limit is not None and _blocked(account, card, sim.now):
        return answers.RETRIED_TOO_OFTEN
    if customer is not None and customer in sim.issuers.scripts:
        scripted = sim.issuers.ask(customer, card, sim.now, [], amount)
        return answers.APPROVED if scripted.requires_action and authenticated else scripted
    if card.latent is not None:
        earlier = account.attempts.get((card.fingerprint, amount), [])
        return sim.issuers.ask(customer or "", card, sim.now, earlier, amount)
    set_up = method["id"] in account.payments.set_up
    return cards.answer(card, off_session=off_session, set_up=set_up, authenticated=authenticated)


def _blocked(account: Account, card: Card, now: int) -> bool:
    """Whether Stripe refuses to send a Visa attempt again.

    After the limit of declines within thirty days, as its support article says ("after the 15th retry attempt"; Stripe
    looks at the chances then, which is simulated as certainty); after a decline of Visa's category 1 [INFER].
    """
    payments = account.payments
    if card.brand != "visa" or payments.visa_retry_limit is None:
        return False
    if card.fingerprint in payments.never:
        return True
    recent = [at for at in payments.declines.get(card.fingerprint, ()) if now - WINDOW < at]
    return len(recent) >= payments.visa_retry_limit
