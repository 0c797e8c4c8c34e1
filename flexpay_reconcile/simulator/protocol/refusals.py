"""Stripe-shaped refusals: the one exception the simulator answers with, and the sentences Stripe uses.

May not know any resource; it only carries a status and the fields of Stripe's error object.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An HTTP error answer. `saved` says whether an idempotency key remembers it (only what was executed is)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = False,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.headers = headers or {}
        error: dict[str, Any] = {}
        if code is not None:
            error["code"] = code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + code.replace("_", "-")
        error["message"] = message
        if param is not None:
            error["param"] = param
        error.update(fields)
        error["type"] = type_
        self.error = error


_NOUNS = {
    "payment_method": "PaymentMethod",
    "webhook_endpoint": "webhook endpoint",
    "invoiceitem": "invoiceitem",
    "invoice_payment": "invoice payment",
}


def missing(kind: str, id_: str, *, param: str = "id", note: str = "", status: int = 404) -> Refusal:
    """No such object (404 when it was named in the path, 400 when in a parameter)."""
    return Refusal(status, f"No such {_NOUNS.get(kind, kind)}: '{id_}'{note}", code="resource_missing", param=param)


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """A parameter is wrong; nothing was executed and no idempotency key remembers it."""
    return Refusal(400, message, param=param, code=code)


def not_allowed(message: str, *, code: str | None = None, param: str | None = None) -> Refusal:
    """The request was understood and executed as far as a refusal by the object's state (saved under its key)."""
    return Refusal(400, message, code=code, param=param, saved=True)


def key_in_use(key: str | None = None) -> Refusal:
    """409: another request with this idempotency key is still running (type by the SDK's list, 409 by reports)."""
    named = f": {key}. Please try again later." if key else "."
    return Refusal(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through){named}",
        type_="idempotency_error",
        code="idempotency_key_in_use",
        headers={"Stripe-Should-Retry": "true"},
    )
