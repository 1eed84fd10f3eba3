"""The local organisation, composed: moto in front, StackSets, and the members' processes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from guardrail_sandbox import moto_state
from guardrail_sandbox.clients import Clients
from guardrail_sandbox.organisation.bucket_policies import BucketPolicies
from guardrail_sandbox.organisation.callers import Callers
from guardrail_sandbox.organisation.deployment import MemberStacks
from guardrail_sandbox.organisation.members import Members
from guardrail_sandbox.organisation.operations import Operations
from guardrail_sandbox.organisation.routing import Router
from guardrail_sandbox.organisation.stack_set_api import StackSetLayer
from guardrail_sandbox.organisation.tree import Tree
from guardrail_sandbox.organisation.watch import Watch
from guardrail_sandbox.server import Server

if TYPE_CHECKING:
    from types import TracebackType

    from guardrail_sandbox.untyped import Client

USER_KEY = "AKIASANDBOXUSER"


class LocalOrganisation:
    """Context manager; the account of this process is the management account.

    It begins with an organisation and nothing in it. Every other account has a process for each
    region that is used. Raises `SandboxError` when the port is taken.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port
        self._clients = Clients()
        self.management = moto_state.ACCOUNT_ID

    def __enter__(self) -> Self:
        """Start it."""
        moto_state.reset()
        self._scratch = tempfile.TemporaryDirectory(prefix="guardrail-organisation-")
        folder = Path(self._scratch.name)
        moto = BucketPolicies(moto_state.Serialised())
        self.members = Members(folder)
        tree = Tree(moto)
        stacks = MemberStacks(moto, self.members, tree, folder)
        self._operations = Operations(stacks)
        sets = StackSetLayer(moto, tree, self._operations)
        watch = Watch(sets, sets.moved, stacks.disabled)
        callers = Callers(watch, self.members, self.management, tree.everybody)
        router = Router(callers, callers, self.members, self.management)
        try:
            self._server = Server(router, self._port)
        except BaseException:
            self._scratch.cleanup()
            raise
        self._server.start()
        self.client("organizations").create_organization(FeatureSet="ALL")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes and release the port."""
        self._operations.close()
        self.members.close()
        self._server.close()
        self._scratch.cleanup()

    @property
    def url(self) -> str:
        """Value for AWS_ENDPOINT_URL."""
        return self._server.url

    def client(self, service: str, region: str = "us-east-1") -> Client:
        """Return a boto3 client that calls as the management account's user."""
        return self._clients.get(service, USER_KEY, region, self.url)
