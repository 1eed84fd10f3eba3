"""The story that `make demo` plays: made, opened and closed again, and only watched.

Each act does what a person would do, with a real boto3 client, and then looks at what EC2 shows.
A step that does not happen ends the story with what was expected, what was there, and what the
functions last wrote.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail_sandbox.sandbox import Sandbox
from guardrail_sandbox.timeline import decision_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from guardrail_sandbox.screen import Screen
    from guardrail_sandbox.untyped import Client

OPEN_POLICY = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
_WAIT_SECONDS = 60.0
_ZONES = "abc"


class StoryError(Exception):
    """A step did not happen."""


@dataclass(slots=True)
class Story:
    """What the acts share: where to act, where to look, where to tell."""

    sandbox: Sandbox
    screen: Screen
    ec2: Client
    pause_seconds: float
    vpc_id: str = ""
    endpoint_id: str = ""

    def act(self, title: str, intention: str) -> None:
        """Announce an act."""
        self.screen.say()
        self.screen.say(title, "bold underline")
        self.screen.say(intention, "italic")
        time.sleep(self.pause_seconds)

    def does(self, what: str) -> None:
        """Announce what somebody does next."""
        time.sleep(self.pause_seconds)
        self.screen.say(f"> {what}", "bold")

    def until(
        self, expected: str, happened: Callable[[], bool], look: Callable[[], object]
    ) -> None:
        """Wait for something to happen; `look` tells what was there if it did not."""
        if not self.sandbox.wait_until(happened, _WAIT_SECONDS):
            self.fails(expected, look())

    def check(self, expected: str, *, holds: bool, found: object) -> None:
        """Check what was read from EC2, and say so."""
        if not holds:
            self.fails(expected, found)
        self.screen.say(f"  ✓ {expected}", "green")

    def fails(self, expected: str, found: object) -> None:
        """End the story."""
        lines = "\n".join(f"  {line}" for line in self.sandbox.journal.last_lines(4))
        raise StoryError(f"expected: {expected}\nfound:    {found}\nlast log lines:\n{lines}")

    def endpoints(self, vpc_id: str) -> list[dict[str, Any]]:
        """Return the live endpoints of a VPC."""
        found = self.ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
        return [e for e in found["VpcEndpoints"] if e["State"] in {"pending", "available"}]

    def policy(self) -> Any:  # noqa: ANN401  a policy is JSON
        """Return the policy of the endpoint of this story."""
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[self.endpoint_id])
        return json.loads(found["VpcEndpoints"][0]["PolicyDocument"])

    def decided(self, vpc_id: str) -> list[str]:
        """Return what was decided about a VPC so far."""
        logs = self.sandbox.logs
        return [decision_of(fields) for fields in logs if fields.get("vpc_id") == vpc_id]

    def decides(self, vpc_id: str, code: str) -> None:
        """Wait until a decision about a VPC names this code."""
        self.until(
            f"a decision {code} about {vpc_id}",
            lambda: any(code in decision for decision in self.decided(vpc_id)),
            lambda: self.decided(vpc_id) or "no decision",
        )

    def make_vpc(self, block: str) -> str:
        """Create a VPC and wait until the guardrail has seen it."""
        vpc_id: str = self.ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        return vpc_id

    def make_subnets(self, vpc_id: str, block: str) -> None:
        """Create a subnet in each of three zones."""
        for number, zone in enumerate(_ZONES):
            self.ec2.create_subnet(
                VpcId=vpc_id,
                CidrBlock=f"{block}.{number}.0/24",
                AvailabilityZone=f"{self.sandbox.region}{zone}",
            )

    def enable_hostnames(self, vpc_id: str) -> None:
        """Turn on what private DNS needs."""
        self.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})


def play(screen: Screen, *, artifact: Path | None = None) -> None:
    """Play all acts; raises `StoryError` when a step does not happen."""
    started = time.monotonic()
    screen.say("The guardrail on a local AWS: its own template, the built artifact, no account.")
    with Sandbox(artifact=artifact, on_line=screen.entry) as sandbox:
        screen.say(f"functions run on {sandbox.interpreter}; creation settles for 1 s, not 300 s")
        sandbox.settle()
        pause = 0.7 if screen.console.is_terminal else 0.0
        story = Story(sandbox, screen, sandbox.client("ec2"), pause)
        _made(story)
        _closed(story)
        _watched(story)
        _summary(story, time.monotonic() - started)


def _made(story: Story) -> None:
    story.act("1  A VPC gets its endpoint", "Somebody builds a VPC step by step and does no more.")
    story.does("create-vpc")
    story.vpc_id = story.make_vpc("10.0")
    story.decides(story.vpc_id, "waiting-for-subnets")
    story.does("create-subnet in three zones")
    story.make_subnets(story.vpc_id, "10.0")
    story.decides(story.vpc_id, "waiting-for-dns")
    story.does("modify-vpc-attribute: DNS hostnames on")
    story.enable_hostnames(story.vpc_id)
    story.until(
        "an endpoint in the VPC",
        lambda: bool(story.endpoints(story.vpc_id)),
        lambda: story.decided(story.vpc_id),
    )
    story.sandbox.settle()
    _check_endpoint(story)


def _check_endpoint(story: Story) -> None:
    found = story.endpoints(story.vpc_id)
    story.check("one endpoint", holds=len(found) == 1, found=found)
    endpoint = found[0]
    story.endpoint_id = endpoint["VpcEndpointId"]
    policy = story.policy()
    story.check(
        f"policy: {_in_words(policy)}", holds=_is_bound(policy, endpoint["OwnerId"]), found=policy
    )
    zones = _zones(story, endpoint["SubnetIds"])
    story.check(f"subnets: one each in {', '.join(zones)}", holds=len(set(zones)) == 3, found=zones)
    _check_group(story, [group["GroupId"] for group in endpoint["Groups"]])
    private = endpoint["PrivateDnsEnabled"]
    story.check("private DNS on", holds=private is True, found=private)


def _check_group(story: Story, group_ids: list[str]) -> None:
    found = story.ec2.describe_security_groups(GroupIds=group_ids)["SecurityGroups"]
    rules = [
        (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"), block["CidrIp"])
        for group in found
        for rule in group["IpPermissions"]
        for block in rule["IpRanges"]
    ]
    names = ", ".join(group["GroupName"] for group in found)
    expected = f"security group {names}: TCP 443 from 10.0.0.0/16 and nothing else"
    story.check(expected, holds=rules == [("tcp", 443, 443, "10.0.0.0/16")], found=rules)


def _closed(story: Story) -> None:
    story.act("2  Somebody opens it", "The default policy lets everyone do everything.")
    before, writes = story.policy(), len(story.sandbox.writes())
    story.does("modify-vpc-endpoint --policy-document '{… Allow * * *}'")
    story.ec2.modify_vpc_endpoint(VpcEndpointId=story.endpoint_id, PolicyDocument=OPEN_POLICY)
    story.until(
        "the policy put back",
        lambda: len(story.sandbox.writes()) > writes and story.policy() == before,
        story.policy,
    )
    story.sandbox.settle()
    closed = [line.text for line in story.screen.lines if line.kind == "closed"]
    story.check("put back, and said who, how long and why", holds=len(closed) == 1, found=closed)
    story.check(
        "the policy is the one before", holds=story.policy() == before, found=story.policy()
    )
    more = [record["eventName"] for record in story.sandbox.writes()[writes:]]
    expected = "one write; its own event came back and led to none"
    story.check(expected, holds=more == ["ModifyVpcEndpoint"], found=more)


def _watched(story: Story) -> None:
    story.act("3  The same in observe mode", "Deployed again with Mode=observe: it only tells.")
    story.sandbox.update({"Mode": "observe"})
    writes, decisions = len(story.sandbox.writes()), len(story.sandbox.logs)
    story.does("modify-vpc-endpoint --policy-document '{… Allow * * *}'")
    story.ec2.modify_vpc_endpoint(VpcEndpointId=story.endpoint_id, PolicyDocument=OPEN_POLICY)
    _planned(story, decisions, story.vpc_id, {"WritePolicy"})
    story.does("create-vpc, create-subnet, modify-vpc-attribute")
    other = story.make_vpc("10.1")
    story.make_subnets(other, "10.1")
    story.enable_hostnames(other)
    _planned(story, decisions, other, {"CreateSecurityGroup", "AuthorizeClients", "CreateEndpoint"})
    story.sandbox.settle()
    more = [record["eventName"] for record in story.sandbox.writes()[writes:]]
    story.check(
        "the same was planned and nothing written (0 EC2 writes)", holds=not more, found=more
    )
    policy = story.policy()
    still = policy == json.loads(OPEN_POLICY) and not story.endpoints(other)
    story.check("so the endpoint stands open and the new VPC has none", holds=still, found=policy)


def _planned(story: Story, since: int, vpc_id: str, actions: set[str]) -> None:
    def recorded() -> set[str]:
        return {
            action["action"]
            for fields in story.sandbox.logs[since:]
            if fields.get("vpc_id") == vpc_id
            for action in fields.get("actions") or ()
            if action.get("result") == "recorded"
        }

    story.until(f"{sorted(actions)} planned for {vpc_id}", lambda: recorded() >= actions, recorded)


def _summary(story: Story, seconds: float) -> None:
    sandbox = story.sandbox
    letters = sandbox.dead_letters()
    others, own = len(sandbox.writes(by_guardrail=False)), len(sandbox.writes())
    decisions = sum("vpc_id" in fields for fields in sandbox.logs)
    story.screen.say()
    story.check("nothing in the dead-letter queue", holds=not letters, found=letters)
    story.screen.say(
        f"{others} calls by others, {decisions} decisions, {own} writes by the guardrail; "
        f"{seconds:.0f} s in all.",
        "bold",
    )
    story.screen.say("Go on by hand: make sandbox")


def _zones(story: Story, subnet_ids: list[str]) -> list[str]:
    found = story.ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]
    return sorted(subnet["AvailabilityZone"] for subnet in found)


def _is_bound(policy: dict[str, Any], account_id: str) -> bool:
    """Whether every statement that allows something is bound to the account."""
    allowing = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    return bool(allowing) and all(account_id in json.dumps(s) for s in allowing)


def _in_words(policy: dict[str, Any]) -> str:
    """Name what each statement allows; the conditions once, they are the same."""
    parts = []
    for statement in policy["Statement"]:
        actions = statement["Action"]
        count = actions if isinstance(actions, str) else f"{len(actions)} actions without resource"
        parts.append(count)
    condition = policy["Statement"][0].get("Condition", {})
    terms = [f"{k} = {v}" for test in condition.values() for k, v in test.items()]
    return f"{', '.join(parts)} if {' and '.join(terms)}"
