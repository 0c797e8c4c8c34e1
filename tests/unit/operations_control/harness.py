"""A manifest, a simulated account and a state in memory: plan, apply, and things that happen in the Dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from flexpay_reconcile import bootstrap
from flexpay_reconcile.manifest.load import Loaded, load
from flexpay_reconcile.operations.apply_plan import ApplyReport, World, apply_plan
from flexpay_reconcile.operations.apply_steps import Holder
from flexpay_reconcile.operations.plan_manifest import plan_manifest
from flexpay_reconcile.reconcile import codec
from flexpay_reconcile.reconcile.data import plan_schema
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.values.instant import Instant

NAME = "acme-us-sandbox"
ADDRESS = f"webhook_endpoint.{NAME}"
ACCOUNT = "acct_1AcmeUS"
PERMISSIONS: Any = "flexpay"
SCHEMA = jsonschema.Draft7Validator(plan_schema())
"""Every plan of every test is held against the published schema."""

MANIFEST = """\
version: 1
currencies: [USD]
companies:
  acme-us: {name: Acme US, stripe_account: acct_1AcmeUS, time_zone: America/New_York}
integrations:
  acme-us-sandbox:
    name: Acme US
    company: acme-us
    environment: sandbox
    status: enabled
    description: FlexPay Webhook EndPoint
    api_keys: {type: restricted, primary: {env: PRIMARY}, fallback: {env: FALLBACK}}
    webhook:
      managed_by: flexpay
      url: https://recovery.acme.example/hooks
      listen_to: account
    radar_allow_list: no
    take_over: false
    retry_policy: default
    when_recovery_fails: {subscription: {action: leave_as_is}, invoice: leave_as_is}
retry_policies:
  default: {timing: even, max_attempts: 8, window: {days: 28}, minimum_spacing: {hours: 24}}
guards: {max_webhook_deletes: 1}
"""
EMPTY = (
    MANIFEST[: MANIFEST.index("integrations:")] + "integrations: {}\n" + MANIFEST[MANIFEST.index("retry_policies:") :]
)


def keys(permissions: Any = "flexpay") -> list[dict[str, Any]]:
    """The two keys of a scenario."""
    return [
        {"env": name, "type": "restricted", "permissions": permissions, "secret": f"rk_test_{name.lower()}0123456789"}
        for name in ("PRIMARY", "FALLBACK")
    ]


class Killed(BaseException):
    """Stands for kill -9: nothing may catch it."""


class WorldClock:
    """The simulator's time, as the clock port."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def now(self) -> Instant:
        """The virtual present."""
        return Instant.from_seconds(self.world.now)


@dataclass
class House:
    """One installation: a state of its own beside a world that several may share."""

    world: Any = None
    state_path: str = ":memory:"
    permissions: Any = "flexpay"
    progress: list[str] = field(default_factory=list)
    wrap: Callable[[Any], Any] = lambda state: state
    """Puts something between apply and the state, for tests of crashes."""

    def __post_init__(self) -> None:
        if self.world is None:
            self.world = build_world(
                {
                    "version": 1,
                    "seed": 7,
                    "start": "2026-01-01T00:00:00Z",
                    "accounts": {ACCOUNT: {"livemode": False, "keys": keys(self.permissions)}},
                }
            )
        self.transport = SimulatorTransport(self.world)
        self.calls: list[tuple[str, str]] = []
        self.transport.before = lambda method, path: self.calls.append((method, path))
        self.parts = bootstrap.open_control(
            self.state_path,
            None,
            clock=WorldClock(self.world),
            http_client=self.transport,
            environ=env_of(self.world),
        )

    def restart(self) -> None:
        """A new process on the same file."""
        self.parts.close()
        self.__post_init__()

    @staticmethod
    def load(manifest: str) -> Loaded:
        """The manifest's text, loaded without a fault."""
        loaded = load([("flexpay.yaml", manifest.encode())])
        assert loaded.configuration is not None, [each.text() for each in loaded.diagnostics]
        return loaded

    def plan(self, manifest: str = MANIFEST, *, state: bool = True, **more: Any) -> Plan:
        """A plan of now; the account is accepted unless `accepted_accounts` says otherwise."""
        loaded = self.load(manifest)
        assert loaded.configuration is not None
        self.parts.learn(loaded.configuration)
        made = plan_manifest(
            configuration=loaded.configuration,
            places=loaded.places,
            manifest_digest=loaded.digest,
            readers=self.parts.reader_for,
            state=self.parts.state if state else None,
            as_of=more.pop("as_of", self.parts.clock.now()),
            accepted_accounts=more.pop("accepted_accounts", frozenset({ACCOUNT})),
            diagnostics=loaded.diagnostics,
            **more,
        )
        for fault in SCHEMA.iter_errors(codec.to_json(made)):
            raise AssertionError(f"a plan that its schema refuses: {fault.message}")
        return made

    def apply(self, manifest: str = MANIFEST, plan: Plan | None = None) -> ApplyReport:
        """Plan and apply, or apply the plan given."""
        loaded = self.load(manifest)
        assert loaded.configuration is not None
        return apply_plan(
            plan=plan or self.plan(manifest),
            configuration=loaded.configuration,
            world=World(
                readers=self.parts.reader_for,
                writers=self.parts.writer_for,
                state=self.wrap(self.parts.state),
                clock=self.parts.clock,
                identifiers=self.parts.identifiers,
                secrets=self.parts.secrets,
            ),
            holder=Holder(owner="ada", host="build", pid=1),
            progress=self.progress.append,
        )

    @property
    def account(self) -> Any:
        """The simulated account."""
        return next(iter(self.world.sim.accounts.values()))

    @property
    def endpoints(self) -> dict[str, Any]:
        """Every webhook endpoint at Stripe, by id."""
        return dict(self.account.table("webhook_endpoint").rows)

    def endpoint(self) -> Any:
        """The one endpoint."""
        (found,) = self.endpoints.values()
        return found

    def owns(self, endpoint_id: str) -> bool:
        """Whether it is the endpoint on record; one left to the operator is not."""
        applied = self.parts.state.applied().get(ADDRESS)
        return applied is not None and applied.remote_id == endpoint_id

    def delete_in_dashboard(self, endpoint_id: str) -> None:
        """Somebody deletes an endpoint by hand."""
        self.account.table("webhook_endpoint").remove(endpoint_id)

    def secrets(self) -> tuple[str, ...]:
        """The signing secrets the listener accepts."""
        return tuple(each.reveal() for each in self.parts.state.secrets_for(NAME))

    def secret_at_stripe(self, endpoint_id: str) -> str:
        """The signing secret Stripe signs with."""
        return str(self.account.secrets[endpoint_id])

    def writes(self) -> list[tuple[str, str]]:
        """Requests that are neither GETs nor probes."""
        return [(method, path) for method, path in self.calls if method != "GET" and "fpprobe000" not in path]


def change_of(plan: Plan, address: str = ADDRESS) -> Any:
    """The one change of an address."""
    (found,) = [each for each in plan.changes if each.address == address]
    return found
