"""The HTTP door on a free loopback port, for tests of what happens on the wire."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flexpay_reconcile.simulator.door.server import make_server
from flexpay_reconcile.simulator.world import World


@contextmanager
def serving(world: World, rebuild: Callable[[], World] | None = None) -> Iterator[int]:
    """The door's port, while it is open."""
    ready = threading.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    server = make_server(world, "127.0.0.1", 0, on_ready, rebuild=rebuild)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def exchange(port: int, data: bytes, *, hang_up: bool = False) -> bytes:
    """Send these bytes, read until the door closes the connection; `hang_up` says at once that no more will come."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """One request over HTTP; (status, document, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        data = None if body is None else json.dumps(body).encode()
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=data, headers=lines)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] == b"{" else text, dict(answer.headers.items())
    finally:
        connection.close()
