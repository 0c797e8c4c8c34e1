"""Secrets on their way to one process: sealed for its public key, opened by it alone. Nothing is kept on disk.

An ephemeral X25519 key for each secret, HKDF-SHA256 over the shared secret, then AES-256-GCM bound to the context:
the construction of HPKE's base mode (RFC 9180), with one message a key. No error here holds a secret.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.secret import Secret

PREFIX = "x25519.1."
_KEY_BYTES = 32
_NONCE = bytes(12)
"""A key seals one message only, so the nonce may be fixed."""


class ProcessPost:
    """The `SealedPost` port over a key made when the process starts."""

    def __init__(self) -> None:
        self._key = X25519PrivateKey.generate()
        self._public = self._key.public_key().public_bytes_raw()

    def address(self) -> str:
        """The public key as text."""
        return PREFIX + base64.urlsafe_b64encode(self._public).decode()

    def open(self, sealed: str, context: str) -> Secret:
        """The secret; OperatorError where it was not sealed for us and this context."""
        data = _bytes(sealed)
        if data is None or len(data) <= _KEY_BYTES:
            raise _refused()
        theirs, box = data[:_KEY_BYTES], data[_KEY_BYTES:]
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(theirs))
            text = _aead(shared, theirs, self._public).decrypt(_NONCE, box, context.encode()).decode()
        except (InvalidTag, ValueError):
            raise _refused() from None
        if not text:
            raise _refused()
        return Secret(text)


def seal(secret: Secret, address: str, context: str) -> str:
    """The secret, sealed for the process at this address."""
    ours = _bytes(address)
    if ours is None or len(ours) != _KEY_BYTES:
        raise _refused()
    key = X25519PrivateKey.generate()
    theirs = key.public_key().public_bytes_raw()
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(ours))
    except ValueError:
        raise _refused() from None
    box = _aead(shared, theirs, ours).encrypt(_NONCE, secret.reveal().encode(), context.encode())
    return PREFIX + base64.urlsafe_b64encode(theirs + box).decode()


def _aead(shared: bytes, sender: bytes, receiver: bytes) -> AESGCM:
    info = b"flexpay sealed post 1" + sender + receiver
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(shared))


def _bytes(text: str) -> bytes | None:
    if not text.startswith(PREFIX):
        return None
    try:
        return base64.b64decode(text.removeprefix(PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _refused() -> OperatorError:
    return OperatorError(
        "a secret that came through the control door was not sealed for this daemon",
        code="E-door-seal",
        hint="the daemon was restarted meanwhile; apply again, which goes on from here",
        kind=ErrorKind.FAILED,
    )
