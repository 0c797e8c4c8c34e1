"""Where the state is: a path, or a control door's address with the reference of its token. Text, and opens nothing."""

from __future__ import annotations

from flexpay_reconcile.values.secret import SecretRef, SecretSource

DEFAULT_TOKEN = SecretRef(source=SecretSource.ENV, name="FLEXPAY_CONTROL_TOKEN")
"""Where the token of a control door is looked for when nothing else is named."""


class StateAddress(str):
    """What `--state` was given. `token` is a reference, never a token."""

    __slots__ = ("token",)
    token: SecretRef

    @classmethod
    def of(cls, text: str, token: SecretRef | None) -> StateAddress:
        """The address with a token's reference."""
        made = cls(text)
        made.token = token or DEFAULT_TOKEN
        return made


def is_door(text: str) -> bool:
    """Whether `--state` names a control door and no file."""
    return text.lower().startswith(("https://", "http://"))
