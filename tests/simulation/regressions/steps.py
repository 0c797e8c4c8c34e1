"""What the regression tests do to a rig again and again. Holds no test and knows no operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.instant import Span
from tests.simulation import worlds
from tests.simulation.rig import Rig

HOUR = Span.of(hours=1)
PAY = "/v1/invoices/*/pay"
CANCEL = "/v1/subscriptions/*"
Answer = tuple[Any, int, Mapping[str, str]]
Send = Callable[..., Answer]


def failing(code: str = "insufficient_funds", times: int | None = 1, **manifest: Any) -> Rig:
    """Ada's renewal was declined so many times, and her case is open."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest(**manifest))
    rig.decline("ada", code, times)
    until(rig, lambda: bool(rig.cases()))
    return rig


def until(rig: Rig, what: Callable[[], bool], *, days: int = 60, every: Span = HOUR) -> None:
    """Live until it is so; AssertionError when it is not so after all these days."""
    end = rig.now.plus(Span.of(days=days))
    while not what():
        assert rig.now < end, "it never came to that"
        rig.live(every.ms / 86_400_000)


def until_tried(rig: Rig) -> None:
    """Live until the planned attempt of Ada's case has been made, and not a second longer."""
    due = rig.case("ada").next_attempt_at
    assert due is not None
    rig.run_until(due.plus(Span.of(seconds=1)))
    assert rig.pays()


def until_state(rig: Rig, state: CaseState, **limits: Any) -> None:
    """Live until Ada's case is in that state."""
    until(rig, lambda: rig.case("ada").state is state, **limits)


def down(rig: Rig, span: Span) -> None:
    """Nobody works nor listens for so long, and Stripe has given up on what it could not deliver; then a new process."""
    rig.rest(span)
    forget_deliveries(rig)
    rig.restart()


def forget_deliveries(rig: Rig) -> None:
    """Stripe gives up on every delivery it has not made yet."""
    rig.world.sim.outbox = type(rig.world.sim.outbox)()


def deaf(rig: Rig) -> None:
    """From now on no webhook arrives."""
    rig.post = lambda _url, _headers, _body: 503


def between(rig: Rig, wrap: Callable[[Send, str, str], Callable[[], Answer]]) -> None:
    """Put something between the product and Stripe: `wrap` is given what sends, method and address."""
    inner = rig.transport.request

    def request(method: str, url: str, headers: Any, post_data: Any = None, **named: Any) -> Answer:
        def send(read: str | None = None) -> Answer:
            """The request itself, or a read of that address in its place."""
            return inner(method, url, headers, post_data, **named) if read is None else inner("GET", read, headers)

        return wrap(send, method.upper(), url)()

    rig.transport.request = request  # type: ignore[method-assign]


def states(rig: Rig) -> list[AttemptState]:
    """The states of the attempts of Ada's only case."""
    return [each.state for each in rig.attempts(rig.case("ada"))]


def journal(rig: Rig) -> str:
    """The whole story of Ada's case, for a message."""
    return "\n".join(f"{each.entry.at.short_text()} {each.entry.text}" for each in rig.story(rig.case("ada")))


def cancellations(rig: Rig) -> int:
    """How many calls to cancel a subscription were sent."""
    return sum(each.method == "DELETE" for each in rig.requests)
