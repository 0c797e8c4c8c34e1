"""Keys that change behind their references while the daemon runs."""

from __future__ import annotations

import dataclasses

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps

ENVS = ("SIM_PRIMARY", "SIM_FALLBACK")


@pytest.mark.usefixtures("two_accounts")
def test_a_rotation_to_another_account_under_a_running_daemon_reads_nothing_there():
    """Both keys are revoked and the references lead to another account's: parked, no case of that account is opened."""
    rig = steps.failing()
    rig.parts.gateways.seal()
    own = {env: rig.environ[env] for env in ENVS}
    for env in ENVS:
        rig.set_key(env, revoked=True)
    rig.environ.update({env: rig.environ[f"OTHER_{env}"] for env in ENVS})
    control.decline(rig.world, "other-ada", "insufficient_funds")
    rig.requests.clear()
    rig.live(5)
    foreign = [each for each in rig.requests if each.secret == rig.environ["SIM_PRIMARY"]]
    assert foreign, "the new key was never tried"
    assert {each.path for each in foreign} == {"/v1/account"}
    assert [each.account for each in rig.cases()] == [worlds.ACCOUNT]
    assert rig.case("ada").state is CaseState.PARKED, steps.journal(rig)
    rig.environ.update(own)
    for env in ENVS:
        rig.set_key(env, revoked=False)
    rig.live(3)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert rig.pays()[-1].secret == own["SIM_PRIMARY"]
    truth.agree(rig)


@pytest.mark.usefixtures("two_accounts")
def test_a_rotation_to_a_new_key_of_the_same_account_goes_on():
    """The references lead to a new key of the same account: asked once whose it is, then used."""
    rig = steps.failing()
    rig.parts.gateways.seal()
    account = next(each for each in rig.world.sim.keys.values() if each.env == "SIM_PRIMARY")
    fresh = dataclasses.replace(account, secret=account.secret + "New", env=None)
    rig.world.sim.keys[fresh.secret] = fresh
    rig.set_key("SIM_PRIMARY", revoked=True)
    rig.environ["SIM_PRIMARY"] = fresh.secret
    rig.requests.clear()
    rig.live(5)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    asked = [each for each in rig.requests if each.secret == fresh.secret and each.path == "/v1/account"]
    assert len(asked) == 1
    assert rig.pays()[-1].secret == fresh.secret
    truth.agree(rig)
