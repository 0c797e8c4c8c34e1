"""The file that `flexpay import` writes: whole or not at all, and over what is there only where told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile.cli import files
from flexpay_reconcile.errors import OperatorError
from tests.unit.cli.test_import_command import KEYS, URL, run
from tests.unit.operations_control.harness import ACCOUNT, MANIFEST, House


def test_a_manifest_that_is_there_is_left_as_it_is(shop: House, tmp_path, capsys):
    """Never written over."""
    code, _, err = run(capsys, "import", *KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"))
    assert (code, "was left as it is" in err) == (1, True)
    with pytest.raises(OperatorError):  # it came while Stripe was asked
        files.write_manifest("flexpay.yaml", "", overwrite=False)
    assert (tmp_path / "flexpay.yaml").read_text(encoding="utf-8") == MANIFEST
    assert not shop.calls


def test_told_to_it_writes_over_a_plain_file_whole_or_not_at_all(shop: House, tmp_path, capsys, monkeypatch):
    """With `--overwrite`; a disk that fails in the middle leaves the former manifest and no draft."""
    arguments = (*KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"), "--overwrite")

    def full(*_: Any) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        code, _, err = run(capsys, "import", *arguments)
        assert (code, "no space left" in err) == (1, True), err
    assert (tmp_path / "flexpay.yaml").read_text(encoding="utf-8") == MANIFEST
    assert [each.name for each in tmp_path.iterdir()] == ["flexpay.yaml"]
    assert run(capsys, "import", *arguments)[0] == 0
    assert "# Imported from" in (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")


def test_a_link_is_followed_or_in_the_way(shop: House, tmp_path, capsys):
    """`--overwrite` writes where a link leads; without it a link that leads nowhere is in the way, too."""
    arguments = (*KEYS, "--account", ACCOUNT, "--url", URL, "--state", str(tmp_path / "s.db"))
    (tmp_path / "link.yaml").symlink_to("flexpay.yaml")
    assert run(capsys, "import", *arguments, "--out", "link.yaml", "--overwrite")[0] == 0
    assert (tmp_path / "link.yaml").is_symlink()
    assert "# Imported from" in (tmp_path / "flexpay.yaml").read_text(encoding="utf-8")
    (tmp_path / "lost.yaml").symlink_to("nowhere.yaml")
    assert run(capsys, "import", *arguments, "--out", "lost.yaml")[0] == 1
    os.mkfifo(tmp_path / "pipe")  # a device would do as well, and be lost if this ever failed
    assert run(capsys, "import", *arguments, "--out", "pipe", "--overwrite")[0] == 1
    assert run(capsys, "import", *arguments, "--out", "new.yaml")[0] == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "flexpay.yaml",
        "link.yaml",
        "lost.yaml",
        "new.yaml",
        "pipe",
    ]
