"""The cipher: what is sealed opens with the same key and context only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from flexpay_reconcile.adapters.state_cipher import BesideCipher, StateCipher, key_path, new_key, open_cipher
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.values.secret import Secret

SECRET = Secret("whsec_" + "canary0123456789")


@pytest.fixture(params=["given", "beside", "memory"])
def cipher(request: pytest.FixtureRequest, tmp_path: Path):
    """Each kind of cipher, with a new key."""
    if request.param == "given":
        return StateCipher(new_key())
    return open_cipher(tmp_path / "state.db" if request.param == "beside" else None)


def test_what_is_sealed_opens_again(cipher):
    """With the same context; the text shows nothing of the secret and differs each time."""
    first, second = cipher.seal(SECRET, "row 1"), cipher.seal(SECRET, "row 1")
    assert first != second
    assert SECRET.reveal() not in first
    assert cipher.open(first, "row 1") == cipher.open(second, "row 1") == SECRET
    long = Secret("ü" * 5000)
    assert cipher.open(cipher.seal(long, ""), "") == long


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-4] + ("AAA=" if text[-4:] != "AAA=" else "BBB="),
        lambda text: text[:-8],
        lambda text: text[:20],
        lambda text: text.partition(".")[2],
        lambda text: "aes256gcm.1.",
        lambda text: "",
        lambda text: text.replace("aes256gcm.1.", "aes256gcm.9."),
        lambda text: text + "!",
    ],
)
def test_a_damaged_text_does_not_open(cipher, damage):
    """Cut, changed or foreign text is an error in words without the secret."""
    with pytest.raises(OperatorError) as refused:
        cipher.open(damage(cipher.seal(SECRET, "row 1")), "row 1")
    assert (refused.value.code, refused.value.kind) == ("E-state-key-wrong", ErrorKind.KEY_REFUSED)
    assert "canary" not in refused.value.message


def test_another_context_does_not_open(cipher):
    """A sealed text belongs to its row."""
    with pytest.raises(OperatorError):
        cipher.open(cipher.seal(SECRET, "row 1"), "row 2")


def test_another_key_does_not_open(cipher):
    """The error names where the key came from, not the key."""
    key = new_key()
    with pytest.raises(OperatorError) as refused:
        StateCipher(key).open(cipher.seal(SECRET, "row 1"), "row 1")
    assert key.reveal() not in refused.value.message


@pytest.mark.parametrize("text", ["short", "A" * 44, "not base64 at all!", "QUJD"])
def test_a_key_must_be_32_bytes(text):
    """Anything else is refused, and not shown."""
    with pytest.raises(OperatorError) as refused:
        StateCipher(Secret(text))
    assert refused.value.code == "E-state-key-invalid"
    assert text not in refused.value.message


def test_the_key_file_is_made_on_first_use_for_its_owner_only(tmp_path: Path):
    """Not before something is sealed; 0600; no draft is left; the next process opens with it."""
    state = tmp_path / "state.db"
    cipher = open_cipher(state)
    assert not key_path(state).exists()
    sealed = cipher.seal(SECRET, "row")
    assert [each.name for each in tmp_path.iterdir()] == ["state.db.key"]
    assert stat.S_IMODE(key_path(state).stat().st_mode) == 0o600
    before = key_path(state).read_bytes()
    again = open_cipher(state)
    assert again.open(sealed, "row") == SECRET
    again.seal(SECRET, "row")
    assert key_path(state).read_bytes() == before


def test_two_processes_agree_on_one_key(tmp_path: Path):
    """Both saw no key file and both seal: the first file stays and both use it."""
    first, second = open_cipher(tmp_path / "state.db"), open_cipher(tmp_path / "state.db")
    assert second.open(first.seal(SECRET, "a"), "a") == SECRET
    assert first.open(second.seal(SECRET, "b"), "b") == SECRET


def test_opening_never_makes_a_key(tmp_path: Path):
    """A missing key is told with the file's name."""
    sealed = StateCipher(new_key()).seal(SECRET, "row")
    with pytest.raises(OperatorError) as refused:
        open_cipher(tmp_path / "state.db").open(sealed, "row")
    assert refused.value.code == "E-state-key-missing"
    assert "state.db.key" in refused.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (b"", 0o600, "E-state-key-invalid"),
        (b"\xff\xfe", 0o600, "E-state-key-invalid"),
        (b"QUJD\n", 0o600, "E-state-key-invalid"),
        (None, 0o640, "E-state-key-open"),
        (None, 0o604, "E-state-key-open"),
    ],
)
def test_a_bad_key_file_is_refused(tmp_path: Path, content, mode, code):
    """Empty, garbled, too short, or readable by others."""
    path = tmp_path / "k"
    path.write_bytes(new_key().reveal().encode() if content is None else content)
    path.chmod(mode)
    with pytest.raises(OperatorError) as refused:
        BesideCipher(path).seal(SECRET, "row")
    assert refused.value.code == code


def test_a_given_key_wins_over_the_file(tmp_path: Path):
    """With a key by reference no file is made."""
    open_cipher(tmp_path / "state.db", new_key()).seal(SECRET, "row")
    assert list(tmp_path.iterdir()) == []
