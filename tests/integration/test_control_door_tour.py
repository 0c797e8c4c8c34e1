"""A pipeline that can see only the control door's address: plan on a request, apply the saved plan, all by processes."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.integration.ground import Ground, free_port, wait_until

PLAN_TOKEN = "plan-" + "p" * 32
APPLY_TOKEN = "apply-" + "a" * 32


@pytest.fixture
def ground(tmp_path: Path):
    """The daemon's host: simulator, daemon with both doors; its state is a file nobody else is told of."""
    stand = Ground(folder=tmp_path / "host")
    stand.folder.mkdir()
    stand.lay_out()
    stand.start_simulator()
    yield stand
    stand.end()


def serve(ground: Ground) -> int:
    """A daemon on a state that is not there yet, with a control door; the door's port."""
    port = free_port()
    log = ground.folder / f"daemon-{ground.daemons}.err"
    ground.daemons += 1
    process = ground.start(
        "daemon", "--listen", f"127.0.0.1:{ground.port}", "--control-listen", f"127.0.0.1:{port}",
        "--control-token", "plan=env:DOOR_PLAN", "--control-token", "apply=env:DOOR_APPLY",
        stderr=log, DOOR_PLAN=PLAN_TOKEN, DOOR_APPLY=APPLY_TOKEN,
    )  # fmt: skip
    wait_until(lambda: '"message": "ready"' in log.read_text(encoding="utf-8"), process, log)
    return port


def runner(ground: Ground, folder: Path, port: int, token: str) -> Ground:
    """A CI runner: the repository's files, the Stripe keys, the address and a token; no state."""
    folder.mkdir()
    shutil.copytree(ground.example, folder / "01-one-account")
    keys = {name: value for name, value in ground.environ.items() if name != "FLEXPAY_STATE"}
    environ = {**keys, "FLEXPAY_STATE": f"http://127.0.0.1:{port}", "FLEXPAY_CONTROL_TOKEN": token}
    return Ground(folder=folder, port=ground.port, environ=environ)


def test_a_pipeline_plans_and_applies_through_the_door_alone(ground, tmp_path):
    """Plan, apply of the saved plan, an empty plan, a saved plan that is stale; the daemon then takes the webhooks in.

    The runner's folder holds no state afterwards, and neither its files nor the daemon's logs hold a signing secret.
    """
    port = serve(ground)
    pull = runner(ground, tmp_path / "pull", port, PLAN_TOKEN)
    account = account_flags(pull)
    plan = pull.run("plan", "--out", "plan.json", "--detailed-exitcode", *account)
    assert plan.returncode == 2, plan.stdout + plan.stderr
    refused = pull.run("apply", "plan.json", *account)
    assert (refused.returncode, "E-door-scope" in refused.stderr) == (5, True), refused.stderr
    merge = runner(ground, tmp_path / "merge", port, APPLY_TOKEN)
    shutil.copy(pull.example / "plan.json", merge.example / "plan.json")
    applied = merge.run("apply", "plan.json")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    again = merge.run("plan", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    stale = merge.run("apply", "plan.json")
    assert stale.returncode == 7, stale.stdout + stale.stderr
    deaf = merge.run("cases", "list")
    assert (deaf.returncode, "E-door-inside" in deaf.stderr) == (64, True), deaf.stdout + deaf.stderr
    ground.advance(2)
    wait_for_cases(ground)
    assert not [each for each in merge.folder.rglob("*") if each.suffix in {".db", ".key", ".armed"}]
    for folder in (pull.folder, merge.folder, ground.folder):
        for each in folder.rglob("*.*"):
            if each.is_file() and each.name != "sim.env":
                data = each.read_bytes()
                for secret in (b"whsec_", PLAN_TOKEN.encode(), APPLY_TOKEN.encode()):
                    assert secret not in data, each


def account_flags(pull: Ground) -> tuple[str, ...]:
    """`--accept-account …` where this example's keys cannot prove whose they are."""
    document = json.loads(pull.run("plan", "--format", "json").stdout)
    return tuple(
        flag
        for each in document.get("checks", ())
        if each.get("status") == "fail" and "accept-account" in json.dumps(each)
        for flag in ("--accept-account", json.dumps(each).split("--accept-account ")[1].split()[0].strip('`",.'))
    )


def wait_for_cases(ground: Ground) -> None:
    """Until a failed payment of the example has become a case: its webhook was verified with the secret that crossed."""
    deadline = time.monotonic() + 60
    while not ground.json("cases", "list"):
        assert time.monotonic() < deadline, "no case came of a webhook"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--control-listen", "0.0.0.0:0", "--control-token", "plan=env:DOOR_PLAN"), "E-control-listen"),
        (("--control-listen", "127.0.0.1:0"), "E-control-listen"),
        (("--control-token", "plan=env:DOOR_PLAN"), "E-control-listen"),
        (("--control-listen", "127.0.0.1:0", "--control-token", "plan=" + PLAN_TOKEN), "E-control-listen"),
        (("--control-listen", "127.0.0.1:0", "--control-token", "plan=env:NOT_THERE"), "E-secret-missing"),
        (("--control-listen", "127.0.0.1:0", "--control-token", "plan=env:SHORT"), "E-door-token"),
        (("--control-listen", "127.0.0.1:0", "--control-token", "plan=env:DOOR_PLAN", "--control-tls-cert", "x"), "E-control-listen"),
    ],
)  # fmt: skip
def test_an_unsafe_door_is_not_opened(ground, flags, code):
    """In clear beyond this machine, without a token, with the token itself as an argument: a code, and no daemon."""
    done = ground.run("daemon", "--listen", "127.0.0.1:0", *flags, DOOR_PLAN=PLAN_TOKEN, SHORT="abc")
    assert (done.returncode != 0, code in done.stderr, "Traceback" in done.stderr) == (True, True, False), done.stderr
    assert PLAN_TOKEN not in done.stderr
