"""Bank debits on their way: what the bank answers days after a debit was sent, and what that means.

A charge of a bank account is pending, its intent processing. After as many days as the kind of debit takes (`banks`,
or the account's `debit_days`) the bank answers: a test's script for the customer if there is one at that time, else as
the test account number says. May not send a debit: `collection` and `charging` do.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.simulator.issuers import answers
from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.issuers.cards import ANSWERS
from flexpay_reconcile.simulator.resources import charges, charging, collection, disputes, payment_intents, settlement
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

_APPROVED = replace(ANSWERS["approve"], risk_level="not_assessed")


def settle(sim: Simulation, account: Account, charge_id: str) -> None:
    """The bank's time is over: it answers a debit that is still on its way."""
    charge = account.find("charge", charge_id)
    if charge is not None and charge["status"] == "pending":
        conclude(sim, account, charge, _answer(sim, account, charge))


def _answer(sim: Simulation, account: Account, charge: Obj) -> Answer:
    bank = account.payments.banks[charge["payment_method"]]
    if charge["customer"] in sim.issuers.scripts:
        scripted = sim.issuers.scripted(charge["customer"])
        code = scripted.decline_code or scripted.code or "payment_intent_payment_attempt_failed"
        return _APPROVED if scripted.approved else answers.returned(code, ach=bank.kind == "us_bank_account")
    if bank.code is not None:
        return answers.returned(bank.code, ach=bank.kind == "us_bank_account")
    return _APPROVED


def conclude(sim: Simulation, account: Account, charge: Obj, answer: Answer) -> None:
    """A pending debit succeeded or came back, with everything that follows for intent, invoice and subscription."""
    counts = account.payments.debits.pop(charge["id"], False)
    intent = account.get("payment_intent", charge["payment_intent"])
    method = account.get("payment_method", charge["payment_method"])
    invoice = account.find("invoice", account.invoice_of.get(intent["id"]))
    if intent["status"] != "processing":  # cancelled meanwhile: the money goes back, or never came
        answer = answers.returned("payment_intent_payment_attempt_failed", ach=False)
        charges.returned(sim, account, charge, answer, None if invoice is None else invoice["id"])
        return
    charges.returned(sim, account, charge, answer, None if invoice is None else invoice["id"])
    if invoice is None:
        charging.conclude(sim, account, intent, charge, method, answer)
    elif (
        invoice["status"] == "paid" and not answer.approved
    ):  # by another payment meanwhile: nothing is asked for any more
        payment_intents.cancel_one(sim, account, intent, "automatic")
    elif answer.approved:
        payment_intents.succeed(sim, account, intent, charge)
        settlement.settle(sim, account, invoice, intent=intent)
    else:
        payment_intents.fail(sim, account, intent, answer, charge, method)
        collection.failed(sim, account, invoice, method, counts=counts)
    if answer.approved and account.payments.banks[method["id"]].behaviour == "dispute":
        disputes.open_dispute(sim, account, charge, "debit_not_authorized")
