"""The journal of a case: append-only entries, each chained to the one before by a hash (invariant G1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values import digest
from flexpay_reconcile.values.ids import CaseId
from flexpay_reconcile.values.instant import Instant

GENESIS = "0" * 64


class EntryKind(StrEnum):
    """What an entry tells."""

    OPENED = "opened"
    """The case began."""
    DECLINE_SEEN = "decline_seen"
    """A decline was read and classified."""
    STRIPE_RETRIES_STOPPED = "stripe_retries_stopped"
    """`auto_advance=false` was set on the invoice and read back."""
    DECIDED = "decided"
    """A decision was taken, with its reasons."""
    SUBMITTING = "submitting"
    """The intent of an attempt is on disk."""
    GATE_REFUSED = "gate_refused"
    """A gate said no before the call."""
    POLICY_CHANGED = "policy_changed"
    """The case was moved to a changed policy (`migrate: true`)."""
    OUTCOME = "outcome"
    """What an attempt came to."""
    RESOLVED = "resolved"
    """An unresolved attempt was settled by asking Stripe."""
    FINISHING = "finishing"
    """Recovery ended without money."""
    FINAL_ACTION = "final_action"
    """A final action was carried out or skipped."""
    ENDED = "ended"
    """The case reached a final state."""
    NOTE = "note"
    """Anything else worth knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the story. `text` is a sentence for people; `facts` are plain values for machines."""

    case_id: CaseId
    at: Instant
    kind: EntryKind
    text: str
    facts: dict[str, str]


def chain(previous_hash: str, sequence: int, entry: Entry) -> str:
    """The hash of an entry, which covers the one before it."""
    content = [sequence, entry.case_id, entry.at.text(), entry.kind.value, entry.text, entry.facts]
    return digest.sha256_text(previous_hash + digest.canonical_json(content))
