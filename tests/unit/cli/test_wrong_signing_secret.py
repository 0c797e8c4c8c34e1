"""A wrong signing secret in the manifest is found out at the first delivery, in words, and forgotten when it is put right."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.operations.signing_secret import TOLD_EVERY
from tests.unit.operations_control.harness import ACCOUNT, NAME, House
from tests.unit.operations_control.test_adoption import by_hand, giving
from tests.unit.operations_control.test_apply_events import Listening, Shopping

STATE = "flexpay-state.db"
WORDS = "not signed with the signing secret of this endpoint"


@pytest.fixture
def adopted(shop: House, tmp_path: Path, capsys: Any) -> House:
    """An endpoint adopted with a secret that is not its own."""
    by_hand(shop)
    (tmp_path / "flexpay.yaml").write_text(giving(tmp_path, "whsec_" + "w" * 24), encoding="utf-8")
    assert entry(["apply", "--auto-approve", "--accept-account", ACCOUNT]) == 0
    capsys.readouterr()
    return shop


def deliver(house: House) -> set[int]:
    """Events of this moment, and how they were answered."""
    former, house.parts = house.parts, bootstrap.open_control(STATE, None, create=False)
    try:
        listening = Listening(house)
        Shopping(house).moment()
        return set(listening.answers)
    finally:
        house.parts.close()
        house.parts = former


def told(capsys: Any) -> tuple[str | None, str, str]:
    """What `status` says in JSON and in words, and `doctor` in words."""
    assert entry(["status", "--format", "json"]) == 0
    at = json.loads(capsys.readouterr().out)["integrations"][NAME]["webhooks"]["wrong_secret_at"]
    assert entry(["status"]) == 0
    status = capsys.readouterr().out
    assert entry(["doctor"]) == 0
    return at, status, capsys.readouterr().out


def test_it_is_told_at_the_first_delivery(adopted: House, capsys, caplog):
    """`status` and `doctor` say what is wrong and what to do; the log says it once for many deliveries; no secret shown."""
    assert told(capsys)[0] is None
    with caplog.at_level(logging.WARNING):
        assert deliver(adopted) == {400}
    assert [each.message for each in caplog.records].count(f"a delivery was refused: it is {WORDS}") == 1
    at, status, doctor = told(capsys)
    assert at is not None
    assert "wrong signing secret" in status
    assert WORDS in doctor
    assert "compare the signing secret of this endpoint in the Dashboard" in doctor
    assert "w" * 24 not in status + doctor + caplog.text


def test_put_right_it_is_forgotten(adopted: House, tmp_path, capsys):
    """The first genuine delivery takes the words back; a wrong one after it brings them again."""
    deliver(adopted)
    adopted.world.advance_to(adopted.world.now + 60)
    (tmp_path / "whsec").write_text(adopted.secret_at_stripe("we_theirs"), encoding="utf-8")
    assert 200 in deliver(adopted)
    assert told(capsys)[0] is None
    assert "wrong signing secret" not in told(capsys)[1]
    adopted.world.advance_to(adopted.world.now + TOLD_EVERY.seconds)
    adopted.account.secrets["we_theirs"] = "whsec_" + "z" * 24
    assert deliver(adopted) == {400}
    assert told(capsys)[0] is not None


def test_what_is_no_signature_at_all_is_not_held_against_the_secret(adopted: House, capsys):
    """A stranger's POST without a signature is refused and changes nothing."""
    parts = bootstrap.open_control(STATE, None, create=False)
    try:
        answer = bootstrap.open_engine(parts).receive(NAME, b"{}", "")
    finally:
        parts.close()
    assert answer == "bad_signature"
    assert told(capsys)[0] is None


def test_a_plan_tells_that_the_secret_is_not_there(shop: House, tmp_path, capsys):
    """Before a person agrees to it: exit 4 and the reference on standard error, the plan itself the same as ever."""
    by_hand(shop)
    (tmp_path / "flexpay.yaml").write_text(giving(tmp_path, shop.secret_at_stripe("we_theirs")), encoding="utf-8")
    arguments = ["plan", "--accept-account", ACCOUNT, "--format", "json", "--as-of", "2026-01-02T00:00:00Z"]
    assert entry(arguments) == 0
    there = capsys.readouterr().out
    (tmp_path / "whsec").unlink()
    assert entry(arguments) == 4
    out, err = capsys.readouterr()
    assert out == there
    assert f"file:{tmp_path / 'whsec'}" in err
