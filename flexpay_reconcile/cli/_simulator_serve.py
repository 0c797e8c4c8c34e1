"""Start a simulator: a scenario file to a world, its keys to an environment file, and the server. Decides nothing.

The only command that imports the simulator besides the demo.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from flexpay_reconcile.cli import files, output
from flexpay_reconcile.cli._listening import Address, bind
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest.document import load_plain
from flexpay_reconcile.simulator.door import server
from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.scenario import scenario
from flexpay_reconcile.simulator.world import World

_READ_AT_MOST = 4 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(host: str, port: int, scenario_file: Path, env_file: Path | None, *, seed: int | None = None) -> None:
    """Serve until a signal; `ready URL` on standard output once requests are answered."""
    if host not in _LOOPBACK:
        raise click.UsageError(f"the simulator serves this machine only: --host is one of {', '.join(_LOOPBACK)}")
    document = read(scenario_file)
    if seed is not None:
        document["seed"] = seed
    world = build(scenario_file, document)
    listening = bind(host, port)
    with listening:
        url = f"http://{Address(host=host, port=listening.getsockname()[1]).text()}"
        # From here on a caller is answered or kept waiting, never refused: who finds the file may call.
        if env_file is not None:
            files.write_private(str(env_file), env_text(scenario.env_of(world)))
        made = server.make_server(
            world,
            host,
            listening.getsockname()[1],
            lambda _: output.result(f"ready {url}"),
            rebuild=lambda: scenario.build_world(document),
        )
        made.run(sockets=[listening])


def packaged() -> list[tuple[str, str]]:
    """The scenarios that come with the package: name and description, by name."""
    documents = ((name, load_plain(name, text.encode())[0]) for name, text in worlds.scenario_texts().items())
    return [(name, str(document.get("description", ""))) for name, document in documents if isinstance(document, dict)]


def _read(path: Path) -> bytes:
    """The bytes of a packaged scenario by its name (`approved`), or of a file by its path (`./approved`, `x.yaml`)."""
    known = worlds.scenario_texts().get(str(path))
    if known is not None:
        return known.encode()
    try:
        with path.open("rb") as file:
            return file.read(_READ_AT_MOST)
    except FileNotFoundError:
        names = ", ".join(worlds.scenario_texts())
        raise _invalid(f"{path} is neither a file nor a packaged scenario ({names})") from None
    except OSError as problem:
        raise _invalid(f"{path} cannot be read: {problem.strerror}") from None


def load(path: Path) -> World:
    """The world of a scenario, packaged or a file."""
    return build(path, read(path))


def read(path: Path) -> dict[str, Any]:
    """The document of a scenario; every fault of the YAML at once, each at its place (exit 3)."""
    data = _read(path)
    document, faults = load_plain(str(path), data)
    for each in faults:
        output.note(output.printable(each.text()))
    if faults:
        raise _invalid(f"the scenario has {len(faults)} error{'' if len(faults) == 1 else 's'}")
    if not isinstance(document, dict):
        raise _invalid(f"{path} holds no scenario")
    return document


def build(path: Path, document: dict[str, Any]) -> World:
    """The world of a document; what is wrong with it is told with its path (exit 3)."""
    try:
        return scenario.build_world(document)
    except scenario.ScenarioError as problem:
        raise _invalid(f"{path}: {problem}") from None


def env_text(values: dict[str, str]) -> str:
    """`NAME=value` lines for a shell's `set -a; . FILE; set +a`."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _invalid(message: str) -> OperatorError:
    return OperatorError(
        message,
        code="E-scenario",
        hint="examples/01-one-account/scenario.yaml is one to start from",
        kind=ErrorKind.MANIFEST_INVALID,
    )
