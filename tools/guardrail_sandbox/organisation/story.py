"""The story that `make demo-org` plays: an organisation rolls the guardrail out and removes it.

The commands are the real ones, run as a person would; what they print is shown. What happens in the
accounts is looked at through roles of those accounts. A step that does not happen ends the story.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from guardrail_sandbox.expand import expand, load
from guardrail_sandbox.organisation.local import USER_KEY, LocalOrganisation
from guardrail_sandbox.organisation.member import ADMINISTRATOR
from guardrail_sandbox.sandbox import ROOT
from guardrail_sandbox.story import StoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail_sandbox.screen import Screen
    from guardrail_sandbox.untyped import Client

REGIONS = ("us-east-1", "eu-west-1")
PREFIX = "acme-guardrail"
COMMAND = (sys.executable, "-c", "from guardrail_cli.main import main; main()", "org")
"""`sfn-guardrail org`, wherever it is installed."""

_WAIT_SECONDS = 300.0
_HOME = ("--home", REGIONS[0])


@dataclass
class Story:
    """What the acts share: the organisation, where to tell, and what was made so far."""

    organisation: LocalOrganisation
    screen: Screen
    unit: str = ""
    accounts: list[str] = field(default_factory=list)

    def act(self, title: str, intention: str) -> None:
        """Announce an act."""
        self.screen.say()
        self.screen.say(title, "bold underline")
        self.screen.say(intention, "italic")

    def command(self, *arguments: str, expected: int = 0) -> str:
        """Run `sfn-guardrail org …`, show it and what it prints; return its standard output."""
        self.screen.say(f"$ sfn-guardrail org {' '.join(arguments)}", "bold")
        ran = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=environment(self.organisation.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: list[str] = []
        with ran:
            for line in ran.stdout or ():
                lines.append(line)
                self.screen.say(f"  {line.rstrip()}")
        if ran.returncode != expected:
            raise StoryError(f"it ended with {ran.returncode}, not with {expected}")
        return "".join(lines)

    def until(self, expected: str, look: Callable[[], Any]) -> Any:  # noqa: ANN401  what was found
        """Wait until something is there, and return it."""
        end = time.monotonic() + _WAIT_SECONDS
        while not (found := look()):
            if time.monotonic() > end:
                raise StoryError(f"expected: {expected}; it is not there")
            time.sleep(0.5)
        self.screen.say(f"  ✓ {expected}", "green")
        return found

    def check(self, expected: str, *, holds: bool) -> None:
        """Check what was read, and say so."""
        if not holds:
            raise StoryError(f"expected: {expected}")
        self.screen.say(f"  ✓ {expected}", "green")

    def ec2(self, account: str, region: str) -> Client:
        """Return EC2 of an account, through the role that Organizations makes there."""
        return client_in(self.organisation.url, account, "ec2", region)

    def endpoints(self, account: str, region: str) -> list[dict[str, Any]]:
        """Return the endpoints of an account in a region that are not deleted."""
        found: list[dict[str, Any]] = self.ec2(account, region).describe_vpc_endpoints()[
            "VpcEndpoints"
        ]
        return [one for one in found if one["State"] in {"pending", "available"}]


def environment(url: str) -> dict[str, str]:
    """Return the environment of a command that is to reach the local organisation."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": USER_KEY,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": REGIONS[0],
    }


def client_in(url: str, account: str, service: str, region: str) -> Client:
    """Return a client inside of an account of the local organisation at `url`."""
    sts: Client = boto3.client(
        "sts",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=USER_KEY,
        aws_secret_access_key="sandbox",  # noqa: S106  moto takes any
    )
    arn = f"arn:aws:iam::{account}:role/{ADMINISTRATOR}"
    given = sts.assume_role(RoleArn=arn, RoleSessionName="platform-team")["Credentials"]
    found: Client = boto3.client(
        service,  # type: ignore[call-overload]  # any service name
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    return found


def joined(organizations: Client, name: str, unit: str) -> str:
    """Let a new account join a unit; return its id."""
    made = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
    account = str(made["CreateAccountStatus"]["AccountId"])
    (parent,) = organizations.list_parents(ChildId=account)["Parents"]
    organizations.move_account(
        AccountId=account, SourceParentId=parent["Id"], DestinationParentId=unit
    )
    return account


def unit_named(organizations: Client, name: str) -> str:
    """Make an organisational unit below the root; return its id."""
    root = organizations.list_roots()["Roots"][0]["Id"]
    made = organizations.create_organizational_unit(ParentId=root, Name=name)
    return str(made["OrganizationalUnit"]["Id"])


def buckets(client: Callable[[str, str], Client], regions: tuple[str, ...]) -> None:
    """Make the artifact buckets with the project's own template; `client` by service and region."""
    organization = client("organizations", regions[0]).describe_organization()["Organization"]
    given = {"Prefix": PREFIX, "OrganizationId": organization["Id"]}
    name = "sfn-guardrail-artifacts"
    for region in regions:
        template = load(ROOT / "deploy" / "artifact-buckets.yaml")
        expanded = expand(template, given, region=region, stack_name=name)
        cloudformation = client("cloudformation", region)
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(expanded.template),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        )
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        told = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        # moto's CloudFormation leaves policies of buckets out.
        for _, policy in expanded.supplements_of("AWS::S3::BucketPolicy", told):
            document = json.dumps(policy["PolicyDocument"])
            client("s3", region).put_bucket_policy(Bucket=policy["Bucket"], Policy=document)


