"""A report as lines for people. Lays out; says nothing of its own."""

from __future__ import annotations

from flexpay_reconcile.recovery import report_words as words
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.report import Material, Next, next_of
from flexpay_reconcile.values.instant import Instant


def lines(material: Material) -> list[str]:
    """The whole report; no line ends with blanks."""
    found = [*_head(material), "", "What happened", *_story(material), "", "What comes next"]
    found += _next(material, next_of(material))
    if not material.case.is_final():
        found += ["", "If it is not paid"]
        found += [f"  {each}" for each in words.if_unpaid(material.case, material.policy, material.agreed)]
    if material.actions:
        found += ["", "Final actions"]
        found += [_action_line(material, index) for index in range(len(material.actions))]
    return [each.rstrip() for each in found]


def _head(material: Material) -> list[str]:
    case = material.case
    who = f"{case.customer_name} ({case.customer})" if case.customer_name else case.customer
    mode = "live" if case.livemode else "test mode"
    window = f"{_at(material, case.window_from)} to {_at(material, case.window_until)}"
    policy = f"{material.policy.id}: timing {material.policy.timing.value}, configuration revision {case.revision}"
    return [
        f"Invoice {case.invoice}: {case.amount.text()}",
        f"  customer      {who}",
        f"  subscription  {case.subscription}",
        f"  integration   {material.integration_name}, {mode}, account {case.account}",
        f"  state         {case.state.value.replace('_', ' ')}: {words.STATES[case.state]}",
        f"  attempts      {case.attempts_used} used",
        f"  window        {window}",
        f"  policy        {policy}",
    ]


def _story(material: Material) -> list[str]:
    found: list[str] = []
    told: set[str] = set()
    for index, entry in enumerate(material.entries):
        if _is_told_by_the_next(material.entries[index : index + 2]):
            continue
        found.append(f"  {entry.at.short_text()}  {_sentence(entry)}")
        # The same evidence eight times over tells nothing new.
        told |= {each for each in _evidence(entry) if each in entry.text}
        found += [f"      {each}" for each in _evidence(entry) if each not in told]
        told.update(_evidence(entry))
    return found


def _is_told_by_the_next(pair: tuple[Entry, ...]) -> bool:
    """Whether an intent was followed by its outcome at once; one that was not, and a call made again, are news."""
    if len(pair) < 2 or pair[0].kind is not EntryKind.SUBMITTING:
        return False
    return "params" in pair[0].facts and pair[1].kind is EntryKind.OUTCOME


def _evidence(entry: Entry) -> list[str]:
    return [each for each in entry.facts.get("evidence", "").split("; ") if each]


def _sentence(entry: Entry) -> str:
    text = entry.text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _next(material: Material, coming: Next) -> list[str]:
    if material.case.state is CaseState.SCHEDULED and coming.at is not None:
        found = [f"  On {_at(material, coming.at)}.", f"  {coming.sentence}."]
    elif coming.at is not None:
        found = [f"  {coming.sentence}.", f"  Next look: {_at(material, coming.at)}."]
    else:
        found = [f"  {coming.sentence}."]
    if coming.because:
        found.append("  Why:")
        found += [f"    - {each}" for each in coming.because]
    if coming.rules:
        found.append("  Rules asked for this moment:")
        found += [
            f"    - {each.because}: not before {each.not_before.short_text()}"
            + (" (moved it)" if each.moved else " (did not move it)")
            for each in coming.rules
        ]
    if material.case.hosted_invoice_url and not material.case.is_final():
        found.append(f"  The customer can pay at any time: {material.case.hosted_invoice_url}")
    return found


def _action_line(material: Material, index: int) -> str:
    action = material.actions[index]
    when = action.finished_at or action.due_at
    note = f" ({action.note})" if action.note else ""
    return f"  {when.short_text()}  {words.ACTIONS[action.kind]}: {action.state.value}{note}"


def _at(material: Material, at: Instant) -> str:
    return words.both_zones(at, material.time_zone)


def list_row(case: RecoveryCase) -> tuple[str, ...]:
    """One case as cells: invoice, customer, amount, state, attempts used, next attempt, last decline."""
    return (
        case.invoice,
        case.customer_name or case.customer,
        case.amount.text(),
        case.state.value,
        str(case.attempts_used),
        case.next_attempt_at.short_text() if case.next_attempt_at else "-",
        case.decline_reason or "-",
    )


LIST_HEAD = ("INVOICE", "CUSTOMER", "AMOUNT", "STATE", "ATTEMPTS", "NEXT ATTEMPT", "LAST DECLINE")
