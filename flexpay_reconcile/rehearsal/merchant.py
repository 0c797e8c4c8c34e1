"""The merchant of a rehearsal: scenario and manifests read from a folder of files. Holds no state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest import document, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "02-failing-book"
"""The files of the demo, in a checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """One folder: what is simulated, and the manifest of each arm by its name."""

    folder: Path
    scenario: dict[str, Any]
    manifests: dict[str, load.Loaded]


def read(folder: Path, manifests: dict[str, str]) -> Merchant:
    """Read `scenario.yaml` and the named manifests; OperatorError with every fault of every file."""
    scenario_file = folder / "scenario.yaml"
    scenario, faults = document.load_plain(_shown(scenario_file), _bytes(scenario_file))
    lines = [fault.text() for fault in faults]
    loaded = {name: load.load([(_shown(folder / file), _bytes(folder / file))]) for name, file in manifests.items()}
    lines += [fault.text() for each in loaded.values() if each.configuration is None for fault in each.diagnostics]
    if lines or not isinstance(scenario, dict):
        raise OperatorError(
            "\n".join(lines) or f"{scenario_file} is empty", code="E-rehearsal", kind=ErrorKind.MANIFEST_INVALID
        )
    return Merchant(folder=folder, scenario=scenario, manifests=loaded)


def _shown(file: Path) -> str:
    """A path as people would type it: from the present folder where it lies below it."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise OperatorError(
            f"{file} cannot be read: {problem.strerror}",
            code="E-rehearsal",
            hint="run it in a checkout of the project, or name a folder with --folder",
        ) from problem
