"""Whose keys these are: proven, accepted, disagreeing, unseen; and what an unclear probe counts for."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.operations.apply_steps import Holder, Run, lock_held
from flexpay_reconcile.ports.account_reader import Identity, Probe, ProbeResult, Proof
from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.checks import CheckStatus, IdentityStatus
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.values.ids import AccountId
from tests.unit.operations_control.harness import ACCOUNT, ADDRESS, MANIFEST, NAME, House, change_of

PAIR = f"key_pair.{NAME}"
SILENT = frozenset[str]()


class Told:
    """A reader whose answers about keys are written here; endpoints are the real account's."""

    def __init__(self, real: Any, accounts: dict[str, str | None], result: ProbeResult, down: bool) -> None:
        self.real, self.accounts, self.result, self.down = real, accounts, result, down

    def identity(self, alias: KeyAlias, known: str | None = None) -> Identity:
        """What the test says."""
        account = self.accounts[alias.value]
        how = Proof.UNPROVEN if account is None else Proof.ACCOUNT_READ
        return Identity(account=AccountId(account) if account else None, livemode=False, how=how)

    def probe(self, alias: KeyAlias, *, write_probes: bool) -> tuple[Probe, ...]:
        """One row."""
        return (
            Probe(
                row="Invoices",
                access="Write",
                column="PERMISSIONS",
                permission="rak_invoice_write",
                result=self.result,
                message="a rate limit",
            ),
        )

    def webhook_endpoints(self) -> Any:
        """The account's, unless Stripe is down."""
        if self.down:
            raise TryLater("no answer from Stripe", code="E-stripe-down")
        return self.real().webhook_endpoints()

    def scheduled_retries(self) -> tuple[()]:
        """None."""
        return ()


def house(
    primary: str | None = None,
    fallback: str | None = None,
    *,
    result: ProbeResult = ProbeResult.GRANTED,
    down: bool = False,
) -> House:
    """A house whose keys say what the test wants."""
    made = House()
    real = made.parts.reader_for
    accounts = {"primary": primary, "fallback": fallback}
    parts: Any = made.parts
    object.__setattr__(parts, "reader_for", lambda integration: Told(lambda: real(integration), accounts, result, down))
    return made


def test_not_provable_waits_for_acceptance():
    """Stripe says nothing: the plan asks for --accept-account by name, is no failure, and apply refuses (4)."""
    silent = house()
    plan = silent.plan(accepted_accounts=SILENT)
    assert plan.accounts[NAME].identity is IdentityStatus.UNPROVEN
    assert plan.accounts_to_accept == (ACCOUNT,)
    assert plan.faults == ()
    assert codec.to_json(plan)["applyable"] is False
    assert change_of(plan).action is Action.CREATE
    with pytest.raises(OperatorError) as refused:
        silent.apply(plan=plan)
    assert refused.value.kind is ErrorKind.KEY_REFUSED
    assert f"--accept-account {ACCOUNT}" in next(each.hint for each in plan.checks if each.id == "identity")
    assert silent.writes() == []


def test_an_acceptance_is_recorded_and_not_asked_for_again():
    """Accepted once for these references: the next plan is empty without the flag."""
    silent = house()
    silent.apply()
    assert silent.parts.state.applied()[PAIR].attributes["identity"] == "accepted"
    plan = silent.plan(accepted_accounts=SILENT)
    assert not plan.has_changes
    assert plan.accounts[NAME].identity is IdentityStatus.ACCEPTED


def test_other_references_must_be_accepted_anew():
    """An acceptance counts for the references it was given for, and for no others."""
    silent = house()
    silent.apply()
    other = MANIFEST.replace("fallback: {env: FALLBACK}", "fallback: {env: THIRD}")
    plan = silent.plan(other, accepted_accounts=SILENT)
    assert plan.accounts_to_accept == (ACCOUNT,)


def test_a_lost_record_of_identity_is_a_change():
    """The configuration is applied but the record of the key pair is gone: it is asked for and written again."""
    silent = house()
    silent.apply()
    state = silent.parts.state
    run = Run(state, silent.parts.clock, run_id="r", nonce="n", progress=print)
    with lock_held(state, silent.parts.clock, Holder(owner="ada", host="build", pid=1), "n"):
        run.done(run.intend(PAIR, "delete", {}), forget=True)
    change = change_of(silent.plan(), PAIR)
    assert (change.action, change.reason) == (Action.UPDATE, Reason.IDENTITY_NOT_RECORDED)
    silent.apply()
    assert not silent.plan(accepted_accounts=SILENT).has_changes


