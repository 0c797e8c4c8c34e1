"""Webhook signatures: raw bytes, header, secrets and the present in; a verdict out. Parses no body.

Source: Stripe's webhook documentation, `Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>…]`,
HMAC-SHA256 over `{t}.{raw body}`. Schemes other than v1 are ignored. Tolerance counts both ways:
Stripe's SDK accepts any future timestamp, we do not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum

from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret

TOLERANCE = Span.of(seconds=300)
_MAX_HEADER = 2048
_MAX_SIGNATURES = 16


class Verdict(StrEnum):
    """What a signature check came to."""

    GENUINE = "genuine"
    """Signed with one of the secrets, within the tolerance."""
    MALFORMED = "malformed"
    """No timestamp or no v1 signature in the header."""
    FORGED = "forged"
    """No signature matches any secret."""
    TOO_OLD = "too_old"
    """Genuine but older than the tolerance."""
    FROM_THE_FUTURE = "from_the_future"
    """Genuine but further in the future than the tolerance."""


def verify(body: bytes, header: str, secrets: Sequence[Secret], now: Instant, tolerance: Span = TOLERANCE) -> Verdict:
    """Check a delivery. The age is looked at only after the signature, so that a forger learns nothing."""
    if len(header) > _MAX_HEADER:
        return Verdict.MALFORMED
    timestamp, signatures = _parts(header)
    if timestamp is None or not signatures:
        return Verdict.MALFORMED
    signed = timestamp.encode() + b"." + body
    genuine = False
    for secret in secrets:
        expected = hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest().encode()
        for signature in signatures:
            genuine |= hmac.compare_digest(expected, signature)
    if not genuine:
        return Verdict.FORGED
    age = now.since(Instant.from_seconds(int(timestamp)))
    if age > tolerance:
        return Verdict.TOO_OLD
    if age < Span(-tolerance.ms):
        return Verdict.FROM_THE_FUTURE
    return Verdict.GENUINE


def _parts(header: str) -> tuple[str | None, list[bytes]]:
    """The timestamp and the v1 signatures of a header."""
    timestamp = None
    signatures: list[bytes] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            timestamp = value
        elif name == "v1" and value.isascii() and len(signatures) < _MAX_SIGNATURES:
            signatures.append(value.encode())
    return timestamp, signatures
