"""Addresses and bound sockets: what is refused, and how."""

from __future__ import annotations

import socket

import click
import pytest

from flexpay_reconcile.cli._listening import Address, AddressType, bind
from flexpay_reconcile.errors import OperatorError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8787", "127.0.0.1", 8787), ("localhost:0", "localhost", 0), ("[::1]:80", "::1", 80)],
)
def test_addresses_are_read_and_written_alike(text, host, port):
    """Host and port, IPv6 in brackets; the text form gives the same back."""
    address = AddressType().convert(text, None, None)
    assert address == Address(host=host, port=port)
    assert address.text() == text


@pytest.mark.parametrize("text", ["8787", "host", "host:", ":80", "host:65536", "host:-1", "::1:80", "host:8o", "h:٣"])
def test_what_is_no_address_is_wrong_usage(text):
    """A clear word instead of a traceback from the socket."""
    with pytest.raises(click.UsageError):
        AddressType().convert(text, None, None)


def test_a_port_in_use_is_one_clear_error():
    """The second to ask for a port is told so, with a stable code."""
    with bind("127.0.0.1", 0) as first, pytest.raises(OperatorError, match="cannot listen") as refused:
        bind("127.0.0.1", first.getsockname()[1])
    assert refused.value.code == "E-listen"


def test_a_host_that_is_not_ours_is_refused():
    """An address of no interface here cannot be listened on."""
    with pytest.raises(OperatorError, match="cannot listen"):
        bind("192.0.2.1", 0)


def test_a_bound_socket_knows_that_it_speaks_tcp():
    """Without the protocol asyncio leaves Nagle's algorithm on, and every answer waits 40 ms."""
    with bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP
