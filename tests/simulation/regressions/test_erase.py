"""Erasing a customer's personal data: gone from every byte of the files, and the books still right."""

from __future__ import annotations

from pathlib import Path

from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.operations.erase_customer import erase_customer
from flexpay_reconcile.values.ids import CustomerId
from tests.simulation import worlds
from tests.simulation.rig import Rig

NAME = "Zephyrine Quillfeather"


def test_name_link_and_digits_are_gone_and_the_case_goes_on(tmp_path: Path):
    """Erased in the middle of recovery: no name or link in any file, others keep theirs, and recovery ends as ever."""
    rig = Rig(
        {"ada": worlds.customer(), "ben": worlds.customer("pm_card_mastercard")}, state=str(tmp_path / "state.db")
    )
    for account in rig.world.sim.accounts.values():
        table = account.table("customer")
        for id_, row in list(table.rows.items()):
            table.rows[id_] = {**row, "name": NAME if id_ == rig.customer_id("ada") else "Benedikt"}
    rig.decline("ada", "insufficient_funds", times=2)
    rig.decline("ben", "insufficient_funds", times=1)
    rig.live(2)
    ada = CustomerId(rig.customer_id("ada"))
    found = erase_customer(rig.parts.store, ada)
    assert (found.cases, found.known) == (1, 1)
    assert found.charges >= 1
    again = erase_customer(rig.parts.store, ada)
    assert (again.cases, again.charges) == (0, 0)
    rig.parts.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert NAME.encode() not in raw
    assert b"Benedikt" in raw
    rig.restart()
    rig.live(25)
    assert {each.state.value for each in rig.cases()} == {"recovered"}
    cases = rig.cases()
    with rig.parts.store.reading() as view:
        for case in cases:
            assert view.journal.verify(case.id)
            if case.customer == ada:
                assert (case.customer_name, case.hosted_invoice_url) == (None, None)


def test_the_command_is_never_guessed(tmp_path: Path, capsys):
    """Without --yes and a terminal 64; with it, of a state that is there, a count; a stranger is nobody."""
    state = str(tmp_path / "state.db")
    Rig({"ada": worlds.customer()}, state=state).parts.close()
    assert entry(["state", "erase", "cus_x", "--state", state]) == 64
    assert entry(["state", "erase", "cus_x", "--state", state, "--yes"]) == 0
    assert "0 case(s) of cus_x" in capsys.readouterr().out
