"""URLs: their parts, and whether they stay on this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.values.url import Url, is_loopback, parse


def test_parts():
    """Scheme and host in lower case, the path as written, no port."""
    assert parse("HTTPS://Recovery.Acme.example:8443/Webhooks/a?b=c#d") == Url(
        scheme="https", host="recovery.acme.example", path="/Webhooks/a", has_credentials=False
    )


@pytest.mark.parametrize(
    "text", ["https://user@acme.example/", "https://user:pw@acme.example/", "https://:@acme.example/"]
)
def test_credentials_are_seen(text):
    """A user name or a password in a URL is seen."""
    url = parse(text)
    assert url is not None
    assert url.has_credentials


@pytest.mark.parametrize(
    "text",
    [
        "", "acme.example", "//acme.example", "https://", "https:///path", "mailto:a@acme.example", "javascript:alert(1)",
        "https://acme.example:99999/", "https://acme.example:x/", "https://[::1", "https://a b.example/",
        "https://acme.example/\n", " https://acme.example/", "https://acme.example/\x00", "\x01https://acme.example/",
        "https://evil.example\\@127.0.0.1/", "https://evil.example\\.acme.example/", "http://ex\u2100mple.com/",
    ],
)  # fmt: skip
def test_texts_that_are_no_absolute_urls(text):
    """No scheme, no host, a bad port, white space, control characters, a backslash that readers read differently."""
    assert parse(text) is None
    assert not is_loopback(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:4242", "http://LOCALHOST/", "http://127.0.0.1:4242", "http://127.9.9.9/", "http://[::1]:4242/",
        "https://localhost/v1",
    ],
)  # fmt: skip
def test_loopback(text):
    """Localhost and the loopback addresses are this machine."""
    assert is_loopback(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.stripe.com", "http://0.0.0.0:4242", "http://localhost.acme.example", "http://127.0.0.1.acme.example",
        "http://128.0.0.1/", "http://[::2]/", "http://127.1/", "http://2130706433/", "localhost:4242",
        "http://localhost@acme.example/", "http://acme.example/127.0.0.1", "http://acme.example#@127.0.0.1",
    ],
)  # fmt: skip
def test_not_loopback(text):
    """Everything else is not, however much it looks like it."""
    assert not is_loopback(text)


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    """No text makes the parser fail."""
    parse(text)
    parse("http://" + text)
    is_loopback("http://" + text + "/")
