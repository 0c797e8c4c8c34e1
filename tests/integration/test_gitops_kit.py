"""The GitOps kit, run as a pipeline runs it: its own scripts, in folders that see the control door's address only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.ground import Ground
from tests.integration.test_control_door_tour import APPLY_TOKEN, PLAN_TOKEN, ground, runner, serve

__all__ = ["ground"]
ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "gitops"
MARKER = "<!-- flexpay-reconcile plan -->"


class FakeGitHub(ThreadingHTTPServer):
    """The comments of one pull request, as GitHub's API lists, adds and changes them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.comments: list[dict[str, Any]] = [{"id": 1, "body": "nice work"}]
        self.asked: list[str] = []


class _Answers(BaseHTTPRequestHandler):
    server: FakeGitHub

    def do_GET(self) -> None:
        """The list."""
        self._answer(self.server.comments)

    def do_POST(self) -> None:
        """A new one."""
        self.server.comments.append({"id": len(self.server.comments) + 1, **self._body()})
        self._answer({})

    def do_PATCH(self) -> None:
        """A changed one."""
        wanted = int(self.path.rsplit("/", 1)[-1])
        next(each for each in self.server.comments if each["id"] == wanted).update(self._body())
        self._answer({})

    def _body(self) -> dict[str, Any]:
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, what: Any) -> None:
        assert self.headers["Authorization"] == "Bearer gh-token"
        self.server.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        data = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """A GitHub on loopback."""
    server = FakeGitHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


def bash(place: Ground, script: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """One of the kit's scripts in a runner's folder, with `flexpay` on its path."""
    tools = place.folder / "bin"
    if not tools.exists():
        tools.mkdir()
        shim = tools / "flexpay"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flexpay_reconcile "$@"\n')
        shim.chmod(0o755)
    given = {**place.environ, "PATH": f"{tools}:{os.environ['PATH']}", **environ}
    return subprocess.run(
        ["bash", str(script)], cwd=place.example, env=given, capture_output=True, text=True, timeout=90, check=False
    )


def comment(place: Ground, github: FakeGitHub) -> subprocess.CompletedProcess[str]:
    """The kit's comment step."""
    environ = {
        "PATH": os.environ["PATH"],
        "GITHUB_API_URL": f"http://127.0.0.1:{github.server_address[1]}",
        "GITHUB_REPOSITORY": "acme/billing",
        "GITHUB_TOKEN": "gh-token",
        "PULL_REQUEST": "7",
    }
    script = str(KIT / "github" / "comment.py")
    return subprocess.run(
        [sys.executable, script, "flexpay-plan.md"],
        cwd=place.example, env=environ, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_pull_request_is_planned_commented_once_and_merged(ground, github, tmp_path):
    """Plan and comment twice: one comment; the merge applies that very plan; planned again there is nothing to do."""
    port = serve(ground)
    pull = runner(ground, tmp_path / "pull", port, PLAN_TOKEN)
    output = tmp_path / "output"
    for _ in range(2):
        planned = bash(pull, KIT / "github" / "plan.sh", GITHUB_OUTPUT=str(output))
        assert planned.returncode == 0, planned.stdout + planned.stderr
        said = comment(pull, github)
        assert said.returncode == 0, said.stderr
    assert output.read_text().split() == ["changes=true"] * 2
    ours = [each["body"] for each in github.comments if each["body"].startswith(MARKER)]
    assert len(ours) == 1
    assert ours[0] == (pull.example / "flexpay-plan.md").read_text()
    assert [each.split()[0] for each in github.asked] == ["GET", "POST", "GET", "PATCH"]
    merge = runner(ground, tmp_path / "merge", port, APPLY_TOKEN)
    shutil.copy(pull.example / "flexpay-plan.json", merge.example)
    applied = bash(merge, KIT / "github" / "apply.sh")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    again = bash(merge, KIT / "github" / "apply.sh")
    assert again.returncode == 7, "the plan was made for a state that has moved on"
    empty = bash(pull, KIT / "github" / "plan.sh", GITHUB_OUTPUT=str(output))
    assert empty.returncode == 0
    assert output.read_text().split()[-1] == "changes=false"


def test_a_refused_plan_is_a_red_check(ground, tmp_path):
    """A wrong manifest ends the plan step with 3, and leaves no comment behind it to be taken for a plan."""
    port = serve(ground)
    pull = runner(ground, tmp_path / "pull", port, PLAN_TOKEN)
    (pull.example / "flexpay.yaml").write_text("version: 1\nnonsense: true\n")
    planned = bash(pull, KIT / "github" / "plan.sh")
    assert planned.returncode == 3, planned.stderr
    assert not (pull.example / "flexpay-plan.md").exists()


def test_the_gitlab_jobs_run(ground, tmp_path):
    """The script lines of both jobs, but for the installation, do what they say."""
    port = serve(ground)
    jobs = yaml.safe_load((KIT / "gitlab" / "flexpay.gitlab-ci.yml").read_text())
    for name, token in (("flexpay-plan", PLAN_TOKEN), ("flexpay-apply", APPLY_TOKEN)):
        place = runner(ground, tmp_path / name, port, token)
        lines = [each for each in jobs[name]["script"] if "pip install" not in each]
        script = tmp_path / f"{name}.sh"
        script.write_text("set -e\n" + "\n".join(lines) + "\n")
        done = bash(place, script)
        assert done.returncode == 0, done.stdout + done.stderr
    assert jobs["flexpay-plan"]["artifacts"]["paths"] == ["flexpay-plan.json"]


def test_the_actions_name_what_is_there():
    """Every script an action runs exists, every input it reads is declared, and no secret is a plain value."""
    for name in ("plan", "apply"):
        action = yaml.safe_load((KIT / "github" / name / "action.yml").read_text())
        text = (KIT / "github" / name / "action.yml").read_text()
        for step in action["runs"]["steps"]:
            for word in step.get("run", "").replace('"', " ").split():
                if "GITHUB_ACTION_PATH" in word:
                    assert (KIT / "github" / name / word.removeprefix("$GITHUB_ACTION_PATH/")).resolve().is_file(), word
        read = {each.split("}}")[0].strip() for each in text.split("inputs.")[1:]}
        assert {each.split()[0].rstrip(",") for each in read} <= action["inputs"].keys()
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [each["entry"] for each in hooks] == ["flexpay validate", "flexpay fmt"]
