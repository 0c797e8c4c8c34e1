"""Authenticated encryption of what the state keeps and nobody may read: AES-256-GCM, bound to its context.

The key is never in the database: it is given by reference, or lies beside the database in `<name>.key`,
readable by its owner only, made on the first use. No error and no text here holds a key or a secret.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
PREFIX = "aes256gcm.1."
MAX_KEY_FILE = 256


class StateCipher:
    """The cipher port over one key."""

    def __init__(self, key: Secret) -> None:
        """`key` is 32 random bytes as base64 (`openssl rand -base64 32`)."""
        self._aead = AESGCM(_key_bytes(key, "the state key"))

    def seal(self, secret: Secret, context: str) -> str:
        """Text safe to store; it opens only with the same key and context."""
        return _seal(self._aead, secret, context)

    def open(self, sealed: str, context: str) -> Secret:
        """The secret back; OperatorError when key or context is another."""
        return _open(self._aead, sealed, context, "the state key that was given")


class BesideCipher:
    """The cipher port over a key file, which `seal` makes when it is missing and `open` never does."""

    def __init__(self, path: Path) -> None:
        """`path` is the key file; it is first looked at when something is sealed or opened."""
        self._path = path
        self._aead: AESGCM | None = None

    def seal(self, secret: Secret, context: str) -> str:
        """Text safe to store; makes the key file on the first use."""
        if self._aead is None and not self._path.exists():
            _write_new_key(self._path)
        return _seal(self._loaded(), secret, context)

    def open(self, sealed: str, context: str) -> Secret:
        """The secret back; OperatorError when the key file is missing or is another's."""
        return _open(self._loaded(), sealed, context, str(self._path))

    def _loaded(self) -> AESGCM:
        if self._aead is None:
            self._aead = AESGCM(_key_bytes(_read_key(self._path), str(self._path)))
        return self._aead


def open_cipher(state: Path | None, key: Secret | None = None) -> StateCipher | BesideCipher:
    """The cipher of a state: with the key given, else the key file beside it; for a state in memory a new key."""
    if key is not None:
        return StateCipher(key)
    if state is None:
        return StateCipher(new_key())
    return BesideCipher(key_path(state))


def key_path(state: Path) -> Path:
    """Where the key of a state file lies: `state.db` → `state.db.key`."""
    return Path(f"{state}.key")


def new_key() -> Secret:
    """A fresh random key."""
    return Secret(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


class NewKey:
    """A key on its way into the key file: first as `<name>.new`, then, once all is sealed with it, under its name.

    Killed in between, the next `NewKey` finds the file and `finish` or `drop` ends what was begun.
    """

    def __init__(self, state: Path) -> None:
        """`state` is the database's path."""
        self._path = key_path(state)
        self._draft = Path(f"{self._path}.new")

    def begun(self) -> StateCipher | None:
        """The cipher of a key that an earlier run left; None when there is none."""
        return StateCipher(_read_key(self._draft)) if self._draft.exists() else None

    def begin(self, key: Secret | None) -> StateCipher:
        """Put a key given, or a fresh one, on the disk under the draft's name."""
        if key is not None:
            _key_bytes(key, "the new state key")
        _write_new_key(self._draft, key)
        return StateCipher(_read_key(self._draft))

    def finish(self) -> None:
        """It is the key now."""
        self._draft.replace(self._path)

    def drop(self) -> None:
        """Nothing was sealed with it."""
        self._draft.unlink(missing_ok=True)


def _seal(aead: AESGCM, secret: Secret, context: str) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = aead.encrypt(nonce, secret.reveal().encode(), context.encode())
    return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode()


def _open(aead: AESGCM, sealed: str, context: str, key_name: str) -> Secret:
    try:
        data = base64.b64decode(sealed.removeprefix(PREFIX), altchars=b"-_", validate=True)
        if not sealed.startswith(PREFIX) or len(data) <= NONCE_BYTES:
            raise _refused(f"the sealed secret {context} has an unknown form", "E-state-key-wrong", "restore a backup")
        return Secret(aead.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context.encode()).decode())
    except (InvalidTag, binascii.Error):
        raise _refused(
            f"the sealed secret {context} does not open with {key_name}",
            "E-state-key-wrong",
            "bring back the key this state was made with",
        ) from None


def _key_bytes(key: Secret, name: str) -> bytes:
    try:
        data = base64.b64decode(key.reveal().strip(), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != KEY_BYTES:
        raise _refused(
            f"{name} is not {KEY_BYTES} bytes in base64",
            "E-state-key-invalid",
            "make one with: openssl rand -base64 32",
        )
    return data


def _read_key(path: Path) -> Secret:
    """The text of the key file, which nobody but its owner may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(MAX_KEY_FILE).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise _refused(
            f"the state key {path} is missing",
            "E-state-key-missing",
            "bring it back from where it was kept; without it the sealed signing secrets are lost",
        ) from None
    except OSError as error:
        raise _refused(
            f"the state key {path} cannot be read: {error.strerror}", "E-state-key-missing", "check its permissions"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise _refused(f"the state key {path} is open to others", "E-state-key-open", f"run: chmod 600 {path}")
    if not text:
        raise _refused(f"the state key {path} is empty", "E-state-key-invalid", "bring back the key of this state")
    return Secret(text)


def _write_new_key(path: Path, key: Secret | None = None) -> None:
    """Write a key (a new one if none is given) in full, on disk, before its name appears.

    One that another process made meanwhile is kept.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, ((key or new_key()).reveal().strip() + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _refused(
            f"the state key {path} cannot be written: {error.strerror}", "E-state-key-missing", "check the directory"
        ) from None


def _refused(message: str, code: str, hint: str) -> OperatorError:
    return OperatorError(message, code=code, hint=hint, kind=ErrorKind.KEY_REFUSED)
