"""`flexpay import`: from the keys of an account that exists to a manifest whose plan replaces and deletes nothing (E1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flexpay_reconcile.adapters.stripe_api.account_reader import StripeAccountReader
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.adapters.stripe_api.transport import GuardedTransport, Power
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.ports.account_reader import Identity, Proof
from tests.unit.cli.conftest import OTHERS
from tests.unit.operations_control.harness import ACCOUNT, ADDRESS, NAME, House
from tests.unit.operations_control.test_adoption import by_hand
from tests.unit.operations_control.test_apply_scope import CONNECTED

KEYS = ("--primary", "env:PRIMARY", "--fallback", "env:FALLBACK")
URL = "https://recovery.acme.example/webhooks/stripe/acme"
PROBES = "fpprobe000"


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = entry(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def plan(capsys: Any, state: str, *more: str) -> dict[str, Any]:
    """The plan of the manifest in the working folder."""
    code, out, err = run(capsys, "plan", "--state", state, "--format", "json", *more)
    assert code in (0, 4), err
    found: dict[str, Any] = json.loads(out)
    return found


def endpoint_actions(document: dict[str, Any]) -> list[tuple[list[str], str]]:
    """What is planned for webhook endpoints, and why."""
    rows = [each for each in document["resource_changes"] if each["kind"] == "webhook_endpoint"]
    return [(each["change"]["actions"], each["action_reason"]) for each in rows]


@pytest.fixture
def empty(shop: House, tmp_path: Path) -> House:
    """A shop whose manifest is lost."""
    (tmp_path / "flexpay.yaml").unlink()
    return shop


def test_with_the_state_at_hand_the_plan_after_it_is_empty(shop: House, tmp_path, capsys):
    """The manifest was lost, the state was not: what is written is what is applied, to the last field."""
    state = str(tmp_path / "state.db")
    assert run(capsys, "apply", "--state", state, "--auto-approve", "--accept-account", ACCOUNT)[0] == 0
    before = shop.writes()
    (tmp_path / "flexpay.yaml").unlink()
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--state", state)[0] == 0
    assert run(capsys, "plan", "--state", state, "--detailed-exitcode")[0] == 0
    assert shop.writes() == before


def test_an_account_without_an_endpoint(empty: House, tmp_path, capsys):
    """A URL has to be told; then the plan makes one endpoint and says so."""
    state = str(tmp_path / "state.db")
    code, _, err = run(capsys, "import", *KEYS, "--account", ACCOUNT, "--state", state)
    assert (code, "E-import-url" in err) == (64, True)
    assert not (tmp_path / "flexpay.yaml").exists()
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", state)[0] == 0
    assert endpoint_actions(plan(capsys, state)) == [(["create"], "new")]
    assert not Path(state).exists()


def test_our_own_endpoint_whose_state_was_lost_is_kept(shop: House, tmp_path, capsys, monkeypatch):
    """Its name, URL and scope are read from it; with its signing secret in the environment nothing is replaced."""
    state = str(tmp_path / "state.db")
    assert run(capsys, "apply", "--state", state, "--auto-approve", "--accept-account", ACCOUNT)[0] == 0
    (tmp_path / "flexpay.yaml").unlink()
    other = str(tmp_path / "other.db")
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--state", other)[0] == 0
    text = (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    assert "signing_secret: {env: ACME_US_SANDBOX_SIGNING_SECRET}" in text
    assert "is there already. With its signing secret here it is adopted as it is" in text
    document = plan(capsys, other, "--accept-account", ACCOUNT)
    assert endpoint_actions(document) == [(["update"], "adopt")]
    assert {row["address"] for row in document["resource_changes"] if row["kind"] == "integration"} == {
        f"integration.{NAME}"
    }


def test_somebody_elses_endpoint_for_the_url_is_adopted(empty: House, tmp_path, capsys):
    """It is not ours and posts to the URL told: the plan adopts it, and another one of the account is left in words."""
    by_hand(empty, "we_theirs", url=URL)
    by_hand(empty, "we_elsewhere", url="https://elsewhere.example/hook")
    state = str(tmp_path / "state.db")
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", state)[0] == 0
    text = (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    assert "#   we_elsewhere posts 1 kinds of events to https://elsewhere.example/hook (enabled)" in text
    assert endpoint_actions(plan(capsys, state)) == [(["update"], "adopt")]


@pytest.mark.parametrize(
    ("change", "status"), [({"status": "disabled"}, "disabled"), ({"enabled_events": ["*"]}, "enabled")]
)
def test_an_endpoint_that_was_changed_is_read_as_it_is(
    shop: House, tmp_path, capsys, change: dict[str, Any], status: str
):
    """A disabled endpoint is a disabled integration; it is adopted, its events put right in place."""
    state = str(tmp_path / "state.db")
    assert run(capsys, "apply", "--state", state, "--auto-approve", "--accept-account", ACCOUNT)[0] == 0
    shop.endpoint().update(change)
    (tmp_path / "flexpay.yaml").unlink()
    other = str(tmp_path / "other.db")
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--state", other)[0] == 0
    assert f"status: {status}" in (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    (row,) = [each for each in plan(capsys, other)["resource_changes"] if each["kind"] == "webhook_endpoint"]
    assert (row["change"]["actions"], row["action_reason"]) == (["update"], "adopt")
    moved = {each["path"].partition(".")[0] for each in row["fields"]}
    assert moved == (set() if status == "disabled" else {"enabled_events"})


class Book:
    """A book of failing invoices and charges in these currencies, or one that may not be read."""

    def __init__(self, *codes: str, refused: bool = False) -> None:
        self.codes, self.refused = codes, refused

    def pages(self, before: object) -> Iterator[tuple[Any, ...]]:
        """One page of invoices, in the first currency."""
        if self.refused:
            raise OperatorError("the key may not read invoices", code="E-stripe-403")
        yield tuple(SimpleNamespace(invoice=SimpleNamespace(amount_remaining=_sum(each))) for each in self.codes[:1])

    def charges(self, since: object) -> Iterator[tuple[Any, ...]]:
        """One page of charges, in all of them."""
        yield tuple(SimpleNamespace(amount=_sum(each)) for each in self.codes)


def _sum(code: str) -> Any:
    return SimpleNamespace(currency=SimpleNamespace(code=code))


@pytest.mark.parametrize(
    ("book", "currencies", "comment"),
    [
        (Book("JPY", "EUR"), "[EUR, JPY]", "Seen in failing invoices"),
        (Book(), "[USD]", "No failing invoice and no charge of the last 30 days was seen"),
        (Book(refused=True), "[USD]", "Could not be read (the key may not read invoices)"),
    ],
    ids=["seen", "none seen", "unreadable"],
)
def test_currencies_are_those_that_were_seen(empty: House, tmp_path, capsys, monkeypatch, book, currencies, comment):
    """Those of failing invoices and charges; where none can be known, a comment says so beside a place to fill in."""
    monkeypatch.setattr(StripeGateways, "book_reader", lambda *_: book)
    arguments = (*KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"), "--out", "-")
    code, out, err = run(capsys, "import", *arguments)
    assert code == 0, err
    assert f"# {comment}" in out
    assert f"currencies: {currencies}" in out


def test_an_account_that_stripe_does_not_name_has_to_be_told(empty: House, tmp_path, capsys, monkeypatch):
    """Never guessed: exit 64 with the flag to give."""
    silent = Identity(account=None, livemode=False, how=Proof.UNPROVEN)
    monkeypatch.setattr(StripeAccountReader, "identity", lambda *_: silent)
    code, _, err = run(capsys, "import", *KEYS, "--url", URL, "--state", str(tmp_path / "s.db"))
    assert (code, "E-import-account" in err, "--account" in err) == (64, True, True)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ((*KEYS, "--account", "acct_Other"), 4, "E-import-account"),
        (("--primary", "env:PRIMARY", "--fallback", "env:SAME"), 4, "E-key"),
        (("--primary", "env:GITHUB_TOKEN", "--fallback", "env:FALLBACK"), 4, "E-key-shape"),
        (("--primary", "env:NOT_SET", "--fallback", "env:FALLBACK"), 4, "E-secret"),
        (("--primary", "rk_test_" + "a" * 20, "--fallback", "env:FALLBACK"), 64, "reference"),
        ((*KEYS, "--name", "Not An Id"), 64, "E-import-name"),
    ],
    ids=["another's", "both the same", "no key", "not set", "a key itself", "no id"],
)
def test_what_cannot_be_imported_is_said(empty: House, tmp_path, capsys, arguments, code: int, word: str):
    """The right exit code, nothing written, no secret shown."""
    found, out, err = run(capsys, "import", *arguments, "--url", URL, "--state", str(tmp_path / "state.db"))
    assert (found, word in err) == (code, True), err
    assert OTHERS not in out + err
    assert "a" * 20 not in out + err
    assert not (tmp_path / "flexpay.yaml").exists()


def test_an_endpoint_for_connected_accounts(shop: House, tmp_path, capsys):
    """Its scope is read from our marks; nothing is replaced. Of somebody else's, Stripe does not tell: a comment says so."""
    state = str(tmp_path / "state.db")
    (tmp_path / "flexpay.yaml").write_text(CONNECTED, encoding="utf-8")
    assert run(capsys, "apply", "--state", state, "--auto-approve", "--accept-account", ACCOUNT)[0] == 0
    other = str(tmp_path / "other.db")
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", other, "--overwrite")[0] == 0
    text = (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    for words in ("listen_to: connected_accounts", "# Of all connected", "# Connected accounts were", "--url was not"):
        assert words in text
    assert endpoint_actions(plan(capsys, other)) == [(["update"], "adopt")]
    shop.delete_in_dashboard(next(iter(shop.endpoints)))
    by_hand(shop, url=URL)
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", other, "--overwrite")[0] == 0
    text = (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    assert "# Stripe does not tell whose events an endpoint hears that we did not make." in text


def test_every_transport_of_an_import_is_one_that_can_only_read(empty: House, tmp_path, capsys, monkeypatch):
    """Not only is nothing else sent: what it has in hand refuses all but GETs and the three probes (E1)."""
    powers = []
    real = GuardedTransport.__init__

    def made(self: Any, inner: Any, power: Power, *more: Any) -> None:
        powers.append(power)
        real(self, inner, power, *more)

    monkeypatch.setattr(GuardedTransport, "__init__", made)
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"))[0] == 0
    assert powers
    assert set(powers) <= {Power.READ, Power.READ_AND_PROBE}


def test_adopted_and_applied_the_next_plan_is_empty(empty: House, tmp_path, capsys):
    """What remains after an import is exactly what its plan says: applied once, nothing is left."""
    by_hand(empty, url=URL)
    state = str(tmp_path / "state.db")
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", "none")[0] == 0
    manifest, secret = tmp_path / "flexpay.yaml", tmp_path / "whsec"
    secret.write_text(empty.secret_at_stripe("we_theirs"), encoding="utf-8")
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("{env: ACME_SIGNING_SECRET}", f"{{file: {secret}}}"), encoding="utf-8")
    kinds = {each["kind"]: each["change"]["actions"] for each in plan(capsys, state)["resource_changes"]}
    assert kinds.pop("webhook_endpoint") == ["update"]
    assert set(map(tuple, kinds.values())) == {("create",)}
    assert run(capsys, "apply", "--state", state, "--auto-approve", "--accept-account", ACCOUNT)[0] == 0
    assert run(capsys, "plan", "--state", state, "--detailed-exitcode")[0] == 0
    assert list(empty.endpoints) == ["we_theirs"]


def test_it_sends_gets_alone_and_what_it_writes_loads(empty: House, tmp_path, capsys):
    """Not even a probe: importing asks for no permission. The manifest loads without a fault or a warning."""
    by_hand(empty, url=URL)
    assert run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"))[0] == 0
    assert {method for method, _ in empty.calls} == {"GET"}
    assert not [path for _, path in empty.calls if PROBES in path]
    loaded = load([("flexpay.yaml", (tmp_path / "flexpay.yaml").read_bytes())])
    assert loaded.diagnostics == ()
    assert ADDRESS.startswith("webhook_endpoint.")
