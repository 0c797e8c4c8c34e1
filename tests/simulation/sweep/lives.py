"""Short lives of one customer, each with the calls of it that Stripe may answer in another way. Runs nothing.

Together they pass every crash point of the engine: a test holds that, so whoever adds a unit of work adds a life.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.operations import aims
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.resources.events import change
from tests.simulation.regressions import steps
from tests.simulation.sweep.answers import ALL, OF_ANY, OF_READS
from tests.simulation.sweep.orders import SweepFleet

SOON = 0.05
"""Days until the renewal; it is charged an hour later."""
Deed = Callable[[SweepFleet], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The `nth` call of a method and path (fnmatch), and the answers it may get."""

    method: str
    path: str
    nth: int = 1
    answers: tuple[str, ...] = tuple(OF_ANY)

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" ({self.nth})" if self.nth > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Life:
    """`code` refuses the renewal, `times` times. `deeds` happen at these days; `during` wraps the whole life."""

    name: str
    code: str
    calls: tuple[Call, ...]
    times: int | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    customer: dict[str, Any] = field(default_factory=dict)
    deeds: tuple[tuple[float, Deed], ...] = ()
    days: float = 3.0
    late: bool = False
    """The renewal failed two days before anything was applied."""
    first: Deed = lambda fleet: None
    during: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext


def _first_invoice(fleet: SweepFleet) -> None:
    """The renewal's invoice becomes the first one of its subscription."""
    account, _ = control.customer_of(fleet.world, "ada")
    change(fleet.world.sim, account, fleet.invoices("ada")[-1], "invoice.updated", billing_reason="subscription_create")


def _subscription(fleet: SweepFleet, **fields: Any) -> None:
    for name, value in fields.items():
        control.set_field(fleet.world, fleet.subscription("ada")["id"], name, value)


def _pay(fleet: SweepFleet) -> None:
    if fleet.invoices("ada")[-1]["status"] in ("open", "uncollectible"):
        control.pay_elsewhere(fleet.world, "ada", how="out_of_band")


def _card(fleet: SweepFleet) -> None:
    control.replace_card(fleet.world, "ada", "tok_mastercard")


def _unheard_card(fleet: SweepFleet) -> None:
    _card(fleet)
    steps.forget_deliveries(fleet)


def _unheard_payment(fleet: SweepFleet) -> None:
    _pay(fleet)
    steps.forget_deliveries(fleet)


def _give_back(fleet: SweepFleet) -> None:
    control_api.post(fleet.world, "refund", {"customer": "ada"})


def _smart(fleet: SweepFleet) -> None:
    control_api.post(fleet.world, "billing", {"retries": "custom", "rules": "1"})


@contextlib.contextmanager
def _broken_once() -> Any:
    """The first decision about the case breaks an invariant."""
    left, real = [True], aims.aim_for

    def aim_for(case: Any, policy: Any, now: Any) -> Any:
        if left:
            left.clear()
            raise BrokenInvariant("planted")
        return real(case, policy, now)

    with mock.patch.object(aims, "aim_for", aim_for):
        yield


PAY = Call(method="POST", path="/v1/invoices/*/pay", answers=tuple(ALL))
STOP = Call(method="POST", path="/v1/invoices/in_*")
TAG_INVOICE = Call(method="POST", path="/v1/invoices/in_*", nth=3)
MARK = Call(method="POST", path="/v1/invoices/*/mark_uncollectible")
CANCEL = Call(method="DELETE", path="/v1/subscriptions/*")
SUBSCRIPTION = Call(method="POST", path="/v1/subscriptions/*")
READS = tuple(
    Call(method="GET", path=path, nth=nth, answers=OF_READS)
    for path, nth in (
        ("/v1/invoices/in_*", 1),
        ("/v1/invoices/in_*", 4),
        ("/v1/subscriptions/*", 1),
        ("/v1/subscriptions/*", 2),
        ("/v1/customers/*", 1),
        ("/v1/customers/*", 2),
        ("/v1/invoice_payments", 1),
        ("/v1/invoice_payments", 3),
        ("/v1/charges", 1),
        ("/v1/invoices", 1),
    )
)
NONE = Call(method="GET", path="/nowhere", answers=("success",))
LATER = {"action": "cancel_at_period_end"}

