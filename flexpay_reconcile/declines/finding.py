"""One piece of evidence, read: what it says about the refusal and what it demands. Joins nothing; `classify` does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flexpay_reconcile.declines.decline import Advice, DeclineKind

_NOT_A_CODE = re.compile(r"[^A-Za-z0-9_.:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one field (or a pair of fields that belong together) says.

    `kind` is None where it forbids nothing: a permission to retry, a wish to wait, a container.
    `tells_why` is True where it is a known statement about this refusal; without one such finding a decline is UNKNOWN.
    """

    kind: DeclineKind | None
    tells_why: bool
    reason: str
    sentence: str
    advice: Advice = Advice()


def shown(code: str) -> str:
    """A code as it may stand in a reason or a sentence: known characters only, at most 60 of them."""
    return _NOT_A_CODE.sub("_", code)[:60]
