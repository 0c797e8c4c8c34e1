"""A program for `test_store_kill`: writes units of work and says how far it is. Waits for a line before each step."""

from __future__ import annotations

import sys
from pathlib import Path

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.recovery.attempt import AttemptState
from tests.contract.store.makers import (
    at,
    attempt_of,
    case_of,
    charge_of,
    entry_of,
    event_of,
    ledger_of,
    transaction_of,
)


def say(word: str) -> None:
    """Tell the parent and wait for its answer, which may never come."""
    print(word, flush=True)
    sys.stdin.readline()


def one_unit(path: Path) -> None:
    """One unit of work of many rows, with a stop after each statement."""
    store = open_store(path, open_cipher(path)).store
    say("opened")
    with store.begin() as unit:
        say("begun")
        unit.cases.add(case_of(1))
        say("case")
        unit.attempts.add(attempt_of(1))
        unit.attempts.save(attempt_of(1, state=AttemptState.SUBMITTING))
        say("intent")
        unit.cards.put([ledger_of(charge_of(number)) for number in range(1, 200)])
        say("ledger")
        unit.inbox.put(event_of(1, body=b"x" * 2_000_000))
        say("inbox")
        unit.transactions.put(transaction_of(1))
        unit.journal.append(entry_of("tried"))
        say("journal")
    say("committed")


def many_units(path: Path) -> None:
    """Units of three rows without end; says the number of each after its commit and waits for nothing."""
    store = open_store(path, open_cipher(path)).store
    number = 0
    while True:
        number += 1
        with store.begin() as unit:
            unit.cases.add(case_of(number))
            unit.attempts.add(attempt_of(1, of=number))
            unit.journal.append(entry_of("planned", of=number, hours=1))
            unit.marks.set("last", str(number))
        print(number, at().ms, flush=True)


if __name__ == "__main__":
    {"one": one_unit, "many": many_units}[sys.argv[1]](Path(sys.argv[2]))