def vpc(ec2: Client, region: str) -> str:
    """Make a VPC with a subnet and what private DNS needs; return its id."""
    vpc_id = str(ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])
    ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.7.0.0/24", AvailabilityZone=f"{region}a")
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    return vpc_id


def play(screen: Screen) -> None:
    """Play all acts; raises `StoryError` when a step does not happen."""
    screen.say("A local AWS Organization: every account and region is a process of its own.", "dim")
    with LocalOrganisation() as organisation:
        story = Story(organisation, screen)
        for act in (_prepare, _observe, _enforce, _join, _protect, _status, _remove):
            act(story)
    screen.say("\nThe organisation is as it was.", "bold green")


def _where(story: Story) -> tuple[str, ...]:
    return ("--organization-units", story.unit, "--regions", ",".join(REGIONS), *_HOME)


def _prepare(story: Story) -> None:
    story.act(
        "An organisation", f"A unit with two accounts; artifact buckets in {' and '.join(REGIONS)}."
    )
    organizations = story.organisation.client("organizations")
    story.unit = unit_named(organizations, "workloads")
    story.accounts = [joined(organizations, name, story.unit) for name in ("shop", "billing")]
    buckets(story.organisation.client, REGIONS)
    story.check(f"accounts {', '.join(story.accounts)} are in {story.unit}", holds=True)


def _observe(story: Story) -> None:
    story.act("Plan, and observe everywhere", "One account first, then the rest in waves.")
    story.command("plan", *_where(story), "--artifact-prefix", PREFIX)
    reader = f"arn:aws:iam::{story.organisation.management}:root"
    story.command(
        *("deploy", *_where(story), "--artifact-prefix", PREFIX, "--mode", "observe"),
        *("--parameter", f"StatusReader={reader}", "--parameter", "SettleSeconds=1"),
    )


def _enforce(story: Story) -> None:
    story.act(
        "Enforce", "Parameters are the stack set's own, so accounts that join have them, too."
    )
    story.command("upgrade", *_HOME, "--mode", "enforce")


def _join(story: Story) -> None:
    story.act("An account joins", "Nobody deploys anything there.")
    organizations = story.organisation.client("organizations")
    account = joined(organizations, "newcomer", story.unit)
    story.accounts.append(account)
    cloudformation = story.organisation.client("cloudformation")

    def settled() -> bool:
        found = cloudformation.list_stack_instances(StackSetName="sfn-endpoint-guardrail")
        mine = [one for one in found["Summaries"] if one["Account"] == account]
        return len(mine) == len(REGIONS) and all(one["Status"] == "CURRENT" for one in mine)

    story.until(f"{account} has its stack in {' and '.join(REGIONS)}", settled)


def _protect(story: Story) -> None:
    region = REGIONS[1]
    account = story.accounts[-1]
    story.act("A VPC in the new account", f"In {region}, with code from that region's bucket.")
    vpc_id = vpc(story.ec2(account, region), region)
    (endpoint,) = story.until(
        f"{vpc_id} of {account} in {region} has its endpoint",
        lambda: [one for one in story.endpoints(account, region) if one["VpcId"] == vpc_id],
    )
    policy = json.loads(endpoint["PolicyDocument"])
    statements = policy["Statement"]
    story.check(
        f"{endpoint['VpcEndpointId']} lets nobody in but by the baseline: "
        + ", ".join(str(one.get("Sid", one["Effect"])) for one in statements),
        holds=all(
            one.get("Condition") for one in statements if one["Principal"] in ("*", {"AWS": "*"})
        ),
    )


def _status(story: Story) -> None:
    story.act("Where it stands", "Read from every stack through the role that each account has.")
    for account in story.accounts:
        for region in REGIONS:
            _sweep(story, account, region)
    story.command("status", *_HOME)


def _sweep(story: Story, account: str, region: str) -> None:
    """Let a stack sweep now; else one would wait for the hour."""
    functions = client_in(story.organisation.url, account, "lambda", region)
    (name,) = (
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if "Sweep" in one["FunctionName"]
    )
    functions.invoke(FunctionName=name, Payload=b"{}")


def _remove(story: Story) -> None:
    story.act("Remove it", "Stacks, stack set, and the endpoints that it made.")
    story.command("remove", *_HOME, "--role", ADMINISTRATOR, "--delete-endpoints", "--yes")
    left = [
        one["VpcEndpointId"]
        for account in story.accounts
        for region in REGIONS
        for one in story.endpoints(account, region)
    ]
    story.check(f"endpoints left: {', '.join(left) or 'none'}", holds=not left)
