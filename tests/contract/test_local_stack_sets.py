"""The local organisation's StackSets, through the SDK: what the commands' own adapter meets there.

The stacks themselves are played; tests/integration/test_rolled_out.py has real ones.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import boto3
import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition, Outcome, Pace
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.removal import Removal, Scope
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.stack_set import AwsStackSets
from guardrail_sandbox import moto_state
from guardrail_sandbox.organisation.operations import Operations, RefusedError
from guardrail_sandbox.organisation.stack_set import Stack, StackSet
from guardrail_sandbox.organisation.stack_set_api import StackSetLayer
from guardrail_sandbox.organisation.story import joined, unit_named
from guardrail_sandbox.organisation.tree import Tree
from guardrail_sandbox.organisation.watch import Watch
from guardrail_sandbox.server import Server
from support.stack_sets import FakeArtifacts, Said

NAME = "sfn-endpoint-guardrail"
REGIONS = ("eu-west-1", "us-east-1")
TEMPLATE = json.dumps({"Parameters": {"Mode": {"Default": "observe"}}, "Resources": {}})
WAIT = 20.0


def nap(_: float) -> None:
    """Sleep, but not for as long as one is asked to."""
    time.sleep(0.05)


@dataclass
class Played:
    """Stacks that are only noted; `broken` accounts refuse, `go` lets operations go on."""

    tree: Tree
    broken: set[str] = field(default_factory=set)
    done: list[tuple[str, str, str]] = field(default_factory=list)
    go: Event = field(default_factory=Event)

    def suspended(self, account: str) -> bool:
        """See `Deployer.suspended`."""
        return self.tree.state(account) != "ACTIVE"

    def create(self, stack_set: StackSet, stack: Stack) -> str:
        """See `Deployer.create`."""
        self._do("create", stack)
        assert (stack.account, stack.region) in stack_set.stacks
        return f"arn:aws:cloudformation:{stack.region}:{stack.account}:stack/x/1"

    def update(self, stack_set: StackSet, stack: Stack) -> None:
        """See `Deployer.update`."""
        self._do("update", stack)
        assert stack.stack_id in {one.stack_id for one in stack_set.stacks.values()}

    def delete(self, stack: Stack) -> None:
        """See `Deployer.delete`."""
        self._do("delete", stack)

    def _do(self, what: str, stack: Stack) -> None:
        assert self.go.wait(WAIT)
        if stack.account in self.broken:
            raise RefusedError("with an explicit deny in a service control policy")
        self.done.append((what, stack.account, stack.region))


@dataclass
class Site:
    """A local organisation without processes."""

    played: Played
    unit: str
    organizations: Any

    @property
    def sets(self) -> AwsStackSets:
        """Return the stack set as the commands see it."""
        return AwsStackSets(NAME, REGIONS[0], delegated=False)

    def rollout(self) -> Rollout:
        """Return a roll-out that does not sleep for long."""
        organisation = AwsOrganisation(REGIONS[0])
        return Rollout(self.sets, organisation, FakeArtifacts(), Said(), sleep=nap)

    def wanted(self, mode: str) -> Definition:
        """Return a definition that differs by its mode."""
        return Definition(TEMPLATE, {"Mode": mode}, (self.unit,), REGIONS)

    def ended(self, operation_id: str) -> dict[tuple[str, str], Outcome]:
        """Wait until an operation has ended; return what it came to."""
        for _ in range(int(WAIT / 0.05)):
            if (operation := self.sets.operation(operation_id)).ended:
                return dict(operation.results)
            nap(0)
        raise AssertionError(f"{operation_id} goes on")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve an organisation with a unit, and let every client of the SDK go there."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    moto = moto_state.Serialised()
    tree = Tree(moto)
    played = Played(tree)
    played.go.set()
    operations = Operations(played)
    layer = StackSetLayer(moto, tree, operations)
    server = Server(Watch(layer, layer.moved, set()), 0)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    organizations = boto3.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    try:
        yield Site(played, unit_named(organizations, "workloads"), organizations)
    finally:
        operations.close()
        server.close()


def test_it_is_rolled_out_upgraded_and_removed(site: Site) -> None:
    """Twice changes nothing; accounts that join have it, those that leave lose it."""
    accounts = [joined(site.organizations, name, site.unit) for name in ("one", "two", "three")]
    assert site.rollout().deploy(site.wanted("observe")) == {}
    assert len(site.played.done) == 6
    assert site.rollout().deploy(site.wanted("observe")) == {}
    assert len(site.played.done) == 6

    newcomer = joined(site.organizations, "four", site.unit)
    assert site.rollout().deploy(site.wanted("enforce")) == {}
    created = [(account, region) for what, account, region in site.played.done if what == "create"]
    assert {region for account, region in created if account == newcomer} == set(REGIONS)
    assert {one.state for one in site.sets.instances()} == {"CURRENT"}

    root = site.organizations.list_roots()["Roots"][0]["Id"]
    site.organizations.move_account(
        AccountId=accounts[0], SourceParentId=site.unit, DestinationParentId=root
    )
    removal = Removal(site.sets, AwsOrganisation(REGIONS[0]), Said(), sleep=nap)
    assert removal.stacks(Scope()) == {}
    removal.the_set()
    assert site.sets.definition() is None
    deleted = [(account, region) for what, account, region in site.played.done if what == "delete"]
    assert sorted(deleted) == sorted(created)


def test_a_set_tells_what_it_gives_and_to_whom(site: Site) -> None:
    """And CloudFormation's refusals have the codes that the commands know."""
    account = joined(site.organizations, "one", site.unit)
    assert site.sets.definition() is None
    site.sets.create(site.wanted("observe"))
    site.ended(site.sets.add((site.unit,), [account], ["eu-west-1"], Pace()))
    standing = site.sets.definition()
    assert standing
    assert (standing.template, standing.chosen) == (TEMPLATE, {"Mode": "observe"})
    assert (standing.units, standing.regions) == ((site.unit,), ("eu-west-1",))
    client = boto3.client("cloudformation", region_name=REGIONS[0])
    named = {"StackSetName": NAME, "CallAs": "SELF"}
    with pytest.raises(client.exceptions.StackSetNotEmptyException):
        client.delete_stack_set(**named)
    with pytest.raises(client.exceptions.OperationNotFoundException):
        client.describe_stack_set_operation(OperationId="none", **named)
    for refused, code in (
        (lambda: site.sets.create(site.wanted("observe")), "NameAlreadyExists"),
        (
            lambda: site.sets.update(site.wanted("observe"), [account], ["us-east-1"], Pace()),
            "StackInstanceNotFound",
        ),
        (
            lambda: site.sets.update(
                replace(site.wanted("observe"), units=(site.unit, "ou-strange")),
                [account],
                ["eu-west-1"],
                Pace(),
            ),
            "ou-strange not found in StackSet",
        ),
    ):
        with pytest.raises(UsageError, match=code):
            refused()


