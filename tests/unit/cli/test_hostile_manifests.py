"""The faults of a manifest that the command line must tell cleanly: all at once, with places, never a secret."""

from __future__ import annotations

import re

import pytest

from flexpay_reconcile.cli.main import entry

TEN_FAULTS = """\
version: 1
currencies: [USD, QQQ]
companies:
  acme:
    name: Acme
    stripe_account: acct_1
    time_zone: Mars/Olympus
  other:
    name: Other
    stripe_account: acct_1
integrations:
  a-live:
    name: A
    company: nobody
    environment: live
    status: enabled
    api_keys:
      type: restricted
      primary: {env: A}
      fallback: {env: A}
    webhook:
      managed_by: manual
      url: http://x.example/webhooks
    radar_allow_list: no
    retry_policy: default
    take_over: maybe
    when_recovery_fails:
      subscription: {action: leave_as_is}
      invoice: leave_as_is
    colour: red
retry_policies:
  default:
    timing: learned
    window: {days: 3}
"""
KINDS = {
    "E-currency-unknown",
    "E-time-zone",
    "E-account-shared",
    "E-company-unknown",
    "E-key-reference-same",
    "E-webhook-secret-missing",
    "E-url-insecure",
    "E-type",
    "E-unknown-key",
    "E-not-built",
}
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(ord("b"), ord("i"))
)
MANIFEST_INVALID = 3


def test_ten_faults_of_ten_kinds_come_in_one_run(tmp_path, capsys):
    """Each fault is told with file, line, column and its own code, and the exit code is 3."""
    path = tmp_path / "ten.yaml"
    path.write_text(TEN_FAULTS)
    assert entry(["validate", "-f", str(path)]) == MANIFEST_INVALID
    told = re.findall(r"ten\.yaml:\d+:\d+: error\[([EW]-[a-z-]+)\]", capsys.readouterr().err)
    assert set(told) >= KINDS


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (BOMB, "E-yaml-alias"),
        (b"x: !!python/object:os.system {}\n", "E-yaml-tag"),
        (b"a" * 2 * 1024 * 1024, "E-file-too-large"),
        (b"version: 1\nname: sk_" + b"live_abcdefghijklmnop123\n", "E-secret-literal"),
    ],
    ids=["alias bomb", "python object", "2 MiB", "literal key"],
)
def test_hostile_files_are_clean_errors(tmp_path, capsys, content, code):
    """A bomb, a tag that runs code, a huge file and a key in clear: exit 3, the code, no traceback, no key."""
    path = tmp_path / "hostile.yaml"
    path.write_bytes(content)
    assert entry(["validate", "-f", str(path)]) == MANIFEST_INVALID
    captured = capsys.readouterr()
    assert f"[{code}]" in captured.err
    assert "Traceback" not in captured.err
    assert "abcdefghijklmnop123" not in captured.out + captured.err
