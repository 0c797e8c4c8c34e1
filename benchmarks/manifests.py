"""A manifest of a thousand integrations: load, validate and plan without network, beside octoDNS on a thousand records.

Each in a process of its own, so that CPU and memory are its own. octoDNS reads both sides from YAML, as its own users
do; so its lines are those of both sides.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

INTEGRATIONS = 1_000
RECORDS = 1_000
RUNS = 3
_INTEGRATION = """\
  i{n:05}:
    name: Integration {n}
    company: c{n:05}
    environment: live
    status: enabled
    description: FlexPay Webhook EndPoint
    api_keys:
      type: restricted
      primary: {{env: PRIMARY_{n:05}}}
      fallback: {{env: FALLBACK_{n:05}}}
    webhook:
      managed_by: flexpay
      url: https://recovery.acme.example/webhooks/stripe/i{n:05}
      listen_to: account
    smart_retries:
      stop_stripe_retries: per_invoice
    radar_allow_list: no
    take_over: false
    include_first_invoice: false
    drift_policy: warn
    retry_policy: default
    when_recovery_fails:
      subscription: {{action: cancel_with_delay, delay: {{days: 3}}, delay_from: hard_decline}}
      invoice: mark_uncollectible_when_subscription_cancels
"""
_COMPANY = """\
  c{n:05}:
    name: Company {n}
    stripe_account: acct_{n:08}X