def test_a_unit_can_be_added_while_an_account_keeps_failing(site: Site) -> None:
    """Its stacks are updated by the units of the set, not by those that are to come."""
    one, two = sorted(joined(site.organizations, name, site.unit) for name in ("one", "two"))
    assert site.rollout().deploy(site.wanted("observe")) == {}
    site.played.broken = {two}
    with pytest.raises(UsageError, match="updating stopped"):
        site.rollout().deploy(site.wanted("enforce"))
    other = unit_named(site.organizations, "more")
    three = joined(site.organizations, "three", other)
    wider = replace(site.wanted("enforce"), units=(site.unit, other))
    assert site.rollout().deploy(wider).keys() == {(two, region) for region in REGIONS}
    settled = {one.account for one in site.sets.instances() if one.settled}
    assert settled == {one, three}


def test_more_failures_than_may_be_cancel_the_rest(site: Site) -> None:
    """In that region; the accounts that were not begun say so."""
    accounts = sorted(joined(site.organizations, f"a{number}", site.unit) for number in range(4))
    site.played.broken = {accounts[0], accounts[1]}
    site.sets.create(site.wanted("observe"))
    begun = site.sets.add((site.unit,), accounts, ["eu-west-1"], Pace(at_once=1, may_fail=1))
    statuses = [outcome.status for _, outcome in sorted(site.ended(begun).items())]
    assert statuses == ["FAILED", "FAILED", "CANCELLED", "CANCELLED"]
    told = {one.account: (one.state, one.detail) for one in site.sets.instances()}
    assert told[accounts[0]] == ("OUTDATED", "FAILED")
    assert told[accounts[3]] == ("OUTDATED", "CANCELLED")


def test_operations_wait_for_each_other(site: Site) -> None:
    """Managed execution: the second one is queued, and both are seen to go on."""
    account = joined(site.organizations, "one", site.unit)
    site.sets.create(site.wanted("observe"))
    site.played.go.clear()
    first = site.sets.add((site.unit,), [account], ["eu-west-1"], Pace())
    second = site.sets.add((site.unit,), [account], ["us-east-1"], Pace())
    assert site.sets.operation(second).status == "QUEUED"
    assert site.sets.running() in {first, second}
    site.played.go.set()
    assert {one.status for one in site.ended(second).values()} == {"SUCCEEDED"}
    assert site.sets.running() is None


def test_a_suspended_account_is_skipped(site: Site) -> None:
    """Nothing can be done there, and it does not count as a failure."""
    account = joined(site.organizations, "one", site.unit)
    site.sets.create(site.wanted("observe"))
    site.ended(site.sets.add((site.unit,), [account], ["eu-west-1"], Pace()))
    site.organizations.close_account(AccountId=account)
    begun = site.sets.remove((site.unit,), ["eu-west-1"], Pace())
    assert site.ended(begun)[account, "eu-west-1"].status == "CANCELLED"
    (left,) = site.sets.instances()
    assert left.detail == "SKIPPED_SUSPENDED_ACCOUNT"
    detached = site.sets.detach((site.unit,), [account], ["eu-west-1"], Pace())
    assert site.ended(detached)[account, "eu-west-1"].status == "SUCCEEDED"
    assert not list(site.sets.instances())
