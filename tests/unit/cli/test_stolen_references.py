"""A manifest from a pull request that points a key at somebody else's secret gets nothing: sent nowhere, shown nowhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from flexpay_reconcile.cli.main import entry
from tests.unit.cli.conftest import OTHERS
from tests.unit.operations_control.harness import MANIFEST

LINES = Path("/etc/passwd")


@pytest.mark.parametrize("key", ["primary: {env: PRIMARY}", "fallback: {env: FALLBACK}"])
@pytest.mark.parametrize("reference", ["{env: GITHUB_TOKEN}", f"{{file: {LINES}}}"], ids=["a token", "a file"])
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_somebody_elses_secret_is_refused_before_anything_is_sent(
    shop, tmp_path, capsys, caplog, key: str, reference: str, command: str
):
    """Exit 4 with the place of the reference; Stripe hears nothing, and no output, log or file holds the value."""
    caplog.set_level(logging.DEBUG)
    name = key.partition(":")[0]
    stolen = MANIFEST.replace(key, f"{name}: {reference}")
    (tmp_path / "flexpay.yaml").write_text(stolen, encoding="utf-8")
    more = {"plan": ["--out", "saved.plan"], "apply": ["--auto-approve"]}[command]
    assert entry([command, "--state", str(tmp_path / "state.db"), *more]) == 4
    out, err = capsys.readouterr()
    assert "error[E-key-shape]" in err + out
    line = 1 + stolen[: stolen.index(reference)].count("\n")
    assert f"flexpay.yaml:{line}:" in err + out
    assert shop.calls == []
    files = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    log = "".join(f"{each.getMessage()} {each.__dict__}" for each in caplog.records)
    for value in (OTHERS, OTHERS[4:], *LINES.read_text(encoding="utf-8").splitlines()):
        assert value not in out + err + log
        assert value.encode() not in files
