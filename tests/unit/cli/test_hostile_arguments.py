"""Names and values nobody should give: each one clear error with its code, nothing written, nothing replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.state_cipher import key_path
from flexpay_reconcile.cli import files
from flexpay_reconcile.cli.main import entry

TOO_LONG = "x" * 5000


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    """`--out` on a pipe, as of a process substitution, feeds the reader and leaves the pipe where it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_private(str(pipe), "a plan")
        assert os.read(reader, 100) == b"a plan"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_a_link(tmp_path):
    """What a link leads to gets the text, privately; the link is not turned into a file."""
    (tmp_path / "real.json").write_text("old", encoding="utf-8")
    (tmp_path / "link.json").symlink_to("real.json")
    files.write_private(str(tmp_path / "link.json"), "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE((tmp_path / "real.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["validate", "-f", TOO_LONG], 3, "E-manifest-missing"),
        (["validate", "-f", ""], 3, "the name of a manifest is empty"),
        (["plan", "--out", ""], 64, "E-file-write"),
        (["plan", "--state", ""], 1, "E-state-open"),
        (["plan", "--state", TOO_LONG], 1, "E-state-open"),
        (["plan", "--state", "/"], 1, "E-state-open"),
        (["status", "--state", "/dev/null"], 1, "no plain file"),
        (["status", "--state", TOO_LONG], 1, "E-state-open"),
        (["apply", "", "--auto-approve"], 64, "the name of the plan file is empty"),
        (["apply", "/dev/zero"], 64, "too long for a plan"),
        (["apply", "--auto-approve", "--state", ":memory:"], 64, "E-state-memory"),
        (["plan", "--as-of", "tomorrow"], 64, "is not an instant"),
        (["plan", "--as-of", ""], 64, "is not an instant"),
    ],
)
def test_names_nobody_should_give(shop, capsys, arguments, code, words):
    """An empty variable in a script is never taken for a default, and a strange name is one clear error."""
    assert entry(arguments) == code
    heard = capsys.readouterr()
    assert words in heard.err
    assert "internal error" not in heard.err
    assert shop.endpoints == {}
    assert {each.name for each in Path.cwd().iterdir()} == {"flexpay.yaml"}


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is readable to root")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["validate", "-f", "closed"], 3, "error[E-manifest-missing]: closed cannot be read: Permission denied"),
        (["apply", "closed"], 64, "error[E-file-read]: closed cannot be read: Permission denied"),
        (["status", "--state", "closed"], 1, "error[E-state-read-only]"),
    ],
)
def test_files_that_may_not_be_read(shop, capsys, arguments, code, words):
    """A file without permission has the code of a file that cannot be read, not words of the option parser."""
    Path("closed").touch(mode=0)
    assert entry(arguments) == code
    assert words in capsys.readouterr().err


def test_a_name_that_is_no_text_is_simply_not_known(shop, capsys):
    """Bytes of another locale in an argument reach no database as what they are not."""
    assert entry(["apply", "--auto-approve"]) == 0
    capsys.readouterr()
    assert entry(["explain", "in_\udcff"]) == 1
    assert "error[E-case-unknown]: nothing is known of in_?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:4242",
        "https://127.0.0.1:4242",
        "http://127.0.0.1:4242/v1",
        "http://127.0.0.1:4242?a=b",
        "http://127.0.0.1:4242#a",
        "http://127.0.0.1:99999",
        "http://api.example.com",
        "http://127.0.0.1@api.example.com",
        "http://someone:canary@127.0.0.1:4242",
    ],
)
@pytest.mark.parametrize("command", [["plan"], ["daemon"], ["simulator", "show", "state"]])
def test_addresses_that_are_no_simulator(command, address, capsys):
    """All commands refuse the same addresses, as wrong usage, before anything is asked; no password is repeated."""
    assert entry([*command, "--stripe-api", address]) == 64
    told = capsys.readouterr().err
    assert told.startswith("error[E-stripe-api]")
    assert "canary" not in told


@pytest.mark.parametrize("state", ["/", ".", "..", "state.db"])
def test_every_path_has_a_key_beside_it(state):
    """Also a name without a last part, which is refused elsewhere with words."""
    assert str(key_path(Path(state))).endswith(".key")


def test_status_needs_no_simulator(shop, monkeypatch, capsys):
    """What is applied can be read when the simulator has gone."""
    assert entry(["apply", "--auto-approve"]) == 0
    monkeypatch.setenv("FLEXPAY_STRIPE_API", "http://127.0.0.1:9")
    asked = []
    opened = bootstrap.open_control

    def noted(*given, **more):
        asked.append(given)
        return opened(*given, **more)

    monkeypatch.setattr(bootstrap, "open_control", noted)
    assert entry(["status"]) == 0
    assert asked == [("flexpay-state.db", None)]
    assert "configuration revision 1" in capsys.readouterr().out


def test_a_daemon_whose_state_key_is_gone_does_not_start(shop, capsys):
    """Without the key no webhook could be verified: told at once with exit 4, not at the first delivery."""
    assert entry(["apply", "--auto-approve"]) == 0
    Path("flexpay-state.db.key").unlink()
    capsys.readouterr()
    assert entry(["daemon", "--listen", "127.0.0.1:0"]) == 4
    assert capsys.readouterr().err.startswith("error[E-state-key-missing]")


@pytest.mark.parametrize(
    "key", ["sk_" + "live_canary0123456789", "rk_" + "test_canary0123456789", "whsec_canary+/0123456789="]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--as-of"],
        ["plan", "--accept-account"],
        ["plan", "--stripe-api"],
        ["plan", "--color"],
        ["validate", "-f"],
        ["explain"],
        ["simulator", "serve", "--port"],
        ["nope"],
        [],
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(shop, monkeypatch, capsys, arguments, key):
    """Whoever pastes a key as an argument does not find it in the log of the pipeline, traceback asked for or not."""
    monkeypatch.setenv("FLEXPAY_DEBUG", "1")
    assert entry([*arguments, key]) != 0
    heard = capsys.readouterr()
    assert heard.err != ""
    assert "canary" not in heard.err + heard.out
