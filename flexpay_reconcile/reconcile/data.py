"""The package data of this room: the plan's schema. The only module here that reads a file, and only that one, once."""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any


@functools.cache
def plan_schema() -> dict[str, Any]:
    """The draft-07 schema of a plan's public JSON, as published in `schemas/`."""
    text = importlib.resources.files(__package__).joinpath("plan.v1.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
