"""The control door itself: tokens, scopes, hostile questions, lost answers, and secrets that only cross sealed."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from flexpay_reconcile.adapters.control_door import DoorConnection, RemoteControlState
from flexpay_reconcile.adapters.sealed_post import ProcessPost, seal
from flexpay_reconcile.daemon.control_door import MAX_BODY_BYTES, Tokens
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError, TryLater
from flexpay_reconcile.ports import control_wire
from flexpay_reconcile.ports.control_facts import ControlFacts
from flexpay_reconcile.ports.control_state import ControlState, StepState
from flexpay_reconcile.ports.control_wire import Scope
from flexpay_reconcile.values.secret import Secret
from tests.contract.control_state.doors import APPLY, PLAN, ToldClock, app_of, connection, desk_of, serving
from tests.contract.control_state.makers import ADDRESS, T0, at, configuration_of, lock_of, resource_of, step_of

CANARY = "whsec_" + "canary0123456789abcdef"


@pytest.fixture
def door(state):
    """The address of a door."""
    with serving(app_of(desk_of(state, ToldClock()))) as address:
        yield address


def post(address: str, path: str, body: bytes, token: str | None) -> tuple[int, dict]:
    """One raw request, and the answer read as JSON."""
    parts = urlsplit(address)
    line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    line.request("POST", path, body, {"Authorization": f"Bearer {token}"} if token else {})
    answer = line.getresponse()
    content = answer.read()
    line.close()
    return answer.status, json.loads(content) if content.startswith(b"{") else {}


def test_every_method_of_the_ports_crosses_or_is_named_as_staying_inside():
    """A method added to the control state has to be decided on: either it is a question, or it stays inside."""
    methods = {
        name
        for port in (ControlState, ControlFacts)
        for each in port.__mro__
        for name, found in vars(each).items()
        if callable(found) and not name.startswith("_")
    }
    assert methods == (set(control_wire.CALLS) - {"hello"}) | control_wire.STAYS_INSIDE


@pytest.mark.parametrize("token", [None, "", "wrong" * 8, PLAN.reveal() + "x", PLAN.reveal()[:-1]])
def test_without_a_token_of_its_own_the_door_says_nothing(door, token):
    """Any other token, or none, is answered 401, for every question and for none."""
    for question in ("identity", "publish", "nothing"):
        status, answer = post(door, control_wire.PATH + question, b"{}", token)
        assert (status, answer["error"]["code"]) == (401, "E-door-token")


@pytest.mark.parametrize("name", [name for name, call in control_wire.CALLS.items() if call.scope is Scope.APPLY])
def test_a_token_to_plan_cannot_write(door, state, name):
    """Each write is refused with the scope it needs, before its arguments are read."""
    status, answer = post(door, control_wire.PATH + name, b"{}", PLAN.reveal())
    assert (status, answer["error"]["code"]) == (422, "E-door-scope")
    assert state.control.identity().serial == 0


def test_a_token_to_plan_may_ask_every_question(door):
    """Planning needs no other token."""
    remote = RemoteControlState(connection(door, PLAN), seal)
    assert remote.identity().serial == 0
    assert (remote.applied(), remote.lock(), remote.latest(), remote.unfinished_steps()) == ({}, None, None, ())
    assert (remote.live_cases(), remote.sample_account("x"), remote.knows_secret("x")) == ({}, None, False)


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("nothing", b"{}"),
        ("__class__", b"{}"),
        ("secret", b'{"name": "x"}'),
        ("secrets_for", b'{"integration_id": "x"}'),
        ("rearm", b'{"instance_id": "x"}'),
        ("identity", b"[]"),
        ("identity", b"null"),
        ("identity", b'{"more": 1}'),
        ("revision", b'{"number": "1"}'),
        ("revision", b'{"number": true}'),
        ("acquire_lock", b'{"lock": {"owner": 1}}'),
        ("intend", b'{"step": {}}'),
        ("receipt", b'{"step": null}'),
        ("publish", b'{"configuration": {}, "manifest_digest": "", "at": "yesterday", "by": ""}'),
        ("identity", b"not json"),
        ("identity", b""),
        ("identity", b"\xff\xfe"),
    ],
)
def test_what_is_no_question_is_refused_in_words(door, state, question, body):
    """Unknown questions, arguments of the wrong shape and no JSON get a code and words, and change nothing."""
    status, answer = post(door, control_wire.PATH + question, body, APPLY.reveal())
    assert (status in (400, 422), answer["error"]["code"]) == (True, "E-door-version")
    assert state.control.identity().serial == 0


def test_a_question_without_end_is_refused(door):
    """More than the limit is answered 413 and not read into memory."""
    status, answer = post(door, control_wire.PATH + "identity", b" " * (MAX_BODY_BYTES + 1), APPLY.reveal())
    assert (status, answer["error"]["code"]) == (413, "E-door-version")


def test_secrets_cross_sealed_and_one_way(state):
    """What goes over the wire holds no secret; the state keeps it under its name; no question hands it out again."""
    heard: list[str] = []
    desk = desk_of(state, ToldClock())

    class Listening:
        def answer(self, scope, name, data):
            found = desk.answer(scope, name, data)
            heard.append(json.dumps([name, data, found]))
            return found

    with serving(app_of(Listening())) as address:
        remote = RemoteControlState(connection(address), seal)
        remote.intend(step_of(1))
        done = step_of(1, StepState.DONE)
        remote.receipt(done, resource=resource_of(), secret_name=ADDRESS, secret=Secret(CANARY), integration_id="acme")
        assert remote.knows_secret(ADDRESS)
        for question in (lambda: remote.secret(ADDRESS), lambda: remote.secrets_for("acme"), lambda: remote.rearm("x")):
            with pytest.raises(OperatorError) as refused:
                question()
            assert refused.value.code == "E-door-inside"
    assert state.control.secrets_for("acme") == (Secret(CANARY),)
    assert "sealed_secret" in "".join(heard)
    assert CANARY[6:] not in "".join(heard)


def test_a_sealed_secret_opens_for_its_daemon_and_its_name_only():
    """Another process, another name, a changed byte: refused, and nothing of the secret is told."""
    post_of_ours = ProcessPost()
    sealed = seal(Secret(CANARY), post_of_ours.address(), "a of b")
    assert post_of_ours.open(sealed, "a of b") == Secret(CANARY)
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    attempts = ((ProcessPost(), sealed, "a of b"), (post_of_ours, sealed, "a of c"), (post_of_ours, changed, "a of b"))
    for receiver, text, context in (*attempts, (post_of_ours, "x25519.1.AAAA", "a of b"), (post_of_ours, "", "")):
        with pytest.raises(OperatorError) as refused:
            receiver.open(text, context)
        assert (refused.value.code, CANARY[6:] in str(refused.value)) == ("E-door-seal", False)
    with pytest.raises(OperatorError):
        seal(Secret(CANARY), "no address", "a of b")


def test_a_secret_sealed_for_a_daemon_that_was_restarted_is_refused(state):
    """The receipt fails as a whole: the step stays unfinished, and the next apply goes on from there."""
    with serving(app_of(desk_of(state, ToldClock()))) as address:
        other = ProcessPost().address()
        remote = RemoteControlState(connection(address), lambda secret, _, context: seal(secret, other, context))
        remote.intend(step_of(1))
        with pytest.raises(OperatorError) as refused:
            remote.receipt(
                step_of(1, StepState.DONE), secret_name=ADDRESS, secret=Secret(CANARY), integration_id="acme"
            )
    assert refused.value.code == "E-door-seal"
    assert state.control.unfinished_steps() == (step_of(1),)
    assert state.control.secrets_for("acme") == ()


class Losing:
    """A door whose first answers are lost after the question was carried out."""

    def __init__(self, state, lose: int, status: int = 502) -> None:
        self.desk = desk_of(state, ToldClock())
        self.lose, self.status, self.asked = lose, status, 0
        self._lock = threading.Lock()

    def app(self):
        """The app: answers like a proxy whose daemon went away."""
        desk = self.desk

        async def question(request):
            data = json.loads(await request.body())
            answer = desk.answer(Scope.APPLY, request.path_params["question"], data)
            with self._lock:
                self.asked += 1
                if self.asked <= self.lose:
                    return Response(b"<html>bad gateway</html>", status_code=self.status)
            return Response(json.dumps({"answer": answer}))

        return Starlette(routes=[Route(control_wire.PATH + "{question}", question, methods=["POST"])])


def test_a_lost_answer_is_asked_for_again_but_no_revision_is_made_twice(state):
    """Intents and receipts come to the same when asked again; a publication whose answer is lost is told as unknown."""
    losing = Losing(state, 2)
    with serving(losing.app()) as address:
        RemoteControlState(connection(address), seal).intend(step_of(1))
    assert (losing.asked, state.control.unfinished_steps()) == (3, (step_of(1),))
    losing = Losing(state, 1)
    with serving(losing.app()) as address, pytest.raises(TryLater) as told:
        RemoteControlState(connection(address), seal).publish(configuration_of(), manifest_digest="d", at=T0, by="ada")
    assert (told.value.code, "not known" in told.value.message) == ("E-door-silent", True)
    latest = state.control.latest()
    assert latest is not None
    assert (losing.asked, latest.revision) == (1, 1)


def test_nobody_there_and_somebody_else_are_told_apart(state):
    """A port where nobody listens may be tried later; a program that is no door is named so."""
    with serving(app_of(desk_of(state, ToldClock()))) as address:
        pass
    with pytest.raises(TryLater) as silent:
        RemoteControlState(connection(address), seal).identity()
    assert silent.value.code == "E-door-silent"

    async def other(_):
        return Response(b"<h1>hello</h1>")

    app = Starlette(routes=[Route("/{rest:path}", other, methods=["POST"])])
    with serving(app) as address, pytest.raises(OperatorError) as stranger:
        RemoteControlState(connection(address), seal).identity()
    assert stranger.value.code == "E-door-version"


@pytest.mark.parametrize(
    "address",
    ["http://daemon.example", "ftp://daemon.example", "https://user:pass@daemon.example", "https://", "http://127.1:x"],
)
def test_only_an_encrypted_way_or_this_machine_will_do(address):
    """A token never travels in clear, nor does an address hold a password; what is refused is not shown with it."""
    with pytest.raises(OperatorError) as refused:
        DoorConnection(address, lambda: APPLY, wait=lambda _: None)
    assert (refused.value.code, refused.value.kind) == ("E-door-address", ErrorKind.USAGE)
    assert "pass" not in refused.value.message


def test_the_locks_times_are_told_by_the_daemons_clock(state):
    """A planner whose clock is an hour ahead does not take a lock that is held."""
    clock = ToldClock()
    with serving(app_of(desk_of(state, clock))) as address:
        remote = RemoteControlState(connection(address), seal)
        remote.acquire_lock(lock_of("n1"), T0)
        clock.present = at(10)
        with pytest.raises(TryLater) as held:
            remote.acquire_lock(lock_of("n2", seconds=3600), at(3600))
        assert held.value.code == "E-lock-held"
        clock.present = at(31)
        remote.acquire_lock(lock_of("n2", seconds=3600), at(3600))
        lock = remote.lock()
        assert lock is not None
        assert (lock.nonce, lock.acquired_at, lock.expires_at) == ("n2", at(31), at(61))


def test_weak_and_equal_tokens_are_refused():
    """A token of a few characters can be guessed, and one token for both scopes lets every planner apply."""
    for tokens in ({Scope.PLAN: Secret("short")}, {Scope.PLAN: PLAN, Scope.APPLY: PLAN}):
        with pytest.raises(OperatorError) as refused:
            Tokens(tokens)
        assert refused.value.code == "E-door-token"
        assert PLAN.reveal() not in refused.value.message


def test_an_error_crosses_as_what_it_was():
    """Whose move is next, kind, code, words and hint come out as they went in; what is no error is None."""
    for error in (
        TryLater("later", code="E-a", hint="h", kind=ErrorKind.LOCK_HELD),
        OperatorError("yours", code="E-b", kind=ErrorKind.PLAN_STALE),
        BrokenInvariant("ours"),
    ):
        again = control_wire.read_error(control_wire.write_error(error))
        assert type(again) is type(error)
        assert (again.message, again.code, again.hint, again.kind) == (
            error.message, error.code, error.hint, error.kind,
        )  # fmt: skip
    strange: tuple[object, ...] = (
        None,
        {},
        [],
        {"code": 1, "message": "x"},
        {"code": "E", "message": "x", "kind": "strange"},
    )
    assert [control_wire.read_error(each) for each in strange] == [None] * len(strange)
