"""What a request carries: its parameters as one form text, of a bearable size.

Stripe takes forms only. May not know any resource, key or account.
"""

from __future__ import annotations

from collections.abc import Mapping

from flexpay_reconcile.simulator.protocol.refusals import Refusal

MAX_BODY = 1024 * 1024


def check_size(body: bytes) -> None:
    """413 for a body no request of the API needs (Stripe's own figure is not published)."""
    if len(body) > MAX_BODY:
        raise Refusal(413, "Request body is too large.")


def text_of(method: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The parameters of a request as one form text."""
    if method != "POST":
        return query if not body else query + ("&" if query else "") + _decoded(body)
    if query:
        raise Refusal(400, "Parameters of a POST belong in its body.")
    kind = headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise Refusal(
            400,
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any "
            "questions, we can help at https://support.stripe.com/.",
        )
    return _decoded(body)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, "Invalid UTF-8 in the request body.") from error
