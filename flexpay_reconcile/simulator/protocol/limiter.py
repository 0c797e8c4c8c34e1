"""Rate limits: token buckets over virtual time, for an account as a whole and for each endpoint.

Stripe's figures (docs.stripe.com/rate-limits, 2026): live 100 requests a second, sandbox 25; 25 a second for each
endpoint ("each named operation is one endpoint"); a subscription gets at most 10 new invoices a minute and 20 a day; a
PaymentIntent 1,000 updates an hour. How many requests may run at once is not published: 20 is the figure of Stripe's
engineering blog (2017) and stands for both concurrency limits here.

Counted is every request with a valid key, refused ones too, for the account it acts on: that limits are an account's
and mode's own, and not a key's, is documented; that a platform's requests count for the connected account is inferred.
The limiter comes before permissions, idempotency and parameters, so a refused request was surely not executed.

Off unless switched on: in process virtual time stands still, and thousands of calls may fall on one instant. May not
know any resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flexpay_reconcile.simulator.protocol.refusals import Refusal

REASONS = ("global-rate", "global-concurrency", "endpoint-rate", "endpoint-concurrency", "resource-specific")
LIVE_PER_SECOND, SANDBOX_PER_SECOND, ENDPOINT_PER_SECOND, AT_ONCE = 100, 25, 25, 20
INVOICES_PER_MINUTE, INVOICES_PER_DAY, INTENT_UPDATES_PER_HOUR = 10, 20, 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Requests a second and at once; None is no limit. `resources` switches the limits of single objects on."""

    live: int | None = None
    sandbox: int | None = None
    endpoint: int | None = None
    global_at_once: int | None = None
    endpoint_at_once: int | None = None
    resources: bool = False


NO_LIMITS = Limits()
STRIPE_LIMITS = Limits(
    live=LIVE_PER_SECOND,
    sandbox=SANDBOX_PER_SECOND,
    endpoint=ENDPOINT_PER_SECOND,
    global_at_once=AT_ONCE,
    endpoint_at_once=AT_ONCE,
    resources=True,
)


def rate_limited(reason: str) -> Refusal:
    """Stripe's 429 of the limiter, which names its reason in a header (the body's words are inferred in part)."""
    if reason == "resource-specific":
        message = "Request rate limit exceeded for this resource. You can learn more about rate limits here "
    elif reason.endswith("-concurrency"):
        message = "Request concurrency limit exceeded. You can learn more about rate limits here "
    else:
        message = "Request rate limit exceeded. You can learn more about rate limits here "
    return Refusal(
        429,
        message + "https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": reason, "Stripe-Should-Retry": "false"},
    )


@dataclass(slots=True)
class Bucket:
    """A token bucket: full at first, `size` tokens, refilled at `size` tokens in `seconds`."""

    size: int
    at: int
    tokens: float
    seconds: int = 1

    def refill(self, now: int) -> bool:
        """Bring it up to `now`; says whether a token is there."""
        if now > self.at:
            self.tokens = min(self.size, self.tokens + self.size * (now - self.at) / self.seconds)
            self.at = now
        return self.tokens >= 1


@dataclass(slots=True)
class Limiter:
    """The buckets of a world, and the requests that are still being answered (`running`)."""

    limits: Limits = NO_LIMITS
    running: dict[tuple[object, ...], int] = field(default_factory=dict)
    _buckets: dict[tuple[object, ...], Bucket] = field(default_factory=dict)

    def set(self, limits: Limits) -> None:
        """New limits, with full buckets."""
        self.limits = limits
        self._buckets.clear()

    def admit(self, account: tuple[str, bool], endpoint: tuple[object, ...], now: int) -> None:
        """Count a request, or refuse it with 429 (a refused one takes no token)."""
        limits = self.limits
        if limits is NO_LIMITS:
            return
        if self._full(account, limits.global_at_once):
            raise rate_limited("global-concurrency")
        if self._full((*account, *endpoint), limits.endpoint_at_once):
            raise rate_limited("endpoint-concurrency")
        of_account = self._bucket(account, limits.live if account[1] else limits.sandbox, now)
        of_endpoint = self._bucket((*account, *endpoint), limits.endpoint, now)
        if of_account is not None and not of_account.refill(now):
            raise rate_limited("global-rate")
        if of_endpoint is not None and not of_endpoint.refill(now):
            raise rate_limited("endpoint-rate")
        for bucket in (of_account, of_endpoint):
            if bucket is not None:
                bucket.tokens -= 1

    def admit_update(self, account: tuple[str, bool], intent: str, now: int) -> None:
        """Count an update of a PaymentIntent, or refuse it."""
        if not self.limits.resources:
            return
        bucket = self._bucket((*account, intent), INTENT_UPDATES_PER_HOUR, now, _HOUR)
        if bucket is not None:
            if not bucket.refill(now):
                raise rate_limited("resource-specific")
            bucket.tokens -= 1

    def admit_invoice(self, created: list[int], now: int) -> None:
        """Refuse a request that would make one more invoice for a subscription (`created`: its invoices' instants)."""
        if not self.limits.resources:
            return
        if (
            sum(at > now - _MINUTE for at in created) >= INVOICES_PER_MINUTE
            or sum(at > now - _DAY for at in created) >= INVOICES_PER_DAY
        ):
            raise rate_limited("resource-specific")

    def begin(self, account: tuple[str, bool], endpoint: tuple[object, ...]) -> None:
        """A request whose answer is held back: it runs until `end`."""
        for name in (account, (*account, *endpoint)):
            self.running[name] = self.running.get(name, 0) + 1

    def end(self, account: tuple[str, bool], endpoint: tuple[object, ...]) -> None:
        """Its answer has gone out."""
        for name in (account, (*account, *endpoint)):
            self.running[name] -= 1
            if not self.running[name]:
                del self.running[name]

    def _full(self, name: tuple[object, ...], limit: int | None) -> bool:
        return limit is not None and self.running.get(name, 0) >= limit

    def _bucket(self, name: tuple[object, ...], size: int | None, now: int, seconds: int = 1) -> Bucket | None:
        if size is None:
            return None
        found = self._buckets.get(name)
        if found is None:
            found = self._buckets[name] = Bucket(size, now, size, seconds)
        return found


def limits_of(value: object) -> Limits:
    """The limits a scenario or a person names: `stripe`, `off`, or a map; ValueError says what is wrong.

    The map's keys: `global` (both modes), `live`, `sandbox`, `endpoint`, `global_concurrency`, `endpoint_concurrency`
    (whole numbers of at least 1), `resources` (true or false).
    """
    if value == "stripe":
        return STRIPE_LIMITS
    if value == "off":
        return NO_LIMITS
    if not isinstance(value, Mapping):
        raise ValueError("must be stripe, off or a map of limits")  # noqa: TRY004 (a wrong value of a document)
    numbers: dict[str, int | None] = {}
    for name, number in value.items():
        if name == "resources":
            if not isinstance(number, bool):
                raise ValueError("resources must be true or false")
        elif name not in _NUMBERS:
            raise ValueError(f"unknown limit {name!r}")
        elif not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"{name} must be a whole number of at least 1")
        else:
            numbers[name] = number
    both = numbers.get("global")
    return Limits(
        live=numbers.get("live", both),
        sandbox=numbers.get("sandbox", both),
        endpoint=numbers.get("endpoint"),
        global_at_once=numbers.get("global_concurrency"),
        endpoint_at_once=numbers.get("endpoint_concurrency"),
        resources=bool(value.get("resources", False)),
    )


_NUMBERS = ("global", "live", "sandbox", "endpoint", "global_concurrency", "endpoint_concurrency")
