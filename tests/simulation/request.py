"""One call to Stripe, as the rig saw it leave and come back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import stripe

from flexpay_reconcile.errors import FlexpayError


class HookFailed(BaseException):
    """An instrument of the rig has a fault of its own. The product would take it for an answer that never came."""


@contextlib.contextmanager
def instruments() -> Iterator[None]:
    """Faults that hooks play pass; what they never meant to raise must not be taken for one."""
    try:
        yield
    except (stripe.StripeError, FlexpayError):
        raise
    except Exception as bug:
        raise HookFailed(repr(bug)) from bug


@dataclasses.dataclass(slots=True, kw_only=True)
class Request:
    """One call to Stripe as it was sent; `status` and `body` are None when none came back, `account` where none was named."""

    at: int
    method: str
    path: str
    form: str
    key: str | None
    secret: str
    account: str | None = None
    status: int | None = None
    body: str | None = None
    unexecuted: bool = False
    """Surely not executed: no connection was made, or the answer was 401, 403 or 429."""
    _read: dict[str, Any] | None = None

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """What the query and the form said."""
        return tuple(parse_qsl(self.form))

    @property
    def answer(self) -> dict[str, Any] | None:
        """The answer, read when somebody asks first: few do, and a campaign sends a thousand requests a seed."""
        if self._read is None and self.body is not None:
            with contextlib.suppress(ValueError):
                self._read = json.loads(self.body)
        return self._read

    def forget(self) -> None:
        """Drop the answer: nobody will ask."""
        self.body = self._read = None

    @property
    def is_pay(self) -> bool:
        """Whether it can move money."""
        return self.method == "POST" and self.path.endswith("/pay")

    @property
    def object_id(self) -> str:
        """The id in the path."""
        return self.path.split("/")[3]
