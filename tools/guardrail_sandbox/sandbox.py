"""A local AWS with the guardrail deployed in it: moto, CloudTrail, bus, schedules, functions.

Requests pass these layers, outermost first: counting (so that `settle` knows what is open),
CloudTrail, IAM, the calls that run functions, Route 53, EC2's behaviours, moto.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from guardrail_sandbox import moto_state
from guardrail_sandbox.asynchronous import AWS_RETRY_DELAYS, RETRY_DELAYS
from guardrail_sandbox.authorization import AsDeployed, AuthorizationLayer, Everybody, Roles
from guardrail_sandbox.clients import Clients
from guardrail_sandbox.clock import Clock, DrivenClock, RealClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, SHORT_PACE, Pace, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.front import Front
from guardrail_sandbox.in_process import ec2_client
from guardrail_sandbox.journal import Journal, Listener, Recorded
from guardrail_sandbox.launch import Launcher, access_key_of, find_interpreter
from guardrail_sandbox.platform import Platform
from guardrail_sandbox.redelivery import Undeliverable
from guardrail_sandbox.route53 import with_route53
from guardrail_sandbox.server import Counted, Server
from guardrail_sandbox.stack import STACK_NAME, Stack
from guardrail_sandbox.stacks import NetworkStacks
from guardrail_sandbox.trail import CloudTrailLayer, Identity, deliverable, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication

    from guardrail_sandbox.bus import Delivery
    from guardrail_sandbox.deployed import FunctionSpec
    from guardrail_sandbox.invocation import Result
    from guardrail_sandbox.untyped import Client

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {"SettleSeconds": "1"}
"""Parameters of the sandbox where the template has them: nobody wants to wait for minutes here."""
PATIENCE = 120.0
"""Real seconds in which what is in flight must end, on a slow machine, too."""

_PLATFORM_KEY = "ASIASANDBOXPLATFORM"
_USER_KEY = "AKIASANDBOXUSER"
_CLOUDFORMATION_KEY = "ASIASANDBOXCLOUDFORMATION"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue of the stack."""

    body: dict[str, Any]
    attributes: dict[str, str]


