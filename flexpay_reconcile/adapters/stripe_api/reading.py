"""What the reading gateways share: an object or None, all pages of a list, and the mode check of every object.

Raises TryLater and OperatorError as the reading ports say; interprets no field but `livemode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import Answer, StripeCaller
from flexpay_reconcile.adapters.stripe_api.faults import FaultKind, raised
from flexpay_reconcile.errors import OperatorError, TryLater

T = TypeVar("T")
PAGE = 100
MAX_PAGES = 2_000


def read_one(caller: StripeCaller, template: str, object_id: str) -> dict[str, Any] | None:
    """One object, or None on 404. TryLater for an answer about another one: nobody may be judged by it."""
    answer = caller.call("GET", template, object_id)
    if answer.fault is not None and answer.fault.kind is FaultKind.MISSING:
        return None
    data = data_of(answer, f"GET {template}")
    if data.get("id") != object_id:
        raise TryLater(f"the answer to GET {template} is about another object", code="E-stripe-answer")
    check_mode(caller, data)
    return data


def read_all(caller: StripeCaller, path: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of a list, page by page, newest first. Nothing where Stripe does not know what it is a list of."""
    after: str | None = None
    for _ in range(MAX_PAGES):
        page = {**params, "limit": PAGE}
        if after is not None:
            page["starting_after"] = after
        answer = caller.call("GET", path, params=page)
        if answer.fault is not None and _unknown_parent(answer):
            return
        data = data_of(answer, f"GET {path}")
        try:
            rows = fields.rows(data)
            for row in rows:
                check_mode(caller, row)
            yield from rows
            if data.get("has_more") is not True:
                return
            last = fields.text(rows[-1], "id") if rows else None
        except fields.BadAnswer as bad:
            raise TryLater(str(bad), code="E-stripe-answer") from None
        if last is None or last == after:
            raise TryLater(f"the pages of {path} do not end", code="E-stripe-answer")
        after = last
    raise TryLater(f"{path} has more than {MAX_PAGES} pages", code="E-stripe-answer")


def data_of(answer: Answer, what: str) -> dict[str, Any]:
    """The object of an answer, or the error its fault is for a read."""
    if answer.fault is not None:
        raise raised(answer.fault, answer.key_alias, what)
    return answer.data


def understood(translate: Callable[[], T]) -> T:
    """The translation; TryLater where the object is not as documented, so that no loop stumbles over it."""
    try:
        return translate()
    except fields.BadAnswer as bad:
        raise TryLater(str(bad), code="E-stripe-answer") from None


def check_mode(caller: StripeCaller, data: dict[str, Any]) -> None:
    """OperatorError when an object is of the other mode than the integration (invariant A16)."""
    livemode = data.get("livemode")
    if isinstance(livemode, bool) and livemode is not caller.livemode:
        mode = caller.integration.environment.value
        raise OperatorError(
            f"{data.get('id')} has livemode={str(livemode).lower()}, and {caller.integration.id} is {mode}",
            code="E-livemode",
            hint="a key of the other environment is behind the manifest's reference",
        )


def _unknown_parent(answer: Answer) -> bool:
    """Whether a list was refused because the object it belongs to does not exist for this key."""
    fault = answer.fault
    if fault is None:
        return False
    return fault.kind is FaultKind.MISSING or (fault.kind is FaultKind.REFUSED and fault.code == "resource_missing")
