"""Keys and signing secrets appear nowhere: a whole plan, apply, drift and daemon run is searched for them (E6)."""

from __future__ import annotations

import base64
import contextlib
import logging
import traceback
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.simulator.resources import events
from tests.unit.operations_control.harness import ACCOUNT, MANIFEST, NAME, keys
from tests.unit.operations_control.test_adoption import by_hand

HOOKS = f"acme.example/webhooks/stripe/{NAME}"
SHOWN_BY_STRIPE = 4
"""Stripe's own masking shows so many last characters."""


def forms(secret: str) -> set[bytes]:
    """A secret as it might slip out: whole, most of it, its tail, encoded, and its bytes in hex."""
    body = secret.rpartition("_")[2]
    tail = body[-(SHOWN_BY_STRIPE + 6) :]
    raw = {secret, body, body[: max(12, len(body) // 2)], tail}
    encoded = {base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex()}
    return {each.encode() for each in raw | encoded}


def found_in(heap: dict[str, bytes], secrets: set[str]) -> list[tuple[str, bytes]]:
    """Where any form of any secret is."""
    wanted = {form for secret in secrets for form in forms(secret)}
    return sorted((place, form) for place, text in heap.items() for form in wanted if form in text)


class Heap:
    """Everything that was put out, by where."""

    def __init__(self, capsys, caplog, folder: Path) -> None:
        self.capsys, self.caplog, self.folder = capsys, caplog, folder
        self.seen: dict[str, bytes] = {}

    def run(self, *arguments: str) -> int:
        """A command; what it says and leaves behind goes on the heap."""
        code = entry(list(arguments))
        self.look(" ".join(arguments))
        return code

    def look(self, name: str) -> None:
        """Take in the streams, the log and every file as they are now, before anything is tidied away."""
        out, err = self.capsys.readouterr()
        self.seen[f"{name}: stdout"], self.seen[f"{name}: stderr"] = out.encode(), err.encode()
        log = "\n".join(f"{each.getMessage()} {each.__dict__}" for each in self.caplog.records)
        self.seen[f"{name}: log"] = log.encode()
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.seen[f"{name}: {path.name}"] = path.read_bytes()


def trace_of(error: BaseException) -> str:
    """A traceback with everything it was raised from."""
    return "".join(traceback.format_exception(error))


@pytest.fixture
def heap(shop, capsys, caplog, tmp_path, monkeypatch):
    """Logs at DEBUG, tracebacks on, the webhook's address where our listener would be."""
    caplog.set_level(logging.DEBUG)
    for name in ("flexpay", "stripe", "urllib3", "apscheduler"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setenv("FLEXPAY_DEBUG", "1")
    Path("flexpay.yaml").write_text(MANIFEST.replace("acme.example/hooks", HOOKS), encoding="utf-8")
    return Heap(capsys, caplog, tmp_path)


def secrets_of(shop) -> set[str]:
    """Both keys, and every signing secret Stripe ever handed out here."""
    return {each["secret"] for each in keys()} | set(shop.account.secrets.values())


def turn_daemon(shop, heap: Heap) -> None:
    """A daemon's turn with deliveries: genuine, forged, and one while the database is shut."""
    parts = bootstrap.open_control("flexpay-state.db", None)
    try:
        engine = bootstrap.open_engine(parts, guarded=True)
        statuses = []

        def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
            received = engine.receive(url.rsplit("/", 1)[-1], body, headers["Stripe-Signature"])
            engine.receive(NAME, body, "t=1,v1=forged")
            statuses.append(received.value)
            return 200

        shop.world.deliver = deliver
        events.emit(shop.world.sim, shop.account, "customer.updated", {"id": "cus_1", "object": "customer"})
        shop.world.advance_to(shop.world.now + 60)
        assert statuses == ["stored"]
        engine.loops.until_quiet()
        heap.seen["health"] = repr(engine.health()).encode()
        heap.look("daemon")
        latest = parts.state.latest()
        assert latest is not None
        (integration,) = latest.configuration.integrations.values()
        shop.transport.before = fail
        with pytest.raises(FlexpayError) as failed:
            parts.reader_for(integration).webhook_endpoints()
        shop.transport.before = None
        heap.seen["traceback"] = trace_of(failed.value).encode()
        heap.seen["parts"] = repr((parts, integration, parts.state.secrets_for(NAME))).encode()
    finally:
        parts.close()


def fail(*words: object) -> None:
    """A bug within a call."""
    raise RuntimeError(f"a bug within {words}")


def test_no_secret_is_anywhere(shop, heap, monkeypatch):
    """stdout, stderr, logs at DEBUG, plan files, database, its log and tracebacks of a whole life: no form of a secret."""
    assert heap.run("plan", "--out", "plan.json", "--json-into", "copy.json") == 0
    for format_ in ("json", "markdown"):
        heap.run("plan", "--format", format_)
    assert heap.run("apply", "plan.json") == 0
    (first,) = shop.endpoints
    secrets = secrets_of(shop)
    turn_daemon(shop, heap)
    shop.endpoint()["api_version"] = "2020-08-27"
    heap.run("plan", "--format", "json", "--out", "again.json")
    heap.run("drift", "--format", "json")
    assert heap.run("apply", "--auto-approve", "--format", "json") == 0
    assert first not in shop.endpoints
    for command in (["status"], ["history"], ["show", f"webhook_endpoint.{NAME}"], ["doctor"], ["apply", "plan.json"]):
        heap.run(*command)
    shop.transport.before = fail
    assert heap.run("plan") != 0
    shop.transport.before = None
    monkeypatch.setattr(codec, "to_json", fail)
    assert heap.run("plan", "--accept-account", ACCOUNT) == 70
    assert b"Traceback" in heap.seen[f"plan --accept-account {ACCOUNT}: stderr"]
    secrets |= secrets_of(shop)
    assert len(secrets) == 4  # two keys, two endpoints
    assert {"daemon: flexpay-state.db", "daemon: flexpay-state.db-wal"} <= heap.seen.keys()
    assert found_in(heap.seen, secrets) == []


def test_the_search_finds_what_it_looks_for(shop, heap):
    """Each secret, written into any of the places, is found: the search is not blind."""
    heap.run("apply", "--auto-approve")
    for secret in secrets_of(shop):
        for shape in (secret, f"Bearer {secret}", secret.encode().hex(), secret.rpartition("_")[2]):
            with contextlib.suppress(FileNotFoundError):
                Path("planted.log").unlink()
            Path("planted.log").write_text(f"words {shape} words", encoding="utf-8")
            logging.getLogger("flexpay").debug("using %s", shape)
            heap.look("planted")
            places = {place for place, _ in found_in(heap.seen, {secret})}
            assert {"planted: planted.log", "planted: log"} <= places


def test_neither_is_the_secret_of_an_endpoint_that_is_adopted(shop, heap, tmp_path_factory):
    """Import, plan, adoption, a daemon's turn and everything told afterwards: the secret given is in no form anywhere."""
    by_hand(shop, url=f"https://recovery.{HOOKS}")
    given = tmp_path_factory.mktemp("elsewhere") / "whsec"
    given.write_text(shop.secret_at_stripe("we_theirs"), encoding="utf-8")
    Path("flexpay.yaml").unlink()
    references = ("--primary", "env:PRIMARY", "--fallback", "env:FALLBACK", "--account", ACCOUNT, "--name", NAME)
    assert heap.run("import", *references, "--url", f"https://recovery.{HOOKS}") == 0
    text = Path("flexpay.yaml").read_text(encoding="utf-8")
    Path("flexpay.yaml").write_text(
        text.replace("{env: ACME_US_SANDBOX_SIGNING_SECRET}", f"{{file: {given}}}"), encoding="utf-8"
    )
    assert heap.run("plan", "--out", "plan.json", "--accept-account", ACCOUNT) == 0
    assert heap.run("apply", "plan.json") == 0
    assert list(shop.endpoints) == ["we_theirs"]
    turn_daemon(shop, heap)
    for command in (["status"], ["doctor"], ["history"], ["show", f"webhook_endpoint.{NAME}"], ["plan"]):
        heap.run(*command)
    given.write_text("no secret " + shop.secret_at_stripe("we_theirs"), encoding="utf-8")
    by_hand(shop, "we_more", url=f"https://recovery.{HOOKS}")
    shop.delete_in_dashboard("we_theirs")
    assert heap.run("plan") == 4
    assert found_in(heap.seen, secrets_of(shop)) == []
