"""Deliveries on their way: which one is due, signed for its endpoint, what goes wrong with it, what its answer means.

Facts: docs.stripe.com/webhooks (2026). May not open a socket: the doors send what is taken here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flexpay_reconcile.simulator import delivery_bodies
from flexpay_reconcile.simulator.protocol.delivery_faults import Kind
from flexpay_reconcile.simulator.protocol.webhooks import Delivery, next_try
from flexpay_reconcile.simulator.resources import events, recipients
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

DASHBOARD_DAYS = 15
CLI_DAYS = 30
_DAY = 86_400
_AT_ONCE = frozenset({Kind.LOST, Kind.DUPLICATED, Kind.TWIN, Kind.DELAYED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery ready to be sent: where to, with which headers and body. `fault` says what is false about it."""

    delivery: Delivery
    url: str
    headers: dict[str, str]
    body: bytes
    fault: str | None = None


def waiting(sim: Simulation) -> list[dict[str, Any]]:
    """The deliveries that wait for their instant, the earliest first, in words of JSON."""
    found = []
    for delivery in sim.outbox.waiting():
        owner = sim.accounts[delivery.owner or delivery.account]
        endpoint = owner.find("webhook_endpoint", delivery.endpoint)
        event = sim.accounts[delivery.account].find("event", delivery.event)
        found.append(
            {
                "at": delivery.at,
                "account": delivery.account[0],
                "event": delivery.event,
                "type": None if event is None else event["type"],
                "endpoint": delivery.endpoint,
                "url": None if endpoint is None else endpoint["url"],
                "failed_tries": delivery.tries,
            }
        )
    return found


def take(sim: Simulation) -> Parcel | None:
    """The next delivery due now, signed with the virtual clock; None when there is none."""
    while (delivery := sim.outbox.take(sim.wall)) is not None:
        account = sim.accounts[delivery.account]
        owner = account if delivery.owner is None else sim.accounts[delivery.owner]
        endpoint = owner.find("webhook_endpoint", delivery.endpoint)
        event = account.find("event", delivery.event)
        # A retry that comes due while its endpoint is disabled or deleted is dropped: the event stays undelivered.
        if endpoint is None or event is None or endpoint["status"] != "enabled":
            recipients.release(account, delivery.event, delivery.endpoint)
            continue
        if not delivery.met:
            met = _decided(sim, account, delivery, event, endpoint)
            if met is None:
                continue
            delivery = met
        if delivery.fault == Kind.MISSED:
            _failed(sim, account, delivery)
            continue
        return _parcel(sim, owner, delivery, event, endpoint)
    return None


def _decided(sim: Simulation, account: Account, delivery: Delivery, event: Obj, endpoint: Obj) -> Delivery | None:
    """The delivery with its faults decided; None when it does not go out now."""
    fate = sim.delivery_faults.meet(event["type"], event["id"], endpoint["id"], endpoint["url"])
    if fate is None:
        return delivery
    delivery = replace(delivery, met=True)
    later = sim.wall + fate.seconds
    if fate.kind is Kind.LOST:
        recipients.release(account, delivery.event, delivery.endpoint)
        return None
    if fate.kind is Kind.DELAYED:
        sim.outbox.add(replace(delivery, at=later))
        return None
    if fate.kind is Kind.DUPLICATED:
        sim.outbox.add(replace(delivery, at=later, manual=True))
    if fate.kind is Kind.TWIN:
        events.twin(sim, account, event, {delivery.endpoint: delivery.owner or account.key}, later=fate.seconds)
    return delivery if fate.kind in _AT_ONCE else replace(delivery, fault=str(fate.kind))


def _parcel(sim: Simulation, owner: Account, delivery: Delivery, event: Obj, endpoint: Obj) -> Parcel:
    now = sim.wall
    body, signature = delivery_bodies.made(
        event,
        secrets_of(owner, endpoint["id"], now),
        now,
        version=endpoint["api_version"],
        account=delivery.account[0] if endpoint["id"] in owner.hooks.connect else None,
        fault=delivery.fault,
    )
    return Parcel(
        delivery=delivery,
        url=endpoint["url"],
        body=body,
        fault=delivery.fault,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (simulator)",
            "Stripe-Signature": signature,
            "Simulator-Clock": str(now),
        },
    )


def secrets_of(owner: Account, endpoint: str, now: int) -> list[str]:
    """The active signing secrets of an endpoint, the newest first."""
    old = owner.hooks.old_secrets.get(endpoint)
    if old is None:
        return [owner.secrets[endpoint]]
    living = [(secret, until) for secret, until in old if until > now]
    if living:
        owner.hooks.old_secrets[endpoint] = living
    else:
        del owner.hooks.old_secrets[endpoint]
    return [owner.secrets[endpoint], *(secret for secret, _ in reversed(living))]


def done(sim: Simulation, parcel: Parcel, status: int | None) -> bool:
    """Record the answer to a delivery (None: no answer). Says whether the endpoint answered 2xx.

    Only that counts: redirects and everything else are failures, and so is an answer that came too late (`slow`).
    """
    account = sim.accounts[parcel.delivery.account]
    accepted = status is not None and 200 <= status < 300
    if not accepted or parcel.fault == Kind.SLOW:
        _failed(sim, account, parcel.delivery)
        return accepted
    event = account.find("event", parcel.delivery.event)
    if event is not None:
        recipients.reached(sim, account, event, parcel.delivery.endpoint)
    return True


def _failed(sim: Simulation, account: Account, delivery: Delivery) -> None:
    again = next_try(delivery, sim.wall)
    if again is not None:
        sim.outbox.add(again)
    elif not delivery.manual:
        recipients.release(account, delivery.event, delivery.endpoint)


def resend(sim: Simulation, account: Account, event: Obj, *, days: int, endpoint: str | None = None) -> int:
    """A person sends an event again, to the given endpoint or to all that want it; how many deliveries that makes.

    ValueError when it is older than `days`. Automatic retries go on beside it; the manual try itself is not repeated.
    """
    now = sim.wall
    if event["created"] + days * _DAY < now:
        raise ValueError(f"the event is older than {days} days")
    wanted = recipients.of(sim, account, event["type"])
    chosen = wanted if endpoint is None else {id_: owner for id_, owner in wanted.items() if id_ == endpoint}
    _send_again(sim, account, event["id"], list(chosen.items()))
    return len(chosen)


def resend_failed(sim: Simulation, account: Account, *, days: int) -> int:
    """Send every event not older than `days` again to the enabled endpoints that never took it; how many that makes."""
    oldest, made = sim.wall - days * _DAY, 0
    for id_, endpoints in account.hooks.waiting.items():
        event = account.find("event", id_)
        if event is None or event["created"] < oldest:
            continue
        enabled = recipients.of(sim, account, event["type"])
        chosen = [(endpoint, owner) for endpoint, owner in endpoints.items() if endpoint in enabled]
        _send_again(sim, account, id_, chosen)
        made += len(chosen)
    return made


def _send_again(sim: Simulation, account: Account, event: str, endpoints: list[tuple[str, tuple[str, bool]]]) -> None:
    now = sim.wall
    for endpoint, owner in endpoints:
        sim.outbox.add(
            Delivery(
                at=now,
                account=account.key,
                endpoint=endpoint,
                event=event,
                first_at=now,
                owner=None if owner == account.key else owner,
                manual=True,
            )
        )
