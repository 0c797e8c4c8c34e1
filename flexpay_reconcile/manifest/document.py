"""YAML text to a tree that remembers file, line and column. The only home of `yaml`. Guesses nothing.

The parser's events are taken one by one, without recursion and without building anything an alias could multiply.
Refused: aliases, anchors, tags, merge keys, duplicate keys, several documents, directives, keys that are no text,
more than 32 levels, more than 1 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from flexpay_reconcile.manifest.faults import UNREAD, Path, error, show
from flexpay_reconcile.manifest.mark import Mark
from flexpay_reconcile.manifest.scalars import read_plain
from flexpay_reconcile.manifest.text import Lines, decode, first_forbidden
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic, Place

MAX_DEPTH: Final = 32
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is five times as quick; both parse alike


def read(file: str, data: bytes, *, fractions: bool = False) -> tuple[Tree | None, list[Diagnostic]]:
    """The tree of one file, or None where it cannot be parsed to its end; and every fault met.

    An empty file is None without fault.
    """
    text, faults = decode(file, data)
    if text is None:
        return None, faults
    builder = _Builder(file, fractions=fractions)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as problem:
        return None, [*builder.faults, _syntax_fault(Lines(file, text), problem)]
    except _GivenUp:
        return None, builder.faults
    return builder.tree(), builder.faults


def load_plain(file: str, data: bytes) -> tuple[Any | None, list[Diagnostic]]:
    """A file that is no manifest (a scenario of the simulator) as plain values, under the same strictness;
    fractions are read.
    """
    tree, faults = read(file, data, fractions=True)
    return (None if tree is None or faults else tree.value), faults


def marks(text: str) -> Iterator[Mark]:
    """The events of a text that `read` found no fault in, for whoever has to write it anew."""
    event: Any
    for event in yaml.parse(text, Loader=_LOADER):
        kind = _KINDS.get(type(event))
        if kind is None:
            continue
        first: Any = event.start_mark
        last: Any = event.end_mark
        yield Mark(
            kind=kind,
            text=getattr(event, "value", ""),
            plain=kind == "scalar" and not event.style,
            flow=bool(getattr(event, "flow_style", False)),
            start=first.index,
            end=last.index,
            line=first.line,
            column=first.column,
            last_line=last.line - (last.column == 0 and last.line > first.line),
        )


_KINDS: Final[dict[type, str]] = {
    yaml.ScalarEvent: "scalar",
    yaml.MappingStartEvent: "map",
    yaml.SequenceStartEvent: "list",
    yaml.MappingEndEvent: "end",
    yaml.SequenceEndEvent: "end",
}


class _GivenUp(Exception):
    """Nothing after this place can be made sense of."""


class _Level:
    """An open map or list. `path` is None where its content is thrown away; `key` is None while a key is awaited."""

    __slots__ = ("key", "key_is_next", "path", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path | None) -> None:
        self.value = value
        self.path = path
        self.key: str | None = None
        self.key_is_next = isinstance(value, dict)


class _Builder:
    """Puts the tree together from the parser's events."""

    def __init__(self, file: str, *, fractions: bool) -> None:
        self.file = file
        self.fractions = fractions
        self.faults: list[Diagnostic] = []
        self._documents = 0
        self._levels: list[_Level] = []
        self._root: Any = None
        self._values: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}

    def tree(self) -> Tree | None:
        """The whole, after the last event; None of an empty file."""
        if self._root is None and not self.faults:
            return None
        return Tree(value=self._root, values=self._values, keys=self._keys)

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        match event:
            case yaml.DocumentStartEvent():
                self._document(event)
            case yaml.AliasEvent():
                self._fault("E-yaml-alias", event, "an alias (*) is not read: every value stands where it is used")
                self._put(UNREAD, event)
            case yaml.ScalarEvent():
                self._anchor_and_tag(event)
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open({}, event)
            case yaml.SequenceStartEvent():
                self._open([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._levels.pop()

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fault(
                "E-yaml-documents",
                event,
                "a second document begins here; a file holds one",
                hint="use one file for each",
            )
            raise _GivenUp
        if event.version or event.tags:
            self._fault(
                "E-yaml-directive",
                event,
                "directives (%YAML, %TAG) are not read",
                hint="delete the line that begins with %",
            )

    def _anchor_and_tag(self, event: Any) -> None:
        if event.anchor is not None:
            self._fault("E-yaml-anchor", event, "an anchor (&) is not read: every value stands where it is used")
        if event.tag is not None:
            self._fault(
                "E-yaml-tag", event, f"the tag {show(event.tag)} is not read: values are plain", hint="delete the tag"
            )

    def _scalar(self, event: Any) -> None:
        level = self._levels[-1] if self._levels else None
        if level is not None and level.key_is_next:
            self._key(level, event)
            return
        value: Any = event.value
        if event.implicit[0] and not event.style:
            reading = read_plain(value, fractions=self.fractions)
            if reading.fault is not None:
                self._fault("E-yaml-number", event, reading.fault, hint=reading.hint)
            value = reading.value
        elif (character := first_forbidden(value)) is not None:
            self._fault(
                "E-file-character",
                event,
                f"the character U+{ord(character):04X} may not stand in a manifest, escaped or not",
            )
            value = UNREAD
        self._put(value, event)

    def _key(self, level: _Level, event: Any) -> None:
        """Keep a key for the value that follows, or None where it is no key we take."""
        level.key_is_next = False
        level.key = None
        key: str = event.value
        plain = event.implicit[0] and not event.style
        if plain and key == "<<":
            self._fault("E-yaml-merge", event, "a merge key (<<) is not read: every value stands where it is used")
        elif plain and not isinstance(read_plain(key, fractions=self.fractions).value, str):
            self._fault(
                "E-yaml-key",
                event,
                f"a key is text, and {show(key)} is none",
                hint=f'write "{key[:30]}" if text is meant',
            )
        elif not key.isprintable() or not key:
            self._fault("E-yaml-key", event, f"{show(key)} may not be a key")
        elif key in level.value:
            path = (*(level.path or ()), key)
            first = self._keys.get(path)
            where = f", first in line {first.line}" if first and level.path is not None else ""
            self._fault(
                "E-yaml-duplicate-key",
                event,
                f"{show(key)} stands here twice{where}",
                hint="a reader would keep one and drop the other",
            )
        else:
            level.key = key
            level.value[key] = UNREAD  # type: ignore[call-overload]  # only maps await keys
            if level.path is not None:
                self._keys[(*level.path, key)] = self._place(event)

    def _open(self, value: dict[str, Any] | list[Any], event: Any) -> None:
        self._anchor_and_tag(event)
        level = self._levels[-1] if self._levels else None
        if len(self._levels) >= MAX_DEPTH:
            self._fault("E-yaml-depth", event, f"more than {MAX_DEPTH} levels", hint="a manifest needs eight")
            raise _GivenUp
        if level is not None and level.key_is_next:
            if level.path is not None:
                self._fault("E-yaml-key", event, f"a key is text, and {show(value)} is none")
            level.key_is_next = False
            level.key = None
            self._levels.append(_Level(value, None))
        else:
            self._levels.append(_Level(value, self._put(value, event)))

    def _put(self, value: Any, event: Any) -> Path | None:
        """Put a value where it belongs; its path, or None where it belongs nowhere."""
        if not self._levels:
            self._root = value
            self._values[()] = self._place(event)
            return ()
        level = self._levels[-1]
        part: str | int | None
        if isinstance(level.value, list):
            part = len(level.value)
            level.value.append(value)
        elif level.key_is_next:  # an alias where a key should be
            level.key_is_next = False
            level.key = None
            return None
        else:
            level.key_is_next = True
            part = level.key
            if part is not None:
                level.value[part] = value
        if part is None or level.path is None:
            return None
        path = (*level.path, part)
        self._values[path] = self._place(event)
        return path

    def _place(self, event: Any) -> Place:
        return Place(file=self.file, line=event.start_mark.line + 1, column=event.start_mark.column + 1)

    def _fault(self, code: str, event: Any, message: str, *, hint: str | None = None) -> None:
        self.faults.append(error(code, message, place=self._place(event), hint=hint))


def _syntax_fault(lines: Lines, problem: yaml.YAMLError) -> Diagnostic:
    """The parser's complaint in one line, at its place; a tab in the indentation has its own words."""
    said = str(getattr(problem, "problem", None) or "")
    marks = (getattr(problem, "problem_mark", None), getattr(problem, "context_mark", None))
    # What was never closed is to be looked for where it was opened.
    mark = (marks[1] or marks[0]) if "end of stream" in said else (marks[0] or marks[1])
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    place = Place(file=lines.file, line=line, column=column)
    text = lines.line(line)
    indentation = text[: len(text) - len(text.lstrip())]
    if "\t" in indentation:
        place = Place(file=lines.file, line=line, column=indentation.index("\t") + 1)
        return error("E-yaml-tab", "a tab in the indentation", place=place, hint="YAML indents with spaces")
    words = [part for part in (str(getattr(problem, "context", None) or ""), said) if part]
    hint = None
    if "mapping values are not allowed" in " ".join(words):
        hint = "text with ': ' in it needs quotes; or the indentation is wrong"
    elif text.lstrip().startswith(("@", "`", "%")) or "cannot start any token" in " ".join(words):
        hint = "quote the text"
    return error(
        "E-yaml-syntax", "this is no YAML: " + (", ".join(words) or "it cannot be parsed"), place=place, hint=hint
    )
