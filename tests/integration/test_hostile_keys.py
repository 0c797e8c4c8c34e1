"""A daemon that is started with somebody else's keys: it retries nobody's payments with them."""

from __future__ import annotations

import json
import urllib.request

import yaml

from tests.integration.ground import Ground


def _two_accounts(ground: Ground) -> None:
    """The scenario with a second account of the same shape, whose keys are OTHER_1 and OTHER_2."""
    scenario = ground.example / "scenario.yaml"
    document = yaml.safe_load(scenario.read_text(encoding="utf-8"))
    other = json.loads(json.dumps(document["accounts"]["acct_1AcmeUS"]))
    for number, key in enumerate(other["keys"], start=1):
        key["env"] = f"OTHER_{number}"
    document["accounts"]["acct_2Other"] = other
    scenario.write_text(json.dumps(document), encoding="utf-8")


def test_keys_of_another_account_start_no_daemon(ground):
    """The environment was mixed up after the apply: exit 4, both accounts named, no key shown, no charge made."""
    _two_accounts(ground)
    ground.start_simulator()
    ground.ok("apply", "--auto-approve")
    before = len(ground.json("simulator", "show", "charges")["charges"])
    wrong = {
        "ACME_US_STRIPE_PRIMARY": ground.environ["OTHER_1"],
        "ACME_US_STRIPE_FALLBACK": ground.environ["OTHER_2"],
    }
    for mixed in (wrong, dict([*wrong.items()][:1]), dict([*wrong.items()][1:])):
        done = ground.run("daemon", "--listen", f"127.0.0.1:{ground.port}", **mixed)
        assert done.returncode == 4, done.stderr
        assert "error[E-account-other]" in done.stderr
        assert "belongs to acct_2Other, not to acct_1AcmeUS" in done.stderr
        assert not any(key in done.stderr for key in mixed.values())
    assert len(ground.json("simulator", "show", "charges")["charges"]) == before


def test_a_stripe_that_cannot_be_asked_keeps_no_daemon_from_starting(applied):
    """An outage of Stripe at the start is told and waited out: webhooks are taken in all the same."""
    applied.ok("status")
    document = json.dumps({"kind": "timeout_before", "path": "/v1/account", "times": 2})
    _post(applied.simulator_url, "fault", document)
    _, log = applied.start_daemon()
    assert "whose keys these are was not seen" in log.read_text(encoding="utf-8")


def _post(base: str, name: str, document: str) -> None:
    """A request to the simulator's control interface that has no command."""
    request = urllib.request.Request(f"{base}/_simulator/{name}", document.encode(), method="POST")  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
