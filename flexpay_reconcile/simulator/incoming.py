"""What a request carries: its parameters as one form text, in the one version spoken, of a bearable size.

Stripe takes forms only. May not know any resource, key or account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flexpay_reconcile.simulator.refusals import Refusal
from flexpay_reconcile.simulator.state import API_VERSION

MAX_BODY = 1024 * 1024
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")


def check_size(body: bytes) -> None:
    """413 for a body no request of the API needs (Stripe's own figure is not published)."""
    if len(body) > MAX_BODY:
        raise Refusal(413, "Request body is too large.")


def check_version(version: str | None) -> None:
    """Stripe answers in any version that ever was; this simulator in one, and says so rather than answer wrongly."""
    if version is None or version == API_VERSION:
        return
    if _VERSION.fullmatch(version) is None:
        raise Refusal(400, f"Invalid Stripe API version: {version[:60]}")
    raise Refusal(400, f"Invalid Stripe API version: {version[:60]}. This simulator speaks {API_VERSION} only.")


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
