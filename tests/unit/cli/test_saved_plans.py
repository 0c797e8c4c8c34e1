"""A saved plan is applied as it is or not at all: bound to manifest, account and state, and refused when one moved (7)."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import codec
from tests.unit.operations_control.harness import MANIFEST

PROBES = {
    ("POST", "/v1/invoices/in_fpprobe000"),
    ("POST", "/v1/subscriptions/sub_fpprobe000"),
    ("POST", "/v1/webhook_endpoints/we_fpprobe000"),
}
AS_OF = "2026-01-01T00:00:00Z"


def saved() -> dict[str, Any]:
    """The plan in the working folder."""
    document: dict[str, Any] = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    return document


def rewrite(document: dict[str, Any]) -> None:
    """Save it again, with the plan_id that fits: what somebody does who knows how it is made."""
    document["plan_id"] = codec.plan_id(document)
    Path("plan.json").write_text(codec.to_text(document), encoding="utf-8")


def test_any_changed_byte_is_noticed(shop):
    """Each byte in turn becomes another one: the plan is refused, or it still says exactly the same."""
    entry(["plan", "--out", "plan.json"])
    text = Path("plan.json").read_bytes()
    document = saved()
    chance, kinds = random.Random(7), set()
    for at in range(len(text)):
        spoilt = text[:at] + bytes([text[at] ^ chance.randrange(1, 128)]) + text[at + 1 :]
        try:
            read = codec.read_saved(spoilt.decode("utf-8", "replace"))
        except OperatorError as refused:
            kinds.add(refused.kind)
        else:
            assert read == document, at
    assert kinds == {ErrorKind.PLAN_STALE}


def test_a_tampered_plan_is_7_and_nothing_is_sent(shop, capsys):
    """Another URL in the file: exit 7 before the first request."""
    entry(["plan", "--out", "plan.json"])
    path = Path("plan.json")
    path.write_text(path.read_text().replace("recovery.acme.example", "attacker.example"), encoding="utf-8")
    shop.calls.clear()
    assert entry(["apply", "plan.json"]) == 7
    assert shop.calls == []
    assert "plan_id does not match" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["account", "livemode"])
def test_a_plan_of_another_account_is_7(shop, capsys, part):
    """Even with a plan_id that fits: it was made for another account, or for the other mode."""
    entry(["plan", "--out", "plan.json"])
    document = saved()
    (binding,) = document["binds"]["accounts"].values()
    binding[part] = {"account": "acct_1Other", "livemode": True}[part]
    rewrite(document)
    assert entry(["apply", "plan.json"]) == 7
    assert "made for other accounts" in capsys.readouterr().err
    assert shop.endpoints == {}


def test_a_plan_of_another_state_is_7(shop, capsys):
    """The same manifest and account, and a state with another lineage; then this state, written meanwhile."""
    entry(["apply", "--auto-approve"])
    shop.endpoint()["status"] = "disabled"
    entry(["plan", "--out", "plan.json"])
    assert entry(["apply", "plan.json", "--state", "other.db"]) == 7
    assert "it was made" in capsys.readouterr().err
    assert shop.endpoint()["status"] == "disabled"
    assert entry(["apply", "--auto-approve"]) == 0
    shop.endpoint()["status"] = "disabled"
    assert entry(["apply", "plan.json"]) == 7
    assert "the state was written since" in capsys.readouterr().err
    assert shop.endpoint()["status"] == "disabled"


@pytest.mark.parametrize("how", ["repaired", "changed", "deleted"])
def test_an_endpoint_that_moved_is_7(shop, capsys, how):
    """Somebody else's hand at the endpoint after the plan: exit 7, and nothing is written."""
    entry(["apply", "--auto-approve"])
    shop.endpoint()["status"] = "disabled"
    entry(["plan", "--out", "plan.json"])
    if how == "repaired":
        shop.endpoint()["status"] = "enabled"
    elif how == "changed":
        shop.endpoint()["description"] = "mine"
    else:
        shop.delete_in_dashboard(next(iter(shop.endpoints)))
    shop.calls.clear()
    assert entry(["apply", "plan.json"]) == 7
    assert "moved" in capsys.readouterr().err
    assert shop.writes() == []


def test_each_change_says_what_it_rests_on_and_where_it_stands(shop):
    """Every change has a fingerprint of what was seen and a line of the manifest; the plan names what it is bound to."""
    entry(["plan", "--out", "plan.json"])
    document = saved()
    assert document["binds"]["manifest_digest"]
    assert document["plan_id"] == codec.plan_id(document)
    for change in document["resource_changes"]:
        assert change["precondition"]["fingerprint"]
        assert change["source"] is None or change["source"]["file"] == "flexpay.yaml"
    assert sum(change["source"] is not None for change in document["resource_changes"]) >= 4


def test_the_same_plan_twice_is_the_same_file(shop):
    """With --as-of, before and after an apply: two plans of one world are one file, to the byte."""
    for apply_between in (False, True):
        if apply_between:
            entry(["apply", "--auto-approve"])
        texts = set()
        for _ in range(2):
            assert entry(["plan", "--as-of", AS_OF, "--out", "plan.json"]) == 0
            texts.add(Path("plan.json").read_bytes())
        assert len(texts) == 1


def test_looking_sends_gets_and_the_three_probes_only(shop):
    """Plan and drift: every recorded request is a GET or one of three probes, and the database stays as it was (E1)."""
    entry(["apply", "--auto-approve"])
    shop.endpoint()["status"] = "disabled"
    Path("flexpay.yaml").write_text(MANIFEST.replace("/hooks", "/other"), encoding="utf-8")
    before = hashlib.sha256(Path("flexpay-state.db").read_bytes()).digest()
    for command in (["plan"], ["plan", "--out", "plan.json", "--detailed-exitcode"], ["drift"]):
        shop.calls.clear()
        assert entry(command) in {0, 2}
        assert shop.calls
        sent = {each for each in shop.calls if each[0] != "GET"}
        assert sent == (PROBES if command[0] == "plan" else set()), command
    assert hashlib.sha256(Path("flexpay-state.db").read_bytes()).digest() == before
