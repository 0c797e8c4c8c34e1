"""A bound listening socket, or one clear error: the servers are handed it, so that nothing is promised too early.

Serves nothing itself.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

import click

from flexpay_reconcile.errors import OperatorError

_BACKLOG = 256
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; port 0 asks for any free one."""

    host: str
    port: int

    def text(self) -> str:
        """`127.0.0.1:8787`, `[::1]:8787`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class AddressType(click.ParamType):  # type: ignore[type-arg]  # not generic in every click we allow
    """`HOST:PORT`, `[IPv6]:PORT`."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """The address, or a usage error."""
        if isinstance(value, Address):
            return value
        host, colon, port = str(value).rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            self.fail(f"{value!r}: an IPv6 address stands in brackets, as in [::1]:8787", param, ctx)
        if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > _HIGHEST_PORT:
            self.fail(f"{value!r} is no HOST:PORT such as 127.0.0.1:8787", param, ctx)
        return Address(host=host, port=int(port))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; OperatorError where the address is taken, unknown or not allowed."""
    address = Address(host=host, port=port)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol: asyncio sets TCP_NODELAY only where it is told TCP, and each answer would wait for 40 ms.
        bound = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise _refused(address, problem) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(_BACKLOG)
    except OSError as problem:
        bound.close()
        raise _refused(address, problem) from None
    bound.set_inheritable(True)
    return bound


def _refused(address: Address, problem: OSError) -> OperatorError:
    return OperatorError(
        f"cannot listen on {address.text()}: {problem.strerror or problem}",
        code="E-listen",
        hint="another process may hold the port; name another one",
    )