class Sandbox:
    """Context manager; one at a time, because moto's state belongs to the process.

    `parameters` are the template's; `delivery` says how events travel; `artifact` is the folder
    that `sam build` wrote; `on_line` is called with each entry of the journal. `port` 0 takes a
    free one. On a `clock` that is driven, time passes by `advance` alone. With `enforce_iam` the
    functions may do what their roles allow and nothing else. `without` switches behaviours of EC2
    off by name, `assume` answers its open questions, `pace` says how long things take there
    (default: as on AWS on a driven clock, shortly in real time), `default_vpc_layout` in which of
    two layouts CreateDefaultVpc is recorded. Raises `SandboxError` with what to do when it cannot
    start.
    """

    _policies_of = staticmethod(moto_state.role_policies)

    def __init__(
        self,
        *,
        port: int = 0,
        parameters: Mapping[str, str] | None = None,
        delivery: Delivery | None = None,
        artifact: Path | None = None,
        on_line: Listener | None = None,
        template: Path | None = None,
        region: str = "us-east-1",
        retry_delays: tuple[float, float] | None = None,
        clock: Clock | None = None,
        enforce_iam: bool = True,
        without: Collection[str] = (),
        assume: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        default_vpc_layout: Literal["nested", "legacy"] = "nested",
    ) -> None:
        self._enforce_iam = enforce_iam
        self._default_vpc_layout = default_vpc_layout
        self.clock = clock or RealClock()
        driven = isinstance(self.clock, DrivenClock)
        self._world = World(self.clock, pace or (AWS_PACE if driven else SHORT_PACE), assume or {})
        self._behaviours = behaviours(self._world, without=without)
        self._parameters = dict(parameters or {})
        self._template = template or ROOT / "template.yaml"
        self._artifact = artifact or ROOT / ".aws-sam" / "build"
        self._delivery = delivery
        self._retry_delays = retry_delays or (AWS_RETRY_DELAYS if driven else RETRY_DELAYS)
        self._port = port
        self.region = region
        self.interpreter = find_interpreter()
        self.journal = Journal(on_line, self.clock.now)
        self._identities: dict[str, Identity] = {}
        self._clients = Clients()

    def __enter__(self) -> Self:
        """Start everything; when that fails, end what was started."""
        self._require_artifact()
        moto_state.reset()
        self._scratch = tempfile.TemporaryDirectory(prefix="guardrail-sandbox-")
        self.ec2 = Ec2Layer(moto_state.Serialised(), self._behaviours, self._world, self.region)
        front = Front(with_route53(self.ec2, self.clock), self, moto_state.ACCOUNT_ID, self.clock)
        roles = Roles(self._policies_of)
        trail = CloudTrailLayer(
            self._authorized(front, roles),
            self._publish,
            identities=self._identities,
            account_id=moto_state.ACCOUNT_ID,
            clock=self.clock.now,
            default_vpc_layout=self._default_vpc_layout,
        )
        self._networks = self._stacks_through(trail)
        self._networks.install()
        self._counted = Counted(trail)
        try:
            self._server = Server(self._counted, self._port)
        except SandboxError:
            self._networks.remove()
            self._scratch.cleanup()
            raise
        self._server.start()
        scratch = Path(self._scratch.name)
        launcher = Launcher(
            self.interpreter, self._artifact, scratch, self.url, self.region, self.clock
        )
        self._platform = Platform(
            launcher,
            self.journal,
            self._delivery,
            self._retry_delays,
            self.clock,
            AsDeployed(roles) if self._enforce_iam else Everybody(),
        )
        try:
            self._deploy(launcher)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes and release the port."""
        self.close()

    def close(self) -> None:
        """End all processes and release the port."""
        self._networks.remove()
        self._platform.close()
        self._server.close()
        self._scratch.cleanup()

    @property
    def url(self) -> str:
        """Value for AWS_ENDPOINT_URL."""
        return self._server.url

    @property
    def records(self) -> list[dict[str, Any]]:
        """The CloudTrail records so far."""
        return [entry.record for entry in self.journal.recorded()]

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The structured log lines of the functions so far."""
        return [entry.fields for entry in self.journal.logged()]

    def client(self, service: str, region: str | None = None) -> Client:
        """Return a boto3 client that calls as an ordinary user of the account."""
        return self._client(service, _USER_KEY, region)

    def writes(self, *, by_guardrail: bool | None = True) -> list[dict[str, Any]]:
        """Return the successful EC2 writes of the guardrail, of the others, or (None) of all."""
        return [
            entry.record
            for entry in self.journal.recorded()
            if not entry.failed and by_guardrail in {None, entry.by_guardrail}
        ]

    def wait_until(self, predicate: Callable[[], object], timeout: float = 10.0) -> bool:
        """Tell whether `predicate` became true within `timeout` seconds."""
        until = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def settle(self, timeout: float = PATIENCE) -> None:
        """Wait until nothing is in flight; raise with what still is after `timeout` seconds."""
        until = time.monotonic() + timeout
        quiet = 0
        # Twice, because work changes hands: an event becomes an invocation, an invocation a call.
        while quiet < 2:
            pending = self.pending()
            quiet = 0 if pending else quiet + 1
            if pending and time.monotonic() > until:
                listed = ", ".join(f"{count} {name}" for name, count in pending.items())
                raise SandboxError(f"not settled after {timeout:.0f} s: {listed}")
            # Driving through an hour settles many times.
            time.sleep(0.01 if isinstance(self.clock, DrivenClock) else 0.05)

    def advance(self, seconds: float, timeout: float = PATIENCE) -> None:
        """Drive the clock on, settling at each moment at which something is due.

        So what fires on the way sees its own time, and what follows from it is due from there.
        Raises `SandboxError` when the clock is a real one.
        """
        if not isinstance(self.clock, DrivenClock):
            raise SandboxError("only a driven clock advances", hint="Sandbox(clock=DrivenClock())")
        target = self.clock.monotonic() + seconds
        self.settle(timeout)
        while (due := self._platform.next_due) is not None and due <= target:
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            self.settle(timeout)
        self.clock.advance(target - self.clock.monotonic())
        self.settle(timeout)

    def pending(self) -> dict[str, int]:
        """Tell what is in flight, by kind; empty when the sandbox has settled."""
        requests = self._counted.pending
        return {**({"requests": requests} if requests else {}), **self._platform.pending()}

    def dead_letters(self) -> list[DeadLetter]:
        """Return what lies in the dead-letter queues of the stack, without receiving it."""
        return [
            DeadLetter(body, attributes)
            for arn in self.stack.queue_arns()
            for body, attributes in moto_state.messages(arn)
        ]

    def update(self, parameters: Mapping[str, str]) -> None:
        """Deploy again with these parameters changed; restart the workers."""
        self.stack.deploy(parameters)
        self._run_functions()

    def function(self, logical_id: str) -> FunctionSpec:
        """Return a function of the stack; raise when there is none such."""
        found = self._platform.find(logical_id)
        if found is None:
            raise SandboxError(f"the stack has no function {logical_id}")
        return found.spec

    def invoke(self, function: str, payload: object) -> Result | None:
        """Run a function (logical id, name or ARN) with a payload (bytes, or anything JSON)."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self._platform.invoke(function, data)

    def invoke_later(self, function: str, payload: object) -> str | None:
        """Queue a payload for a function as EventBridge would; return the request id."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self._platform.invoke_later(function, data)

    def refuse(
        self, function: str, times: int, *, code: str = "THROTTLING", retryable: bool = True
    ) -> None:
        """Let the next deliveries of rules and schedules to a function be refused."""
        refusal = Undeliverable(code, f"{code}, as the test asked for", retryable)
        self._platform.refuse(self.function(function).arn, [refusal] * times)

    def put_event(self, event: dict[str, Any]) -> None:
        """Put an event on the default bus, past PutEvents (which refuses `aws.` sources)."""
        self._platform.put_event(event)

    def _authorized(self, app: WSGIApplication, roles: Roles) -> WSGIApplication:
        if not self._enforce_iam:
            return app
        account = moto_state.ACCOUNT_ID
        return AuthorizationLayer(app, identities=self._identities, roles=roles, account_id=account)

    def _stacks_through(self, trail: WSGIApplication) -> NetworkStacks:
        """Let CloudFormation make networks by calls that it makes for the user."""
        self._identities[_CLOUDFORMATION_KEY] = Identity.user(
            "sandbox-user",
            account_id=moto_state.ACCOUNT_ID,
            partition=moto_state.partition_of(self.region),
            invoked_by="cloudformation.amazonaws.com",
        )
        return NetworkStacks(
            lambda region: ec2_client(trail, _CLOUDFORMATION_KEY, region),
            self.clock,
            lambda seconds, call: self._platform.later(seconds, call),
        )

    def _deploy(self, launcher: Launcher) -> None:
        launcher.prepare()
        self._install(self._template, STACK_NAME, self._parameters)
        self._platform.start_schedules()

    def _install(self, template: Path, name: str, parameters: Mapping[str, str]) -> None:
        platform = partial(self._client, key=_PLATFORM_KEY)
        self.stack = Stack(template, platform, self.region, name)
        defaults = {k: v for k, v in DEFAULTS.items() if self.stack.has_parameter(k)}
        self.stack.deploy({**defaults, **parameters})
        self._run_functions()

    def _run_functions(self) -> None:
        specs = self.stack.functions()
        for spec in specs:
            role = spec.role_arn.rpartition("/")[2]
            self._identities[access_key_of(spec.logical_id)] = Identity.assumed_role(
                role,
                spec.name,
                account_id=moto_state.ACCOUNT_ID,
                partition=moto_state.partition_of(self.region),
            )
        self._platform.run(specs)

    def _publish(self, record: dict[str, Any]) -> None:
        identity = self._identities.get(str(record["userIdentity"].get("accessKeyId", "")))
        by_guardrail = identity is not None and identity.session_issuer is not None
        self.journal.add(Recorded(record, by_guardrail, self.clock.now()))
        # Events appear in the region of the call, and the stack is in one region only.
        if record["awsRegion"] == self.region and deliverable(record):
            self._platform.put_event(envelope(record))

    def _client(self, service: str, key: str, region: str | None = None) -> Client:
        return self._clients.get(service, key, region or self.region, self.url)

    def _require_artifact(self) -> None:
        if not self._artifact.is_dir():
            problem = f"no built artifact at {self._artifact}"
            raise SandboxError(problem, hint="run `make build` first")
