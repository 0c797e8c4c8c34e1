"""Bugs in what forbids a charge: spacing, waits, ceilings, dead cards, other engines, stale reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from flexpay_reconcile.billing.invoice import InvoiceStatus
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.operations import plan_next, record_outcome, stop_stripe_retries
from flexpay_reconcile.recovery import gates, windows
from flexpay_reconcile.recovery.gates import Then
from flexpay_reconcile.values.instant import Span
from tests.simulation.mutants.planting import Patch, mutant


def without(rule: str) -> Callable[[Patch], None]:
    """A lower bound is forgotten."""

    def plant(patch: Patch) -> None:
        real = windows.bounds_of

        def bounds_of(*args):
            return tuple(each for each in real(*args) if each.rule != rule)

        patch.setattr(windows, "bounds_of", bounds_of)

    return plant


def only_our_charges(patch: Patch) -> None:
    """Ceilings count our own attempts and nobody else's."""
    real = plan_next.history_of

    def history_of(unit, case, now):
        found = real(unit, case, now)
        rows = unit.cards.of_card(case.account, case.card_key or "", now.minus(Span.of(days=31)))
        ours = {each.charge for each in unit.attempts.of_invoice(case.account, case.invoice)}
        return dataclasses.replace(found, reached_at=tuple(row.charge.created for row in rows if row.charge.id in ours))

    patch.setattr(plan_next, "history_of", history_of)


def refusals_forgotten(patch: Patch) -> None:
    """A hard decline is taken for a soft one."""
    _soften(patch, ("lost_card", "stolen_card"))


def _soften(patch: Patch, reasons: tuple[str, ...]) -> None:
    real = record_outcome.classify  # type: ignore[attr-defined]

    def classify(evidence):
        found = real(evidence)
        return real(dataclasses.replace(evidence, **_NSF)) if found.reason in reasons else found

    patch.setattr(record_outcome, "classify", classify)
    patch.setattr("flexpay_reconcile.operations.record_money.classify", classify)
    patch.setattr("flexpay_reconcile.recovery.opening.classify", classify)


_NSF = {"decline_code": "insufficient_funds", "outcome_reason": "insufficient_funds", "network_decline_code": "51"}


def never_forgotten(patch: Patch) -> None:
    """Advice never to try a card again is not kept beside the card."""
    real = plan_next.history_of
    patch.setattr(
        plan_next,
        "history_of",
        lambda unit, case, now: dataclasses.replace(real(unit, case, now), never_because=None, never_kind=None),
    )
    _soften(patch, ("lost_card", "stolen_card", "do_not_honor"))


def authentication_retried(patch: Patch) -> None:
    """What asks the customer to act is tried again like a soft decline."""
    real = record_outcome.classify  # type: ignore[attr-defined]

    def classify(evidence):
        found = real(evidence)
        return dataclasses.replace(found, kind=DeclineKind.SOFT) if found.kind.value == "customer" else found

    patch.setattr(record_outcome, "classify", classify)


def gates_open(patch: Patch) -> None:
    """Nothing is asked between the intent and `pay`."""
    patch.setattr(gates, "ask", lambda facts: None)


def gate_left_out(*names: str) -> Callable[[Patch], None]:
    """Some gates are always open."""

    def plant(patch: Patch) -> None:
        patch.setattr(
            gates, "ask", lambda facts: next((each for each in gates._all(facts) if each.gate not in names), None)
        )

    return plant


def stale_reads(patch: Patch) -> None:
    """What was read for the first attempt is taken for every later one."""
    from flexpay_reconcile.operations import read_facts as module

    real, kept = module.read_facts, {}

    def read_facts(context, integration, case, attempt, *, replay=False):
        if case.id not in kept:
            kept[case.id] = real(context, integration, case, attempt, replay=replay)
        now = context.clock.now()
        old = kept[case.id]
        invoice = None if old.invoice is None else dataclasses.replace(old.invoice, read_at=now)
        return dataclasses.replace(old, case=case, attempt=attempt, now=now, invoice=invoice)

    for where in ("submit_attempt", "resolve_attempt"):
        patch.setattr(f"flexpay_reconcile.operations.{where}.read_facts", read_facts)


def stripe_not_stopped(patch: Patch) -> None:
    """Stripe's own retries are taken for stopped, and no gate looks."""
    patch.setattr(
        stop_stripe_retries,
        "_stop",
        lambda context, writers, integration, case: stop_stripe_retries._write(context, case, "it surely reads so"),
    )
    real = gates._other_engines
    patch.setattr(
        gates,
        "_other_engines",
        lambda facts, invoice: (each for each in real(facts, invoice) if each.then is Then.WAIT),
    )


def void_is_open(patch: Patch) -> None:
    """An invoice that is not open is charged all the same."""
    real = gates._invoice

    def invoice_gates(facts, invoice):
        return (each for each in real(facts, dataclasses.replace(invoice, status=InvoiceStatus.OPEN)))

    patch.setattr(gates, "_invoice", invoice_gates)


def advice_unread(patch: Patch) -> None:
    """The network's advice beside a refusal is not read at all."""
    for where in ("operations.record_outcome", "operations.record_money", "recovery.opening"):
        module = f"flexpay_reconcile.{where}.classify"
        patch.setattr(module, lambda evidence: classify(dataclasses.replace(evidence, **_UNREAD)))


def gone_is_charged(patch: Patch) -> None:
    """Whoever has left is charged by what was planned for him."""

    def ask(facts):
        gone = facts.customer is None or facts.customer.deleted
        found = (
            each for each in gates._all(facts) if not gone or each.gate not in ("customer", "subscription", "card")
        )
        return next(found, None)

    patch.setattr(gates, "ask", ask)


def clocks_agree(patch: Patch) -> None:
    """What counts from Stripe's instants is kept by our own clock alone."""
    patch.setattr(windows, "CLOCKS_DIFFER", Span(0))


_UNREAD = {"advice_code": None, "network_advice_code": None}


MUTANTS = (
    mutant("the network's advice is not read", advice_unread, "A9 A11"),
    mutant("no spacing between two attempts", without("minimum_spacing"), "A12 A13"),
    mutant("advice to wait is ignored", without("advice_wait"), "A11"),
    mutant("no ceilings", without("network_ceiling"), "A10"),
    mutant("ceilings count only our own charges", only_our_charges, "A10"),
    mutant("a hard decline is retried", refusals_forgotten, "A8 C4 A21"),
    mutant("advice never to retry is forgotten", never_forgotten, "A8 A9"),
    mutant("authentication is retried off-session", authentication_retried, "A14"),
    mutant("no gates at all", gates_open, "A7 A8 A9 A10 A11 A12 A15 A20 A5"),
    mutant("the open gate is left out", gate_left_out("open"), "A7 A6"),
    mutant("the card gate is left out", gate_left_out("card"), "A20 A8 A9"),
    mutant("a deleted customer is charged", gone_is_charged, "A17"),
    mutant("a clock that is ahead is not allowed for", clocks_agree, "A10 A11 F2"),
    mutant("facts are read once for all attempts", stale_reads, "A7 A15 A6"),
    mutant("an invoice that is not open is charged", void_is_open, "A7 A6"),
    mutant("Stripe's own retries go on", stripe_not_stopped, "A15"),
)
