"""The simulator over HTTP: calls a second on loopback, by the real SDK and by a bare client on a kept connection.

One process serves, this one asks; on a machine with fewer than two free cores the two get in each other's way.
"""

from __future__ import annotations

import http.client
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import stripe

CALLS = 1500
WARM_UP = 150
FLEXPAY = [sys.executable, "-m", "flexpay_reconcile"]
Ask = Callable[[int], None]


def main() -> None:
    """Serve a packaged scenario in a process of its own and ask it."""
    print(f"Simulator over HTTP, loopback, {CALLS} calls each, half GET invoice (3 kB), half POST metadata of one")
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "sim.env"
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*FLEXPAY, "simulator", "serve", "--port", "0", "--scenario", "approved", "--env-file", str(keys)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            pairs = (line.partition("=") for line in keys.read_text(encoding="utf-8").splitlines())
            secret = next(value for _, _, value in pairs)
            _measure_all(url, secret, process.pid)
        finally:
            process.terminate()
            process.wait(10)
    print()


def _measure_all(url: str, secret: str, server: int) -> None:
    stripe.enable_telemetry = False
    found = _api(url, secret).raw_request("get", "/v1/invoices", limit=1)
    invoice = found.data["data"][0]["id"]
    cases: list[tuple[str, int, Callable[[], Ask]]] = [
        ("bare client, one kept connection", 1, lambda: _bare(url, secret, invoice)),
        ("bare client, four connections", 4, lambda: _bare(url, secret, invoice)),
        ("SDK, raw_request", 1, lambda: _raw(url, secret, invoice)),
        ("SDK, typed methods", 1, lambda: _typed(url, secret, invoice)),
        ("SDK, raw_request, four threads", 4, lambda: _raw(url, secret, invoice)),
    ]
    for name, threads, make in cases:
        _measure(name, threads, make, server)


def _measure(name: str, threads: int, make: Callable[[], Ask], server: int) -> None:
    asks = [make() for _ in range(threads)]
    for ask in asks:
        for number in range(WARM_UP // threads):
            ask(number)

    def work(ask: Ask) -> None:
        for number in range(CALLS // threads):
            ask(number)

    workers = [threading.Thread(target=work, args=(ask,)) for ask in asks]
    ours, theirs = _own_cpu(), _cpu_of(server)
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall = time.perf_counter() - begun
    calls = CALLS // threads * threads
    served, asked = (_cpu_of(server) - theirs) / calls * 1e3, (_own_cpu() - ours) / calls * 1e3
    most = 1e3 / served if served else 0.0
    rates = f"{calls / wall:6.0f} calls/s of wall, {most:6.0f} a CPU second of the server"
    print(f"  {name:<34} {rates}   CPU a call: server {served:.2f} ms, client {asked:.2f} ms")


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _cpu_of(pid: int) -> float:
    """User and system time of a process; 0 where /proc is missing."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _api(url: str, secret: str) -> Any:
    return stripe.StripeClient(secret, base_addresses={"api": url}, http_client=stripe.RequestsClient(timeout=20))


def _raw(url: str, secret: str, invoice: str) -> Ask:
    api = _api(url, secret)

    def ask(number: int) -> None:
        if number % 2:
            api.raw_request("get", f"/v1/invoices/{invoice}")
        else:
            api.raw_request("post", f"/v1/invoices/{invoice}", metadata={"n": number})

    return ask


def _typed(url: str, secret: str, invoice: str) -> Ask:
    api = _api(url, secret)

    def ask(number: int) -> None:
        if number % 2:
            api.v1.invoices.retrieve(invoice)
        else:
            api.v1.invoices.update(invoice, {"metadata": {"n": str(number)}})

    return ask


def _bare(url: str, secret: str, invoice: str) -> Ask:
    connection = http.client.HTTPConnection(urlsplit(url).hostname or "", urlsplit(url).port, timeout=20)
    connection.connect()
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/x-www-form-urlencoded"}

    def ask(number: int) -> None:
        body = None if number % 2 else f"metadata[n]={number}"
        connection.request("GET" if number % 2 else "POST", f"/v1/invoices/{invoice}", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()

    return ask


if __name__ == "__main__":
    main()
