"""`cases` and `explain` over a real state file: lists, reports, and what is not found."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.billing.transaction import Transaction, TransactionKind
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.values.ids import CaseId, ChargeId, InvoiceId
from tests.unit.billing.reads import ACCOUNT, T0, USD_1999
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW


class Still:
    """A clock that stands."""

    def now(self):
        """Always the same."""
        return NOW


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state with a planned case, an ended one of the same customer, and an invoice that never became a case."""
    path = tmp_path / "state.db"
    parts = bootstrap.open_control(str(path), None, clock=Still())
    configuration = agreed.configuration()
    parts.state.publish(configuration, manifest_digest="d", at=T0, by="test")
    case = book.case(state=CaseState.SCHEDULED, due_at=None, next_attempt_at=NOW, next_attempt_number=1)
    ended = replace(case, id=CaseId("acct_1/in_2/1"), invoice=InvoiceId("in_2"), state=CaseState.RECOVERED)
    seen = "Declined, in an issuer's words: \x1b[31mred\x07"
    with parts.store.begin() as unit:
        unit.cases.add(case)
        unit.cases.add(replace(ended, next_attempt_at=None, next_attempt_number=None))
        unit.attempts.add(book.attempt(state=AttemptState.PLANNED))
        unit.journal.append(Entry(case_id=case.id, at=T0, kind=EntryKind.DECLINE_SEEN, text=seen, facts={}))
        unit.transactions.put(
            Transaction(
                id="ch_9",
                kind=TransactionKind.DECLINE,
                account=ACCOUNT,
                integration_id=case.integration_id,
                order_id=ChargeId("ch_9"),
                amount=USD_1999,
                at=T0,
                status="failed",
                invoice=InvoiceId("in_9"),
                note="not retried: no_subscription",
            )
        )
    parts.close()
    monkeypatch.setenv("FLEXPAY_STATE", str(path))
    return path


def test_the_list_has_the_date_of_the_next_attempt(state, capsys):
    """In text and in JSON; `--state-is` and `--integration` leave out the rest."""
    assert entry(["cases", "list"]) == 0
    assert NOW.short_text() in capsys.readouterr().out
    assert entry(["cases", "list", "--state-is", "scheduled", "--format", "json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert (case["invoice"], case["next_attempt_at"]) == ("in_1", NOW.text())
    assert entry(["cases", "list", "--integration", "other", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"cases": []}
    assert entry(["cases", "list", "--state-is", "lost"]) == 64


def test_explain_tells_one_invoice_and_show_the_same(state, capsys):
    """By invoice or by case id, the same text; what an issuer wrote cannot move a terminal."""
    assert entry(["explain", "in_1"]) == 0
    told = capsys.readouterr().out
    assert f"On {NOW.short_text()}." in told
    assert "\x1b" not in told
    assert "\x07" not in told
    assert entry(["cases", "show", "acct_1/in_1/1"]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("in_404", "error[E-case-unknown]: nothing is known of in_404"),
        ("in_9", "error[E-case-none]: in_9 has no recovery case: not retried: no_subscription"),
        ("cus_1", "error[E-case-ambiguous]: cus_1 stands for 2 invoices"),
    ],
)
def test_what_cannot_be_explained_says_why(state, capsys, name, words):
    """Unknown, recorded only, or more than one: three different answers, exit 1, nothing on standard output."""
    assert entry(["explain", name]) == 1
    heard = capsys.readouterr()
    assert heard.out == ""
    assert words in heard.err


def test_reading_writes_nothing(state, capsys):
    """No state is made by looking for one, and a look changes no byte of the database."""
    before = state.read_bytes()
    assert entry(["cases", "list"]) == 0
    assert entry(["explain", "in_1"]) == 0
    assert state.read_bytes() == before
    assert entry(["cases", "list", "--state", str(state.with_name("none.db"))]) == 1
    assert not state.with_name("none.db").exists()
