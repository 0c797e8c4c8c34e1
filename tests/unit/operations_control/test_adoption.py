"""An endpoint that somebody else made becomes ours as it is, where the manifest gives its signing secret; never replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.operations import check_armed
from flexpay_reconcile.operations.apply_steps import LOCK_TTL
from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.change import Action, Reason
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.render import markdown, text
from tests.unit.operations_control.harness import ADDRESS, NAME, House, change_of
from tests.unit.operations_control.test_apply_crashes import crash
from tests.unit.operations_control.test_apply_events import HEARD, Listening, Shopping, inbox

DAY = 86_400


class Noted:
    """The note beside a state, as it should be."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def read(self) -> str | None:
        """The copy's own id."""
        return str(self._state.instance_id())

    def write(self, instance_id: str) -> None:
        """Nobody writes it here."""
        raise AssertionError(instance_id)


THEIRS: dict[str, Any] = {
    "object": "webhook_endpoint",
    "api_version": API_VERSION,
    "application": None,
    "description": "made by hand",
    "enabled_events": ["invoice.paid"],
    "livemode": False,
    "metadata": {"team": "billing"},
    "status": "enabled",
    "url": f"https://recovery.acme.example/webhooks/stripe/{NAME}",
}


def by_hand(house: House, endpoint_id: str = "we_theirs", **changes: Any) -> None:
    """Somebody makes an endpoint in the Dashboard."""
    row = {**THEIRS, "id": endpoint_id, "created": house.world.now, "metadata": dict(THEIRS["metadata"]), **changes}
    house.account.table("webhook_endpoint").add(row)
    house.account.secrets[endpoint_id] = f"whsec_{endpoint_id}0123456789abcdef"


def giving(folder: Path, secret: str) -> str:
    """The manifest with a reference to the endpoint's signing secret."""
    file = folder / "whsec"
    file.write_text(secret, encoding="utf-8")
    url = f"url: {THEIRS['url']}"
    assert url in HEARD
    return HEARD.replace(url, f"{url}\n      signing_secret: {{file: {file}}}")


@pytest.fixture
def house(tmp_path) -> House:
    """One installation without an endpoint of its own, beside one made by hand."""
    made = House(state_path=str(tmp_path / "state.db"))
    by_hand(made)
    return made


def test_it_is_adopted_as_it_is(house: House, tmp_path):
    """One update in place puts our marks beside theirs; its id and secret stay, and the second plan is empty."""
    manifest = giving(tmp_path, house.secret_at_stripe("we_theirs"))
    plan = house.plan(manifest)
    change = change_of(plan)
    assert (change.action, change.reason, change.remote_id) == (Action.UPDATE, Reason.ADOPT, "we_theirs")
    house.apply(manifest, plan)
    assert list(house.endpoints) == ["we_theirs"]
    metadata = house.endpoint()["metadata"]
    assert metadata["team"] == "billing"
    assert metadata[kind.INTEGRATION_KEY] == NAME
    assert metadata[kind.STATE_KEY] == house.parts.state.identity().lineage
    assert metadata[kind.ARMED_KEY] == house.parts.state.instance_id()
    assert "invoice.payment_failed" in house.endpoint()["enabled_events"]
    assert house.owns("we_theirs")
    assert not house.plan(manifest).has_changes


def test_the_plan_says_whose_it_was(house: House, tmp_path):
    """`i` in text and Markdown, `importing` in the JSON, and no secret in any of them."""
    secret = house.secret_at_stripe("we_theirs")
    document = codec.to_json(house.plan(giving(tmp_path, secret)))
    (row,) = [each for each in document["resource_changes"] if each["address"] == ADDRESS]
    assert row["change"]["importing"] == {"id": "we_theirs"}
    assert all(e["change"]["importing"] is None for e in document["resource_changes"] if e["address"] != ADDRESS)
    shown = text.render(document)
    assert f"  i {ADDRESS}  (made by somebody, or by a state that is lost; it becomes ours" in shown
    assert f"| `i` | {ADDRESS}".replace("_", "&#95;") in markdown.render(document).replace("_", "&#95;")
    assert secret not in codec.to_text(document) + shown


def test_what_it_sends_is_believed_at_once_and_ever_after(house: House, tmp_path):
    """Signed with the secret given: by the process that was there, and by a new one."""
    manifest = giving(tmp_path, house.secret_at_stripe("we_theirs"))
    house.apply(manifest)
    listening, shopping = Listening(house), Shopping(house)
    shopping.moment()
    assert set(listening.answers) == {200}
    house.restart()
    listening = Listening(house)
    shopping.moment()
    assert set(listening.answers) == {200}
    assert inbox(house) == dict.fromkeys(shopping.made, 1)


def test_another_endpoints_secret_is_no_secret_of_its(house: House, tmp_path):
    """A wrong secret in the manifest: every delivery is refused with 400, and nothing is stored."""
    by_hand(house, "we_other", url="https://elsewhere.example/hook")
    house.apply(giving(tmp_path, house.secret_at_stripe("we_other")))
    listening, shopping = Listening(house), Shopping(house)
    shopping.moment()
    assert set(listening.answers) == {400}
    assert not inbox(house)


