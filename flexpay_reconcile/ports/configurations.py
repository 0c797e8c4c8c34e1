"""Reading what was applied: configuration revisions. The daemon runs only these (invariant E14), never YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedConfiguration:
    """One revision: what was agreed, when, by whom."""

    revision: int
    configuration: Configuration
    manifest_digest: str
    applied_at: Instant
    applied_by: str


class Configurations(Protocol):
    """The revisions, oldest number 1."""

    def latest(self) -> AppliedConfiguration | None:
        """The newest revision, or None before the first apply."""
        ...

    def revision(self, number: int) -> AppliedConfiguration | None:
        """One revision by number."""
        ...
