"""What a plan says of open cases that a change would leave alone, through the command itself."""

from __future__ import annotations

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from tests.contract.store.makers import case_of
from tests.unit.operations_control.harness import EMPTY, MANIFEST, NAME

CONNECTED = MANIFEST.replace("listen_to: account", "listen_to: connected_accounts")


def test_a_plan_names_the_invoices_whose_cases_it_would_leave_alone(shop, tmp_path, capsys):
    """Removed, or hearing other accounts: the guard refuses (5) and names the invoice; an unchanged manifest asks nothing."""
    state = str(tmp_path / "state.db")
    assert entry(["apply", "--state", state, "--auto-approve"]) == 0
    parts = bootstrap.open_control(state, None, create=False)
    with parts.store.begin() as unit:
        unit.cases.add(case_of(1, integration_id=NAME))
    parts.close()
    invoice = case_of(1).invoice
    for manifest, code in ((EMPTY, 5), (CONNECTED, 5), (MANIFEST, 0)):
        (tmp_path / "flexpay.yaml").write_text(manifest, encoding="utf-8")
        capsys.readouterr()
        assert entry(["plan", "--state", state]) == code
        assert (f"({invoice})" in capsys.readouterr().out) is (code == 5)