def test_without_the_secret_it_is_left_alone(house: House):
    """Nobody could believe it: ours is made beside it, with a warning."""
    plan = house.plan(HEARD)
    assert change_of(plan).action is Action.CREATE
    assert "W-endpoint-same-url" in {each.code for each in plan.diagnostics}


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {kind.INTEGRATION_KEY: "another", kind.SCOPE_KEY: "account"}},
        {"url": "https://elsewhere.example/hook"},
        {"api_version": "2020-08-27"},
    ],
    ids=["another's marks", "another URL", "an old version"],
)
def test_what_cannot_be_meant_is_not_adopted(tmp_path, changes: dict[str, Any]):
    """Marked for another integration, for another URL, or unreadable: left as it is."""
    house = House(state_path=str(tmp_path / "state.db"))
    by_hand(house, **changes)
    assert change_of(house.plan(giving(tmp_path, "whsec_" + "a" * 24))).action is Action.CREATE


def test_of_two_that_could_be_meant_none_is_guessed(house: House, tmp_path):
    """Two endpoints for the URL and one secret: nothing is planned for it until a person has chosen."""
    by_hand(house, "we_second")
    plan = house.plan(giving(tmp_path, house.secret_at_stripe("we_theirs")))
    assert [each.address for each in plan.deferred] == [ADDRESS]
    assert "we_theirs" in plan.deferred[0].because
    assert not [each for each in plan.changes if each.address == ADDRESS]


def test_a_secret_that_the_state_lost_may_be_given_instead(tmp_path):
    """Our own endpoint, its secret unknown to this state: with the secret in the manifest it is not replaced."""
    first = House(state_path=str(tmp_path / "first.db"))
    first.apply(HEARD)
    second = House(world=first.world, state_path=str(tmp_path / "second.db"))
    assert change_of(second.plan(HEARD)).reason is Reason.LOST_SECRET
    (endpoint,) = first.endpoints
    manifest = giving(tmp_path, first.secret_at_stripe(endpoint))
    change = change_of(second.plan(manifest))
    assert (change.action, change.reason, change.fields) == (Action.UPDATE, Reason.ADOPT, ())
    second.apply(manifest)
    assert list(second.endpoints) == [endpoint]
    assert second.endpoint()["metadata"][kind.ARMED_KEY] == second.parts.state.instance_id()
    assert second.owns(endpoint)
    assert not second.plan(manifest).has_changes
    assert check_armed.why_not(second.parts.state, Noted(second.parts.state), second.parts.reader_for) is None
    before = check_armed.why_not(first.parts.state, Noted(first.parts.state), first.parts.reader_for)
    assert before is not None
    assert "armed for another copy" in before
    listening, shopping = Listening(second), Shopping(second)
    shopping.moment()
    assert set(listening.answers) == {200}


def test_the_secret_is_kept_and_the_reference_needed_no_more(house: House, tmp_path):
    """It is in the state, not in clear: without the file deliveries are believed, without the line nothing is planned."""
    secret = house.secret_at_stripe("we_theirs")
    house.apply(giving(tmp_path, secret))
    (tmp_path / "whsec").unlink()
    assert house.secrets() == (secret,)
    assert secret.encode() not in b"".join(each.read_bytes() for each in tmp_path.glob("state.db*"))
    listening, shopping = Listening(house), Shopping(house)
    shopping.moment()
    assert set(listening.answers) == {200}
    assert change_of(house.plan(HEARD)).action is Action.NO_OP


def test_a_secret_rolled_in_the_dashboard_is_taken_from_where_the_manifest_says(house: House, tmp_path):
    """What the reference leads to now is believed beside what was kept at the adoption."""
    house.apply(giving(tmp_path, house.secret_at_stripe("we_theirs")))
    house.account.secrets["we_theirs"] = "whsec_" + "b" * 24
    (tmp_path / "whsec").write_text("whsec_" + "b" * 24, encoding="utf-8")
    listening, shopping = Listening(house), Shopping(house)
    shopping.moment()
    assert set(listening.answers) == {200}


@pytest.mark.parametrize(
    ("value", "code"), [(None, "E-secret"), ("not a secret of an endpoint", "E-signing-secret-shape")]
)
def test_a_secret_that_is_none_stops_the_apply_before_anything_is_sent(house: House, tmp_path, value, code: str):
    """Not there, or of another shape: exit 4 in words, which do not show it; nothing is written anywhere."""
    manifest = giving(tmp_path, value or "-")
    if value is None:
        (tmp_path / "whsec").unlink()
    with pytest.raises(OperatorError) as refused:
        house.apply(manifest)
    assert refused.value.kind is ErrorKind.KEY_REFUSED
    assert refused.value.code.startswith(code)
    assert value is None or value not in refused.value.message + str(refused.value.hint)
    assert not house.writes()
    assert not house.parts.state.applied()


def test_an_adoption_killed_anywhere_is_finished_by_the_next_apply(tmp_path):
    """For every moment: one endpoint, the very one that was there, its secret known, and an empty plan."""
    moment = 0
    while True:
        house = House()
        by_hand(house)
        manifest = giving(tmp_path, house.secret_at_stripe("we_theirs"))
        if not crash(house, manifest, moment):
            break
        house.world.advance_to(house.world.now + LOCK_TTL.seconds + 1)
        house.apply(manifest)
        assert list(house.endpoints) == ["we_theirs"], moment
        assert house.secrets() == (house.secret_at_stripe("we_theirs"),), moment
        assert not house.plan(manifest).has_changes, moment
        assert house.parts.state.unfinished_steps() == (), moment
        moment += 1
    assert moment > 10
