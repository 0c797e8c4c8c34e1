"""Cases read from the state for the commands that tell of them. Writes nothing, asks Stripe nothing, needs no clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli import output
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.operations import plan_next
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import windows
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.report import Material, planned_attempt
from flexpay_reconcile.values.ids import AccountId, CaseId, InvoiceId

MOST = 1_000_000


@contextlib.contextmanager
def opened(state_path: str) -> Iterator[bootstrap.ControlParts]:
    """The state, which must be there. Not by way of a simulator: what is written can be read when it is gone."""
    parts = bootstrap.open_control(state_path, None, create=False)
    try:
        yield parts
    finally:
        parts.close()


def listed(
    parts: bootstrap.ControlParts, states: Sequence[CaseState], integration: str | None
) -> tuple[RecoveryCase, ...]:
    """Cases, newest first."""
    with parts.store.reading() as view:
        return view.cases.list(integration_id=integration, states=states or None, limit=MOST)  # type: ignore[arg-type]


def find(parts: bootstrap.ControlParts, text: str) -> RecoveryCase:
    """The newest case of an invoice, or the case of that id; OperatorError for none, or for more than one invoice."""
    text = output.encodable(text)
    with parts.store.reading() as view:
        found = view.cases.find(text)
        recorded = () if found else _recorded(view, text)
    invoices = list(dict.fromkeys(each.invoice for each in found))
    if len(invoices) > 1:
        raise OperatorError(
            f"{text} stands for {len(invoices)} invoices: {', '.join(invoices[:10])}",
            code="E-case-ambiguous",
            hint="name one of them",
        )
    if found:
        return found[0]
    if recorded:
        raise OperatorError(f"{text} has no recovery case: {'; '.join(recorded)}", code="E-case-none")
    raise OperatorError(
        f"nothing is known of {text}",
        code="E-case-unknown",
        hint="give an invoice, case, subscription or customer id; `flexpay cases list` shows them",
    )


def _recorded(view: UnitOfWork, text: str) -> tuple[str, ...]:
    """What was noted on the payments of an invoice that never became a case."""
    rows = [each for each in view.transactions.list(limit=MOST) if each.invoice == text]
    return tuple(dict.fromkeys(each.note or f"a payment was recorded as {each.kind.value}" for each in rows))


def material(parts: bootstrap.ControlParts, case: RecoveryCase) -> Material:
    """Everything a report needs, from one consistent view and the configuration the case began under."""
    applied = parts.state.revision(case.revision)
    if applied is None:
        raise OperatorError(f"configuration revision {case.revision} is not in this state", code="E-state-incomplete")
    configuration = applied.configuration
    integration = configuration.integration(case.integration_id)
    policy = configuration.policy_of(integration)
    with parts.store.reading() as view:
        attempts = view.attempts.of_invoice(AccountId(case.account), InvoiceId(case.invoice))
        planned = planned_attempt(case, attempts)
        bounds: tuple[windows.Bound, ...] = ()
        if planned is not None and case.state is CaseState.SCHEDULED:
            history = plan_next.history_of(view, case, planned.decided_at)
            bounds = windows.bounds_of(case, history, policy)
        return Material(
            case=case,
            attempts=attempts,
            entries=tuple(each.entry for each in view.journal.of_case(CaseId(case.id))),
            actions=view.actions.of_case(CaseId(case.id)),
            bounds=bounds,
            policy=policy,
            agreed=integration.when_recovery_fails,
            integration_name=integration.name,
            time_zone=configuration.company_of(integration).time_zone,
        )


def tell(state_path: str, text: str, format_: str) -> None:
    """Print the report of a case: what `explain` and `cases show` do."""
    from flexpay_reconcile.recovery import report, report_text

    with opened(state_path) as parts:
        found = material(parts, find(parts, text))
    if format_ == "json":
        output.result_json(report.to_json(found))
    else:
        output.result(output.printable("\n".join(report_text.lines(found))))


def list_json(cases: Sequence[RecoveryCase]) -> dict[str, Any]:
    """`{"cases": [...]}`, newest first."""
    from flexpay_reconcile.recovery import report

    return {"cases": [report.summary(each) for each in cases]}