"""
_POLICY = "  default: {timing: even, max_attempts: 8, window: {days: 28}, minimum_spacing: {hours: 24}}\n"


def manifest(count: int) -> str:
    """27 lines an integration, with a company each."""
    companies = "".join(_COMPANY.format(n=n) for n in range(count))
    integrations = "".join(_INTEGRATION.format(n=n) for n in range(count))
    head = "version: 1\ncurrencies: [USD, EUR]\n"
    return f"{head}companies:\n{companies}integrations:\n{integrations}retry_policies:\n{_POLICY}"


def main() -> None:
    """The tables."""
    ours = [_child("flexpay") for _ in range(RUNS)]
    lines = ours[0]["lines"]
    print(f"\nA manifest of {INTEGRATIONS:,} integrations, {lines:,} lines; no network; CPU seconds, best of {RUNS}")
    print(f"{'':38} {'CPU s':>8} {'limit':>8}")
    best = {name: min(each[name] for each in ours) for name in ours[0]}
    print(f"{'load and validate':38} {best['load']:8.3f}")
    print(f"{'plan':38} {best['plan']:8.3f}")
    print(f"{'load, validate and plan':38} {best['load'] + best['plan']:8.3f} {1.2:8.1f}")
    print(f"{'the plan as JSON and as text':38} {best['render']:8.3f}")
    print(f"{'peak memory, MiB':38} {max(each['mib'] for each in ours):8.0f} {110:8}")
    core = _diff_core()
    print(f"{'diff core, 1,000 resources, 10 % moved':38} {core[0]:8.4f} {0.010:8.3f}")
    print(f"{'diff and render, 10,000':38} {core[1]:8.3f} {0.3:8.1f}")
    _beside_octodns(best["load"] + best["plan"], lines)


def _beside_octodns(cpu: float, lines: int) -> None:
    if importlib.util.find_spec("octodns") is None:
        print("octoDNS is not installed: no comparison (`make bench` installs it)")
        return
    theirs = [_child("octodns") for _ in range(RUNS)]
    best = min(each["cpu"] for each in theirs)
    per_line, their_line = cpu / lines * 1e6, best / theirs[0]["lines"] * 1e6
    print(f"\n{'beside octoDNS, ' + format(RECORDS, ',') + ' records':38} {'lines':>8} {'CPU s':>8} {'µs/line':>8}")
    print(f"{'flexpay-reconcile':38} {lines:8,} {cpu:8.3f} {per_line:8.1f}")
    print(f"{'octoDNS ' + theirs[0]['version']:38} {theirs[0]['lines']:8,} {best:8.3f} {their_line:8.1f}")
    print(f"CPU a line: {per_line / their_line:.0%} of octoDNS's (at most 60 % wanted)")


def _child(which: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.manifests", which]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this very file
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _flexpay() -> dict[str, Any]:
    from flexpay_reconcile.errors import OperatorError
    from flexpay_reconcile.manifest.load import load
    from flexpay_reconcile.operations.plan_manifest import plan_manifest
    from flexpay_reconcile.reconcile import codec
    from flexpay_reconcile.reconcile.render.text import render
    from flexpay_reconcile.values.instant import Instant

    def nobody(_: object) -> Any:
        raise OperatorError("no network", code="E-none")

    text = manifest(INTEGRATIONS).encode()
    began = time.process_time()
    loaded = load([("flexpay.yaml", text)])
    read = time.process_time()
    assert loaded.configuration is not None
    plan = plan_manifest(
        configuration=loaded.configuration,
        places=loaded.places,
        manifest_digest=loaded.digest,
        readers=nobody,
        state=None,
        as_of=Instant(0),
        diagnostics=loaded.diagnostics,
    )
    planned = time.process_time()
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    document = codec.to_json(plan)
    codec.to_text(document)
    render(document)
    return {
        "lines": text.count(b"\n"),
        "load": read - began,
        "plan": planned - read,
        "render": time.process_time() - planned,
        "mib": mib,
    }


def _diff_core() -> tuple[float, float]:
    """CPU of comparing 1,000 integration records of which a tenth moved; and of 10,000 with fingerprints and text."""
    from flexpay_reconcile.config.configuration import Configuration
    from flexpay_reconcile.manifest.load import load
    from flexpay_reconcile.reconcile import diff
    from flexpay_reconcile.reconcile.change import local_change
    from flexpay_reconcile.reconcile.kinds import integration

    loaded = load([("flexpay.yaml", manifest(1_000).encode())])
    assert loaded.configuration is not None
    moved = {
        name: dataclasses.replace(each, description="another") if at % 10 == 0 else each
        for at, (name, each) in enumerate(loaded.configuration.integrations.items())
    }
    after: Configuration = dataclasses.replace(loaded.configuration, integrations=moved)
    pairs = list(zip(integration.desired(after), integration.desired(loaded.configuration), strict=True))

    def compared(times: int) -> list[Any]:
        return [local_change(wanted, present) for _ in range(times) for wanted, present in pairs]

    one = []
    for _ in range(5):
        began = time.process_time()
        moves = [diff.fields(present.attributes, wanted.attributes) for wanted, present in pairs]
        one.append(time.process_time() - began)
        assert sum(map(bool, moves)) == len(pairs) // 10
    began = time.process_time()
    for change in compared(10):
        for each in change.fields:
            f"{change.address} {each.diff.path}: {each.diff.before} -> {each.diff.after}".encode()
    return statistics.median(one), time.process_time() - began


def _octodns() -> dict[str, Any]:
    """A dry run of `octodns-sync` from YAML to YAML, as its Manager does it."""
    import octodns
    from octodns.manager import Manager

    with tempfile.TemporaryDirectory() as folder:
        for side in ("source", "target"):
            (Path(folder) / side).mkdir()
            rows = "".join(
                f"r{n:05}:\n  ttl: 300\n  type: A\n  value: 192.0.{n // 250}.{n % 250 + 1}\n" for n in range(RECORDS)
            )
            (Path(folder) / side / "example.com.yaml").write_text("---\n" + rows, encoding="utf-8")
        provider = "class: octodns.provider.yaml.YamlProvider"
        config = Path(folder) / "config.yaml"
        config.write_text(
            f"providers:\n  source: {{{provider}, directory: {folder}/source}}\n"
            f"  target: {{{provider}, directory: {folder}/target}}\n"
            "zones:\n  example.com.: {sources: [source], targets: [target]}\n",
            encoding="utf-8",
        )
        lines = 2 * (4 * RECORDS + 1)
        began = time.process_time()
        Manager(str(config)).sync(dry_run=True)
        return {"lines": lines, "cpu": time.process_time() - began, "version": octodns.__version__}


if __name__ == "__main__":
    print(json.dumps(_octodns() if sys.argv[1] == "octodns" else _flexpay()))