@pytest.mark.parametrize(
    ("primary", "fallback", "status"),
    [
        (ACCOUNT, ACCOUNT, IdentityStatus.PROVEN),
        (ACCOUNT, None, IdentityStatus.UNPROVEN),
        (ACCOUNT, "acct_1Other", IdentityStatus.OTHER),
        ("acct_1Other", None, IdentityStatus.OTHER),
        ("acct_1Other", "acct_1Other", IdentityStatus.OTHER),
    ],
)
def test_both_keys_must_agree(primary, fallback, status):
    """Proven means both; one wrong key is wrong, whatever the other says, and acceptance does not help."""
    assert house(primary, fallback).plan(accepted_accounts=SILENT).accounts[NAME].identity is status
    if status is IdentityStatus.OTHER:
        assert house(primary, fallback).plan().accounts[NAME].identity is status


def test_an_unclear_probe_is_unknown_never_granted():
    """A rate limit during a probe stands against applying as something to try again (9), not as a permission."""
    limited = house(ACCOUNT, ACCOUNT, result=ProbeResult.UNKNOWN)
    plan = limited.plan()
    assert {each.status for each in plan.checks if each.id == "permission"} == {CheckStatus.UNKNOWN}
    assert set(plan.faults) == {ErrorKind.TIMED_OUT}
    with pytest.raises(OperatorError) as refused:
        limited.apply(plan=plan)
    assert refused.value.kind is ErrorKind.TIMED_OUT


def test_stripe_down_plans_no_creation():
    """Endpoints unseen: no change for them, an incomplete plan, and nothing applied."""
    dark = house(ACCOUNT, ACCOUNT, down=True)
    plan = dark.plan()
    assert [each for each in plan.changes if each.address == ADDRESS] == []
    document = codec.to_json(plan)
    assert (document["complete"], document["applyable"]) == (False, False)
    assert document["deferred_changes"] == [{"address": ADDRESS, "because": "no answer from Stripe"}]
    with pytest.raises(OperatorError) as refused:
        dark.apply(plan=plan)
    assert refused.value.kind is ErrorKind.TIMED_OUT


def mute(house: House) -> None:
    """From now on refusals of `GET /v1/account` name no account."""
    real = house.transport.request

    def request(method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        body, status, answered = real(method, url, headers, post_data, **more)
        if url.endswith("/v1/account") and status == 403:
            body = '{"error": {"type": "invalid_request_error", "code": "more_permissions_required", "message": "No."}}'
        return body, status, answered

    house.transport.request = request  # type: ignore[method-assign]


def test_a_known_object_proves_whose_keys_these_are():
    """Stripe names no account, but both keys open the endpoint on record: proven, without another acceptance."""
    known = House()
    mute(known)
    assert known.plan(accepted_accounts=SILENT).accounts[NAME].identity is IdentityStatus.UNPROVEN
    known.apply()
    plan = known.plan(accepted_accounts=SILENT)
    assert plan.accounts[NAME].identity is IdentityStatus.PROVEN
    assert "opens our own endpoint" in next(each.message for each in plan.checks if each.id == "identity")
    assert known.writes() == [("POST", "/v1/webhook_endpoints")]


def test_an_endpoint_that_is_gone_proves_nothing():
    """Deleted in the Dashboard: what was accepted stays accepted, and nothing is called proven or another's."""
    known = House()
    mute(known)
    known.apply()
    known.delete_in_dashboard(next(iter(known.endpoints)))
    assert known.plan(accepted_accounts=SILENT).accounts[NAME].identity is IdentityStatus.ACCEPTED


def test_an_object_of_another_account_proves_nothing():
    """The company moves to another account: the endpoint on record was made in the former one."""
    known = House()
    mute(known)
    known.apply()
    moved = known.plan(MANIFEST.replace(ACCOUNT, "acct_1Moved"), accepted_accounts=SILENT)
    assert moved.accounts[NAME].identity is IdentityStatus.UNPROVEN
    assert moved.accounts_to_accept == ("acct_1Moved",)
