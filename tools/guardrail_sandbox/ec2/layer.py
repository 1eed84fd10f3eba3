"""The WSGI layer that runs behaviours around moto's EC2.

It stands behind the CloudTrail layer, so that refusals are recorded as failed calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from guardrail_sandbox import moto_endpoints, moto_state
from guardrail_sandbox.ec2.behaviour import ANY, After, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply, read_form, refusal, write_form
from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.untyped import Moto


class Ec2Layer:
    """WSGI middleware: EC2 calls meet the behaviours, all others pass.

    `region` is prepared at once, so that endpoints that CloudFormation makes there are
    completed as well.
    """

    def __init__(
        self,
        app: WSGIApplication,
        behaviours: Sequence[Behaviour],
        world: World,
        region: str = "us-east-1",
    ) -> None:
        self._app = app
        self._behaviours = behaviours
        self._world = world
        self._before: dict[str, list[Before]] = {}
        self._after: dict[str, list[After]] = {}
        self._meanwhile: dict[str, Callable[[], object]] = {}
        self._complete(region)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None or scope.service != "ec2":
            return self._app(environ, start_response)
        form = read_form(environ)
        call = Call(form.get("Action", ""), form, scope.region, scope.access_key)
        if (first := self._meanwhile.pop(call.action, None)) is not None:
            first()
        # Held over all parts, so that checks, moto's answer and effects belong together.
        with moto_state.LOCK:
            self._world.catch_up()
            reply = self._reply(call, environ)
        start_response(reply.status, list(reply.headers))
        return [reply.body]

    def before_next(self, action: str, do: Callable[[], object]) -> None:
        """Do something, once, right before the next call of `action` is served.

        So a test can be somebody who acts between a caller's read and its write.
        """
        self._meanwhile[action] = do

    def share_vpc(self, vpc_id: str, owner_id: str, region: str = "us-east-1") -> None:
        """Let a VPC and its subnets belong to another account, shared with this one by RAM."""
        with moto_state.LOCK:
            moto_endpoints.give_away(region, vpc_id, owner_id)

    def add_managed_endpoint(
        self, vpc_id: str, service_name: str, region: str = "us-east-1"
    ) -> str:
        """Let a service of AWS make an endpoint of its own; return its id."""
        with moto_state.LOCK:
            endpoint = moto_state.ec2(region).create_vpc_endpoint(
                vpc_id, service_name, "Interface", None, [], subnet_ids=[]
            )
            endpoint.requester_managed = True
            return str(endpoint.id)

    def _reply(self, call: Call, environ: WSGIEnvironment) -> Reply:
        form = call.form
        try:
            for before in self._hooks_before(call.action):
                if (early := before(call)) is not None:
                    return early
            if call.action == "CreateVpcEndpoint":
                self._complete(call.region)
            if call.form is not form:
                write_form(environ, call.form)
            with _seen_as(call):
                reply = _whole(self._app, environ)
            for after in self._hooks_after(call.action) if reply.succeeded else ():
                reply = after(call, reply)
        except RefusedError as refused:
            return refusal(refused)
        return reply

    def _hooks_before(self, action: str) -> list[Before]:
        if action not in self._before:
            found = [b.before() for b in self._behaviours]
            self._before[action] = [
                h for hooks in found for n, h in hooks.items() if n in {action, ANY}
            ]
        return self._before[action]

    def _hooks_after(self, action: str) -> list[After]:
        if action not in self._after:
            found = [b.after() for b in self._behaviours]
            self._after[action] = [
                h for hooks in found for n, h in hooks.items() if n in {action, ANY}
            ]
        return self._after[action]

    def _complete(self, region: str) -> None:
        """Have moto's own creation of endpoints completed; a reset of moto takes this away."""
        moto_endpoints.complete_endpoints(region, partial(self._made, region=region))

    def _made(self, endpoint: Moto, region: str) -> None:
        for behaviour in self._behaviours:
            behaviour.made(endpoint, region)


@contextmanager
def _seen_as(call: Call) -> Iterator[None]:
    """Let moto see the call's views in place of its resources."""
    if not call.views:
        yield
        return
    ec2 = call.ec2
    kept = {name: getattr(ec2, name) for name in call.views}
    for name, view in call.views.items():
        setattr(ec2, name, view)
    try:
        yield
    finally:
        for name, real in kept.items():
            setattr(ec2, name, real)


def _whole(app: WSGIApplication, environ: WSGIEnvironment) -> Reply:
    """Return everything that `app` answers."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(
        status: str, headers: list[tuple[str, str]], _: object = None, /
    ) -> Callable[[bytes], Any]:
        started.append((status, headers))
        return lambda _: None

    chunks = app(environ, start)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Reply(status, tuple(headers), body)
