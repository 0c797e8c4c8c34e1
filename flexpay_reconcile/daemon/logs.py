"""Structured JSON logs with a redactor. The only place of the daemon that configures logging."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable

from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.values import card_number
from flexpay_reconcile.values.instant import Instant

_SECRETS = re.compile(r"((?:sk|rk)_(?:live|test|org)_|whsec_)[A-Za-z0-9_+/=-]+")
"""Without a word boundary before it: in a JSON line a key may follow an escape such as `\\n`."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LIBRARIES = ("stripe", "apscheduler", "urllib3", "uvicorn.access", "uvicorn.error")


def redact(text: str) -> str:
    """The text with anything shaped like a Stripe key or signing secret masked, and card numbers."""
    return card_number.masked(_SECRETS.sub(r"\1***", text))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (of the engine's clock), level, message, and what was given as extra."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        """`now` is the engine's clock, which may be virtual."""
        super().__init__()
        self._now = now
        self._last = ""

    def _stamp(self) -> str:
        """The present; the last one known where the clock cannot be asked, which must not cost the line."""
        with contextlib.suppress(FlexpayError):
            self._last = self._now().text()
        return self._last

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": self._stamp(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {key: str(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False))


def configure(now: Callable[[], Instant], level: str = "INFO") -> None:
    """Send everything to stderr as JSON; libraries that log bodies or keys at DEBUG are kept above it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(now))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
