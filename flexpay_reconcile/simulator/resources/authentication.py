"""3D Secure: the customer's own part of a payment, and how refusals of a payment intent are told.

May not answer requests: `intent_requests` and the control verb `authenticate` call it.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.simulator.issuers import answers
from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.resources import charging, collection, instruments, payment_intents
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

NEEDED = replace(answers.decline("authentication_required"), code="authentication_required")
"""The issuer's refusal of an off-session payment that needs the customer (docs: error code authentication_required)."""


def refusal(answer: Answer, charge: Obj | None, intent: Obj, method: Obj) -> Refusal:
    """The 402 a caller gets for a try that failed."""
    error = payment_intents.error_of(answer, charge, method)
    error["payment_intent"] = dict(intent)
    code, message, type_ = str(error.pop("code")), str(error.pop("message")), str(error.pop("type"))
    error.pop("doc_url")
    return Refusal(402, message, type_=type_, code=code, saved=True, **error)


def complete(sim: Simulation, account: Account, intent: Obj, *, succeeded: bool) -> None:
    """The customer answered the challenge of an intent that asked for it: the charge is made, or nothing is.

    Without success there is no charge: the intent asks for another payment method with the error
    payment_intent_authentication_failure, and its invoice's payment has failed once more [INFER].
    """
    method = account.get("payment_method", intent["payment_method"])
    invoice = account.find("invoice", account.invoice_of.get(intent["id"]))
    if not succeeded:
        payment_intents.fail(sim, account, intent, answers.AUTHENTICATION_FAILED, None, method)
        if invoice is not None:
            collection.failed(sim, account, invoice, method, counts=False)
        return
    account.payments.set_up.add(method["id"])
    if invoice is not None:
        collection.attempt(sim, account, invoice, method, automatic=False, off_session=False, authenticated=True)
        return
    answer = instruments.ask(
        sim,
        account,
        customer=intent["customer"],
        method=method,
        amount=intent["amount"],
        off_session=False,
        authenticated=True,
    )
    charging.attempt(sim, account, intent, method, answer, authenticated=True)
