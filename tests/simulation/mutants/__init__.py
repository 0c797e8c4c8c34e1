"""Planted bugs: each is one thing the engine must do and, in the mutant, does not. The campaign must find them all.

`python -m tests.simulation.mutants` (`make mutants`) runs each alone until a seed finds it.
"""

from __future__ import annotations

from tests.simulation.mutants import of_calls, of_cases, of_endings, of_gates, of_truth
from tests.simulation.mutants.planting import Mutant

ALL: tuple[Mutant, ...] = (
    *of_calls.MUTANTS,
    *of_truth.MUTANTS,
    *of_gates.MUTANTS,
    *of_endings.MUTANTS,
    *of_cases.MUTANTS,
)
"""Every planted bug."""
