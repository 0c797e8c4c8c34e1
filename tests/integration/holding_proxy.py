"""A loopback proxy that can hold one kind of request in flight: before it is handed on, or after it was answered.

Between the daemon and the simulator it stands for the network at its worst moment. It changes no byte.
"""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class HoldingProxy:
    """Hands everything on to `target`. `hold` is `before`, `after` or empty; `held` is set when a request is held."""

    def __init__(self, target: str, *, hold: str) -> None:
        self.hold = hold
        self.held = threading.Event()
        self.let_go = threading.Event()
        self._target = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.pass_on(self)

            do_POST = do_DELETE = do_GET  # noqa: N815 - the base class asks for these names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Let go of what is held, and stop."""
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Hand one request on and its answer back, holding a payment where that was asked for."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        paying = request.command == "POST" and request.path.endswith("/pay")
        if paying and self.hold == "before":
            self._hold(request)
            return
        status, headers, answer = self._ask(request, body)
        if paying and self.hold == "after":
            self._hold(request)
            return
        try:
            request.send_response(status)
            for name, value in headers:
                if name.lower() not in _HOP:
                    request.send_header(name, value)
            request.send_header("Content-Length", str(len(answer)))
            request.end_headers()
            request.wfile.write(answer)
        except OSError:
            request.close_connection = True  # whoever asked is gone

    def _hold(self, request: BaseHTTPRequestHandler) -> None:
        """Never answer: the caller waits until it is killed."""
        self.held.set()
        self.let_go.wait(120)
        request.close_connection = True

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
            connection.request(request.command, request.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()
