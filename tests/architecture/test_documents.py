"""The documents tell the truth about the tree: links lead somewhere, commands exist, and the house is drawn as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flexpay_reconcile.cli.main import cli
from tests.architecture.source import PACKAGE, ROOT

DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "examples", "tests")
    for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"^([a-z]+):.*## ", flags=re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What a link into a document may name: its headings, as the usual renderers write them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> Iterator[list[str]]:
    """Each `flexpay …` in a document: from blocks of code, and from code inside a line."""
    for block in FENCE.findall(text):
        for line in block.splitlines():
            for part in re.split(r"&&|\|\||[;|{}&]", line.partition("#")[0].removeprefix("$ ")):
                words = shlex.split(part.strip()) if "flexpay " in part else []
                if words[:1] == ["flexpay"]:
                    yield words
    for code in re.findall(r"`(flexpay [^`\n]+)`", FENCE.sub("", text)):
        yield code.split()


def fault(words: list[str]) -> str | None:
    """What the command line does not have of this command; None when it has all."""
    context = click.Context(cli, info_name="flexpay")
    command: click.Command = cli
    for word in words[1:]:
        if word.startswith("-"):
            known = {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}
            if word.partition("=")[0] not in known | set(context.help_option_names or []) | {"-h", "--help"}:
                return f"{command.name} has no {word}"
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return f"{command.name} has no command {word}"
            command = found
    return None


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_lead_somewhere(name):
    """Every link to a file of the project, and to a heading in it, resolves inside the project."""
    document = ROOT / name
    broken = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or not target.is_relative_to(ROOT) or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_named_exists(name):
    """Every `flexpay …` that a reader may type is a command of this version, with the options it is shown with."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [found for words in commands(text) if (found := fault(words))] == []


def test_the_readme_shows_commands():
    """The check above looks at something: the tour names each step's command."""
    shown = {tuple(words[1:3]) for words in commands((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {("simulator", "serve"), ("plan", "--detailed-exitcode"), ("cases", "list"), ("explain", "INVOICE")} <= shown


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_named_exists(name):
    """Every `make …` in a document is a target that `make` itself lists."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()] + re.findall(r"`(make [^`]+)`", text)
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {found[1] for line in lines if (found := re.match(r"make ([a-z]+)", line))}
    assert named - targets == set()


def parts_of_the_house() -> set[str]:
    """Rooms, operations, ports, adapters: what the drawing must name."""
    found = {f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    for room in ("operations", "ports", "adapters"):
        found |= {path.stem for path in (PACKAGE / room).glob("*.py") if path.stem != "__init__"}
        found |= {f"{path.name}/" for path in (PACKAGE / room).iterdir() if (path / "__init__.py").exists()}
    return found


def test_the_drawing_shows_the_house():
    """The tree of ARCHITECTURE.md names every room, operation, port and adapter that there is."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = FENCE.findall(text.partition("## The tree")[2])[0]
    words = set(re.findall(r"[a-z_0-9]+/?", tree))
    assert parts_of_the_house() - words == set()


def test_the_drawing_shows_nothing_else():
    """What the tree calls an operation, a port or an adapter exists, or stands on a line that says (later)."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = FENCE.findall(text.partition("## The tree")[2])[0]
    modules = {path.stem for path in PACKAGE.rglob("*") if path.is_dir() or path.suffix == ".py"}
    named = {
        word for line in tree.splitlines() if "(later)" not in line for word in re.findall(r"[a-z]+(?:_[a-z]+)+", line)
    }
    assert {word for word in named if word not in modules} - STANDS_ELSEWHERE == set()


STANDS_ELSEWHERE = {"flexpay_reconcile", "one_account", "failing_book", "stop_stripe"}
"""Words of the drawing that are no modules: the package, and a loop's name."""


def test_the_main_types_exist():
    """Every `room.Type` of ARCHITECTURE.md's table of types is in that room."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Main types")[2]
    named = re.findall(r"`([a-z]+)\.([A-Z][A-Za-z]+)`", text.partition("\n## ")[0])
    assert len(named) > 10
    for room, name in named:
        pattern = re.compile(rf"^(?:class )?{name}\b(?:[:(]| = )", flags=re.MULTILINE)
        files = (PACKAGE / room).rglob("*.py")
        assert any(pattern.search(path.read_text(encoding="utf-8")) for path in files), f"{room}.{name}"


def test_no_document_names_a_machine():
    """No document holds a path of somebody's machine."""
    pattern = re.compile(r"(?:^|[\s`(\"'])/(?:home|work|root|Users|tmp|mnt|opt)/")
    assert [name for name in NAMES if pattern.search((ROOT / name).read_text(encoding="utf-8"))] == []
