"""Secrets in the text of a manifest, comments and escaped scalars included: found with their place, never shown."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.manifest.faults import Path, error
from flexpay_reconcile.manifest.literal_secrets import holds_secret, offsets
from flexpay_reconcile.manifest.text import MAX_BYTES, Lines
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic, Place

CODE = "E-secret-literal"
_MESSAGE = "a Stripe secret stands here in clear (not shown); it must be replaced in Stripe, for it has been in a file"
_HINT = (
    "write where it is instead: {env: NAME}, {file: PATH} or {credential: NAME}; a mere name may not look like a secret"
)


def in_text(file: str, data: bytes) -> list[Diagnostic]:
    """Secrets in the bytes of a file, even of one that is no YAML; a file too large to read is left alone."""
    if len(data) > MAX_BYTES:
        return []
    # latin-1 reads any bytes; secrets are ASCII, and the column is counted in characters of the real text.
    raw = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    if not holds_secret(raw):
        return []
    lines = Lines(file, raw)
    return [_fault(_in_characters(lines, offset)) for offset in offsets(raw)]


def in_values(tree: Tree, known: list[Diagnostic]) -> list[Diagnostic]:
    """Secrets that only the parsed value shows (escaped, or broken over lines), those already `known` by line apart."""
    lines = {(fault.place.file, fault.place.line) for fault in known if fault.place is not None}
    found = []
    for path, text in _texts(tree.value, ()):
        if not holds_secret(text):
            continue
        place = tree.values.get(path)
        if place is not None and not _covered(place, tree, path, lines):
            found.append(_fault(place, path))
    return found


def _covered(place: Place, tree: Tree, path: Path, lines: set[tuple[str, int]]) -> bool:
    """Whether a secret found in the raw text lies in this value's first line or, for texts of many lines, below it."""
    text = tree.get(*path)
    span = text.count("\n") + 2 if isinstance(text, str) and "\n" in text else 1
    return any((place.file, place.line + more) in lines for more in range(span))


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for key, inner in value.items():
                yield (*path, key), key
                yield from _texts(inner, (*path, key))
        case list():
            for position, inner in enumerate(value):
                yield from _texts(inner, (*path, position))


def _in_characters(lines: Lines, offset: int) -> Place:
    place = lines.place(offset)
    before = lines.text[offset - place.column + 1 : offset]
    column = len(before.encode("latin-1").decode("utf-8", "replace")) + 1
    return Place(file=place.file, line=place.line, column=column)


def _fault(place: Place, path: Path = ()) -> Diagnostic:
    return error(CODE, _MESSAGE, place=place, path=path, hint=_HINT)
