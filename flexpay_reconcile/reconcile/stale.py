"""Whether a saved plan is still the plan: compares its public JSON with a fresh one. Decides nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flexpay_reconcile.reconcile.key_pairs import IDENTITY


def accepted_accounts(saved: Mapping[str, Any]) -> frozenset[str]:
    """The accounts a person accepted when the saved plan was made."""
    accounts = saved["binds"].get("accounts", {}).values()
    return frozenset(str(each["account"]) for each in accounts if each.get("identity") == "accepted")


def accepted_impacts(saved: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person accepted of the impact when the saved plan was made, as `NAME=REASON`."""
    return tuple(f"{each['id']}={each['accepted']}" for each in saved.get("guards", ()) if each.get("accepted"))


def differences(saved: Mapping[str, Any], fresh: Mapping[str, Any]) -> tuple[str, ...]:
    """What moved since the plan was saved, in words; empty when it may be applied as it is."""
    return tuple(_differences(saved, fresh))


def _differences(saved: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[str]:
    if saved["binds"].get("manifest_digest") != fresh["binds"]["manifest_digest"]:
        yield "the manifest is not the one the plan was made from"
    if saved["binds"].get("overlay") != fresh["binds"]["overlay"]:
        yield f"it was made with the overlay {saved['binds'].get('overlay') or 'none'}"
    yield from _state(saved["binds"].get("state"), fresh["binds"]["state"])
    if _accounts(saved) != _accounts(fresh):
        yield "it was made for other accounts"
    before, now = _changes(saved), _changes(fresh)
    for place in sorted(before.keys() | now.keys()):
        if before.get(place) != now.get(place):
            address, deposed = place
            yield f"{address}{f' ({deposed})' if deposed else ''} moved"


def _state(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Iterator[str]:
    if before is None:
        if now is not None and now["serial"] != 0:
            yield "it was made without a state, and now there is one with content"
    elif now is None or before.get("lineage") != now["lineage"]:
        yield "it was made on another state"
    elif before.get("serial") != now["serial"]:
        yield f"the state was written since (it was at {before.get('serial')}, now at {now['serial']})"


def _accounts(document: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    accounts = document["binds"].get("accounts", {})
    return {name: (each.get("account"), each.get("livemode")) for name, each in accounts.items()}


def _changes(document: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By address: what is compared of a change. Neither where the manifest says it nor how an account became known."""
    found = {}
    for each in document["resource_changes"]:
        change = dict(each.get("change", {}))
        change["after"] = _without_identity(change.get("after"))
        fields = [field for field in each.get("fields", []) if field.get("path") != IDENTITY]
        rest = {key: value for key, value in each.items() if key != "source"}
        found[str(each.get("address")), str(each.get("deposed") or "")] = {**rest, "change": change, "fields": fields}
    return found


def _without_identity(attributes: Any) -> Any:
    return {k: v for k, v in attributes.items() if k != IDENTITY} if isinstance(attributes, dict) else attributes
