"""The connection to Stripe: SDK clients per key and power, the pinned version, and what answers say of time.

Sends nothing by itself and never shows a key. Another base address than Stripe's must be this machine's, and no
live key is ever sent there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from email.utils import mktime_tz, parsedate_tz

import stripe
import stripe._util

from flexpay_reconcile import __version__
from flexpay_reconcile.adapters.stripe_api.transport import GuardedTransport, Power, RequestsPerThread
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.config.keys import Environment, facts_of
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.values import url
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret


class StripeConnection:
    """Gives SDK clients. `skew` is Stripe's `Date` minus our clock; `on_skew` hears each."""

    def __init__(
        self, *, clock: Clock, base_url: str | None = None, http_client: stripe.HTTPClient | None = None
    ) -> None:
        """OperatorError when `base_url` is not on this machine. `http_client` replaces the network (in process)."""
        if base_url is not None and not (base_url.startswith(("http://", "https://")) and url.is_loopback(base_url)):
            raise OperatorError(
                f"the Stripe address {base_url} is not on this machine",
                code="E-stripe-api-address",
                hint="--stripe-api is for the simulator: http://127.0.0.1:PORT",
                kind=ErrorKind.USAGE,
            )
        quieten_the_sdk()
        self._clock = clock
        self._base_url = base_url.rstrip("/") if base_url else None
        self._http = http_client or RequestsPerThread(loopback=base_url is not None)
        self._clients: dict[tuple[Power, Secret], stripe.StripeClient] = {}
        self.skew: Span | None = None
        self.on_skew: Callable[[Span], None] | None = None
        self.simulator_clock: Instant | None = None

    def client(self, key: Secret, power: Power) -> stripe.StripeClient:
        """The client that sends with this key what this power allows."""
        found = self._clients.get((power, key))
        if found is not None:
            return found
        facts = facts_of(key)
        if self._base_url is not None and (facts is None or facts.environment is Environment.LIVE):
            raise OperatorError(
                f"a live key may not be sent to {self._base_url}",
                code="E-stripe-api-live-key",
                hint="leave out --stripe-api, or use a sandbox integration",
                kind=ErrorKind.KEY_REFUSED,
            )
        made = stripe.StripeClient(
            key.reveal(),
            stripe_version=API_VERSION,
            base_addresses={"api": self._base_url} if self._base_url else None,
            max_network_retries=0,
            http_client=GuardedTransport(self._http, power, self._observe),
        )
        self._clients[power, key] = made
        return made

    def _observe(self, headers: Mapping[str, str]) -> None:
        """Keep what an answer says of time: the simulator's clock, or the skew of ours."""
        simulated = headers.get("Simulator-Clock") or headers.get("simulator-clock")
        if simulated is not None:
            if simulated.isascii() and simulated.isdigit():
                self.simulator_clock = Instant.from_seconds(int(simulated))
            return
        date = parsedate_tz(headers.get("Date") or headers.get("date") or "")
        if date is not None:
            self.skew = Instant.from_seconds(mktime_tz(date)).since(self._clock.now())
            if self.on_skew is not None:
                self.on_skew(self.skew)


class _OnlyWarnings(logging.Filter):
    """Lets nothing below a warning through: at DEBUG the SDK logs bodies, a new endpoint's signing secret included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass."""
        return record.levelno >= logging.WARNING


_only_warnings = _OnlyWarnings()


def quieten_the_sdk() -> None:
    """Telemetry off (it writes a file into the home directory), logs kept to warnings, our name in the user agent."""
    stripe.enable_telemetry = False
    stripe.log = None
    # STRIPE_LOG=debug prints bodies to stderr, past the logger; the SDK has read the variable when it was imported.
    stripe._util.STRIPE_LOG = None  # noqa: SLF001
    logging.getLogger("stripe").addFilter(_only_warnings)
    stripe.set_app_info("flexpay-reconcile", version=__version__)
