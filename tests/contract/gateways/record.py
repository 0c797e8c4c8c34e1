"""Records the gateways' conversation anew: `python -m tests.contract.gateways.record`, from the project's root.

Serves the simulator on a free loopback port, speaks with it through the real SDK over HTTP, and writes the cassette.
Reaches nothing but the loopback address. With `--stripe`, and with nothing else, it asks a Stripe sandbox (see `sandbox`).
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import stripe

from flexpay_reconcile import __version__
from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.server import make_server
from flexpay_reconcile.simulator.world import World
from tests.contract.gateways.conversation import CASSETTE, Heard, converse, recorder
from tests.contract.gateways.worlds import ACCOUNT, Site, WorldClock, site

HEADER = """\
# Recorded from the simulator of flexpay-reconcile {version}, over HTTP on the loopback address. No real Stripe was asked.
# SDK stripe {sdk}, API version {api}. Keys, telemetry and most headers are left out, secrets in bodies are masked.
# Do not edit; record again with: python -m tests.contract.gateways.record
"""


def failing_site() -> Site:
    """The account of the conversation: ada's renewal has failed and goes on failing until she is told otherwise."""
    here = site()
    here.fail_ada()
    return here


@contextmanager
def served(world: World) -> Iterator[str]:
    """The world behind its HTTP door; its address."""
    ready, ports = threading.Event(), list[int]()

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    server = make_server(world, "127.0.0.1", 0, on_ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    if not ready.wait(10):
        raise TimeoutError("the simulator did not start within 10 s")
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        server.should_exit = True
        thread.join(10)


def record(path: Path = CASSETTE) -> Heard:
    """Write the cassette to a path, over the one that is there."""
    here = failing_site()
    path.unlink(missing_ok=True)
    with served(here.world) as address, recorder("all").use_cassette(str(path)):
        gateways = StripeGateways(
            here.vault, WorldClock(here.world), lambda _: ACCOUNT, base_url=address, wait=lambda span: None
        )
        heard = converse(gateways, between=lambda: control.approve(here.world, "ada"))
    header = HEADER.format(version=__version__, sdk=stripe.VERSION, api=API_VERSION)
    path.write_text(header + path.read_text(encoding="utf-8"), encoding="utf-8")
    return heard


def main(arguments: Sequence[str] | None = None) -> int:
    """Record from the simulator, or with `--stripe` from a sandbox and say where the simulator differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.gateways.record", description=__doc__)
    parser.add_argument("--stripe", action="store_true", help="ask a Stripe sandbox; STRIPE_TEST_KEY holds its key")
    parser.add_argument("--address", help="a loopback address to ask in the sandbox's place")
    given = parser.parse_args(arguments)
    if given.stripe:
        from tests.contract.gateways import sandbox  # it serves the simulator by this module

        return sandbox.main(os.environ.get("STRIPE_TEST_KEY", ""), address=given.address)
    record()
    print(f"wrote {CASSETTE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