LIVES: tuple[Life, ...] = (
    Life(name="soft, then paid", code="insufficient_funds", times=1, calls=(PAY, STOP, *READS)),
    Life(name="given back", code="insufficient_funds", times=1, calls=(NONE,), deeds=((2.0, _give_back),)),
    Life(name="hard", code="lost_card", calls=(CANCEL, MARK, TAG_INVOICE, SUBSCRIPTION)),
    Life(name="the customer must act", code="requires_action", calls=(CANCEL,)),
    Life(
        name="cancelled at the period's end",
        code="lost_card",
        customer={"price": "daily"},
        manifest=LATER,
        calls=(SUBSCRIPTION, MARK, Call(method="POST", path="/v1/subscriptions/*", nth=2)),
    ),
    Life(
        name="scheduled and taken back",
        code="lost_card",
        manifest=LATER,
        deeds=((1.0, _pay),),
        calls=(Call(method="POST", path="/v1/subscriptions/*", nth=2),),
    ),
    Life(
        name="scheduled, and the flag replaced by somebody's date",
        code="lost_card",
        manifest=LATER,
        deeds=(
            (
                0.8,
                lambda fleet: _subscription(fleet, cancel_at_period_end=False, cancel_at=fleet.world.now + 2_000_000),
            ),
            (1.0, _pay),
        ),
        calls=(Call(method="POST", path="/v1/subscriptions/*", nth=2),),
    ),
    Life(
        name="somebody's own cancellation, taken back by them",
        code="lost_card",
        manifest=LATER,
        deeds=(
            (0.06, lambda fleet: _subscription(fleet, cancel_at_period_end=True)),
            (1.0, lambda fleet: _subscription(fleet, cancel_at_period_end=False)),
        ),
        calls=(NONE,),
    ),
    Life(
        name="paid after the end",
        code="lost_card",
        manifest={"invoice": "leave_as_is"},
        deeds=((1.0, _pay),),
        calls=(NONE,),
    ),
    Life(
        name="paid while the delay runs",
        code="lost_card",
        manifest={"delay_days": 1},
        deeds=((0.5, _pay),),
        calls=(NONE, *(Call(method="GET", path="/v1/invoices/in_*", nth=nth, answers=OF_READS) for nth in (3, 4))),
    ),
    Life(
        name="paid, unheard, while the delay runs",
        code="lost_card",
        manifest={"delay_days": 1},
        deeds=((1.05, _unheard_payment),),
        calls=(Call(method="GET", path="/v1/subscriptions/*", nth=2, answers=OF_READS),),
    ),
    Life(name="a new card", code="expired_card", deeds=((0.5, _card),), calls=(PAY,)),
    Life(
        name="a new card, unheard, when the delay is over",
        code="lost_card",
        manifest={"delay_days": 1},
        deeds=((1.05, _unheard_card),),
        calls=(PAY,),
    ),
    Life(
        name="cancelled by somebody",
        code="insufficient_funds",
        deeds=((0.3, lambda fleet: control.cancel_subscription(fleet.world, "ada")),),
        calls=(NONE,),
    ),
    Life(
        name="a first invoice",
        code="insufficient_funds",
        deeds=((0.06, _first_invoice),),
        calls=(NONE,),
    ),
    Life(
        name="Smart Retries left on",
        code="insufficient_funds",
        times=2,
        manifest={"stop": "no"},
        first=_smart,
        calls=(NONE,),
    ),
    Life(name="a code nobody knows", code="a_code_nobody_knows", calls=(NONE,)),
    Life(name="an invariant broken once", code="insufficient_funds", times=1, during=_broken_once, calls=(NONE,)),
    Life(
        name="final actions beyond their budget",
        code="lost_card",
        manifest={"more": "brakes:\n  final_actions: {per_hour: 1, per_day: 200}\n"},
        calls=(NONE,),
    ),
    Life(
        name="taken over",
        code="insufficient_funds",
        times=1,
        manifest={"take_over": True},
        late=True,
        calls=(
            NONE,
            Call(method="GET", path="/v1/invoices", answers=OF_READS),
            Call(method="GET", path="/v1/invoices", nth=2, answers=OF_READS),
        ),
    ),
)
