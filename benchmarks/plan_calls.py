"""Plans against the simulator over HTTP, every call made to take 50 ms: calls a second, for one account and for 100.

The gateways run on the real clock, so that our own limiter (25 calls a second for each sandbox account) is what limits.
One process serves, this one asks; on a machine with fewer than two free cores the two get in each other's way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.simulator_http import _cpu_of, _own_cpu
from flexpay_reconcile.adapters.secret_sources import SecretSources
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.adapters.stripe_api.limiter import SANDBOX_PER_SECOND
from flexpay_reconcile.adapters.stripe_api.transport import RequestsPerThread
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.bootstrap import SideBySide
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.operations.plan_manifest import plan_manifest

LATENCY = 0.05
ACCOUNTS = 100
FLEXPAY = [sys.executable, "-m", "flexpay_reconcile"]


class Distant(RequestsPerThread):
    """The network as it is, 50 ms further away. Counts its calls."""

    def __init__(self) -> None:
        super().__init__(loopback=True)
        self.calls = 0
        self._count = threading.Lock()

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        """One request, late."""
        with self._count:
            self.calls += 1
        time.sleep(LATENCY)
        return super().request(method, url, headers, post_data, **more)


def main() -> None:
    """Serve 100 accounts in a process of its own, and plan for them."""
    print(f"Plans over HTTP, {LATENCY * 1e3:.0f} ms a call, cold (both keys probed), nothing applied yet")
    with tempfile.TemporaryDirectory() as folder:
        scenario, keys = Path(folder) / "many.yaml", Path(folder) / "sim.env"
        scenario.write_text(json.dumps(_scenario()), encoding="utf-8")
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*FLEXPAY, "simulator", "serve", "--port", "0", "--scenario", str(scenario), "--env-file", str(keys)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            environ = dict(line.split("=", 1) for line in keys.read_text(encoding="utf-8").splitlines())
            for accounts, probe in ((1, True), (1, False), (ACCOUNTS, True)):
                _measure(url, environ, accounts, process.pid, probe=probe)
        finally:
            process.terminate()
            process.wait(10)
    print()


def _measure(url: str, environ: dict[str, str], accounts: int, server: int, *, probe: bool) -> None:
    loaded = load([("flexpay.yaml", _manifest(accounts).encode())])
    configuration = loaded.configuration
    assert configuration is not None, [each.text() for each in loaded.diagnostics]
    distant, clock = Distant(), SystemClock()
    gateways = StripeGateways(
        SecretSources(environ=environ),
        clock,
        lambda integration: configuration.company_of(integration).stripe_account,
        base_url=url,
        http_client=distant,
    )
    ours, theirs, begun = _own_cpu(), _cpu_of(server), time.perf_counter()
    plan = _plan(configuration, loaded, gateways, clock, probe=probe)
    wall, calls = time.perf_counter() - begun, distant.calls
    blocked = [each.message for each in plan.checks if each.blocks is not None]
    assert not blocked, blocked[:3]
    asked, served = (_own_cpu() - ours) / calls * 1e3, (_cpu_of(server) - theirs) / calls * 1e3
    share = f", {calls / wall / SANDBOX_PER_SECOND:.0%} of the account's limit" if accounts == 1 and probe else ""
    name = f"{accounts} account{'s' if accounts > 1 else ''}{'' if probe else ', no probes'}"
    print(
        f"  {name:<22} {calls / accounts:5.1f} calls an integration, {wall:6.2f} s, {calls / wall:6.1f} calls/s{share}"
        f"   CPU a call: client {asked:.2f} ms, server {served:.2f} ms"
    )


def _plan(
    configuration: Configuration, loaded: Any, gateways: StripeGateways, clock: SystemClock, *, probe: bool
) -> Any:
    return plan_manifest(
        configuration=configuration,
        places=loaded.places,
        manifest_digest=loaded.digest,
        readers=gateways.account_reader,
        state=None,
        as_of=clock.now(),
        probe=probe,
        evidence=True,
        together=SideBySide(),
    )


def _scenario() -> dict[str, Any]:
    keys = ("PRIMARY", "FALLBACK")
    return {
        "version": 1,
        "seed": 7,
        "start": "2026-01-01T00:00:00Z",
        "accounts": {
            f"acct_1Many{at:03}": {
                "livemode": False,
                "keys": [{"env": f"{key}_{at}", "type": "restricted", "permissions": "flexpay"} for key in keys],
            }
            for at in range(ACCOUNTS)
        },
    }


def _manifest(accounts: int) -> str:
    companies = {
        f"c{at}": {"name": f"C{at}", "stripe_account": f"acct_1Many{at:03}", "time_zone": "America/New_York"}
        for at in range(accounts)
    }
    return json.dumps(
        {
            "version": 1,
            "currencies": ["USD"],
            "companies": companies,
            "integrations": {f"i{at}": _integration(at) for at in range(accounts)},
            "retry_policies": {
                "default": {
                    "timing": "even",
                    "max_attempts": 8,
                    "window": {"days": 28},
                    "minimum_spacing": {"hours": 24},
                }
            },
            "guards": {"max_webhook_deletes": 1},
        }
    )


def _integration(at: int) -> dict[str, Any]:
    return {
        "name": f"I{at}",
        "company": f"c{at}",
        "environment": "sandbox",
        "status": "enabled",
        "description": "FlexPay Webhook EndPoint",
        "api_keys": {"type": "restricted", "primary": {"env": f"PRIMARY_{at}"}, "fallback": {"env": f"FALLBACK_{at}"}},
        "webhook": {"managed_by": "flexpay", "url": f"https://recovery.acme.example/{at}", "listen_to": "account"},
        "radar_allow_list": "no",
        "take_over": False,
        "retry_policy": "default",
        "when_recovery_fails": {"subscription": {"action": "leave_as_is"}, "invoice": "leave_as_is"},
    }
