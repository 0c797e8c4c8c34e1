"""Connect: accounts join a platform, leave it, and are restricted. What the platform may read is `accounts`' business.

Who may act for whom is decided in `requests` by `Account.platform`; `Simulation.deauthorized` remembers who left.
Facts: docs.stripe.com/connect/webhooks (`account.application.deauthorized` is told to the platform alone,
`account.updated` to both). May not answer requests.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import accounts
from flexpay_reconcile.simulator.resources.events import change, emit_to_platform
from flexpay_reconcile.simulator.state import Account, Simulation


def join(sim: Simulation, account: str, platform: str) -> None:
    """Connect an account, in every mode it has; ValueError when it is its own platform or connected elsewhere."""
    modes = _modes(sim, account)
    if account == platform:
        raise ValueError("an account cannot be its own platform")
    if not modes:
        raise ValueError(f"no account {account!r}")
    if any(each.platform not in (None, platform) for each in modes):
        raise ValueError(f"{account} is connected to {modes[0].platform} already")
    for each in modes:
        each.platform = platform
        each.table("account").remove(each.id)  # what is shown of it changes; it is made anew
    sim.deauthorized.discard(account)


def deauthorize(sim: Simulation, account: str) -> str:
    """An account's owner removes the platform's application; its id. ValueError when there is none."""
    modes = [each for each in _modes(sim, account) if each.platform is not None]
    if not modes:
        raise ValueError(f"{account!r} is not connected to a platform")
    platform = str(modes[0].platform)
    for each in modes:
        owner = sim.account(platform, each.livemode)
        emit_to_platform(sim, each, "account.application.deauthorized", accounts.application_of(owner))
    for each in modes:
        each.platform = None
    sim.deauthorized.add(account)
    return platform


def restrict(sim: Simulation, account: Account, reason: str | None) -> None:
    """Stripe disables charges and payouts of an account (None: enables them again) and reports account.updated.

    Only what the account object says: charges of a restricted account are not refused here.
    """
    row = accounts.row(sim, account)
    enabled = reason is None
    values: dict[str, object] = {"charges_enabled": enabled, "payouts_enabled": enabled}
    if "requirements" in row:
        values["requirements"] = accounts.requirements(reason)
        values["capabilities"] = dict.fromkeys(row["capabilities"], "active" if enabled else "inactive")
    change(sim, account, row, "account.updated", **values)


def _modes(sim: Simulation, account: str) -> list[Account]:
    return [each for each in sim.accounts.values() if each.id == account]
