"""The answer of this room: a decline, its kind and the advice that came with it. Reads no code; `classify` does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.declines.evidence import Evidence
from flexpay_reconcile.values.instant import Span


class DeclineKind(StrEnum):
    """Who has to move before another attempt makes sense, and what the end of recovery means."""

    HARD = "hard"
    """The issuer will never approve this card: no attempt on it, final action at once."""
    CREDENTIAL = "credential"
    """The stored card must change or be updated first; final action at the window's end."""
    CUSTOMER = "customer"
    """The customer must act first (authenticate, correct data); final action at the window's end."""
    SOFT = "soft"
    """The issuer may approve later; attempts by timing."""
    TECHNICAL = "technical"
    """A fault on the way; attempts by timing, never learnt as an issuer's answer."""
    OPERATOR = "operator"
    """The merchant's own setting refuses; parked, never a final action by itself."""
    UNKNOWN = "unknown"
    """Not in our tables, or contradictory; a person reviews, never a final action by itself."""

    @property
    def allows_attempts(self) -> bool:
        """Whether timing may plan another attempt on the same card."""
        return self in (DeclineKind.SOFT, DeclineKind.TECHNICAL)

    @property
    def may_end_recovery(self) -> bool:
        """Whether this kind may ever lead to a final action (invariant A21)."""
        return self not in (DeclineKind.OPERATOR, DeclineKind.UNKNOWN)


STRICTNESS: dict[DeclineKind, int] = {
    DeclineKind.TECHNICAL: 0,
    DeclineKind.SOFT: 0,
    DeclineKind.CUSTOMER: 1,
    DeclineKind.CREDENTIAL: 2,
    DeclineKind.HARD: 3,
    DeclineKind.OPERATOR: 4,
    DeclineKind.UNKNOWN: 5,
}
"""How strict a kind is; the strictest piece of evidence names the decline.

OPERATOR and UNKNOWN stand above HARD because HARD has a consequence that cannot be taken back: it ends recovery and
cancels. Where evidence for HARD stands beside evidence that the merchant's own setting refused, or beside something we
cannot read, neither an attempt nor a cancellation is right. The "never" of the hard evidence stays in `Advice`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What must be true before another attempt on the same card; the union of everything the evidence asked for."""

    never: bool = False
    """No further attempt on this card, whatever happens, until the card changes."""
    needs_new_credentials: bool = False
    """Not before the card was replaced or updated."""
    customer_must_act: bool = False
    """Not before the customer did something."""
    wait_at_least: Span | None = None
    """Not sooner than this after the decline: a lower bound."""

    def joined(self, other: Advice) -> Advice:
        """Both at once: every demand stands, and the longer wait."""
        waits = [wait for wait in (self.wait_at_least, other.wait_at_least) if wait is not None]
        return Advice(
            never=self.never or other.never,
            needs_new_credentials=self.needs_new_credentials or other.needs_new_credentials,
            customer_must_act=self.customer_must_act or other.customer_must_act,
            wait_at_least=max(waits, default=None),
        )

    def covers(self, other: Advice) -> bool:
        """Whether this demands at least everything the other demands."""
        return self.joined(other) == self


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """One refused payment, understood.

    `reason` is a short stable code for lists and counts: a Stripe code (`insufficient_funds`), or the field it came
    from and the code (`advice:do_not_try_again`, `visa:14`, `mastercard:advice_03`, `outcome:rule`), or `unknown:…`, or
    `no_evidence`.
    `because` has one sentence per piece of evidence considered, the deciding one first.
    """

    kind: DeclineKind
    reason: str
    advice: Advice
    because: tuple[str, ...]
    edition: str
    evidence: Evidence
    blocked_by_stripe: bool
    """Stripe refused to send it, or took it back: the issuer's opinion of it is not known and is not learnt."""
