"""An organisation of several accounts and regions, with the commands as a person runs them.

Each account's region is a process with the built functions; see guardrail_sandbox.organisation.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from guardrail_sandbox.organisation.member import ADMINISTRATOR
from guardrail_sandbox.organisation.story import (
    COMMAND,
    PREFIX,
    buckets,
    client_in,
    environment,
    joined,
    unit_named,
    vpc,
)
from guardrail_sandbox.sandbox import ROOT

REGIONS = ("us-east-1", "eu-west-1")
HOME = ("--home", REGIONS[0])
MANAGEMENT = "123456789012"
WAIT = 300.0

pytestmark = [pytest.mark.timeout(2400), pytest.mark.takes(700)]


@dataclass
class Site:
    """A running organisation; `folder` is where the commands find the project."""

    url: str
    folder: Path = ROOT

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        """Return a client of the management account's user."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="AKIASANDBOXUSER",
            aws_secret_access_key="sandbox",
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**environment(self.url), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Run a command to its end; return what it printed on both streams."""
        ran = self.begin(*arguments)
        out, err = ran.communicate(timeout=900)
        assert ran.returncode == code, (arguments, out, err)
        assert "Traceback" not in err
        return out, err

    def status(self, *, code: int, name: str = "sfn-endpoint-guardrail") -> dict[Any, Any]:
        """Return the rows of a status by account and region."""
        out, _ = self.run("status", *HOME, "--format", "json", "--stack-set", name, code=code)
        rows = [json.loads(line) for line in out.splitlines()]
        return {(row["account"], row["region"]): row for row in rows}

    def endpoints(self, account: str, region: str) -> list[dict[str, Any]]:
        """Return the endpoints of an account in a region that are not deleted."""
        found = client_in(self.url, account, "ec2", region).describe_vpc_endpoints()
        return [one for one in found["VpcEndpoints"] if one["State"] in {"pending", "available"}]

    def sweep(self, account: str, region: str) -> None:
        """Let a stack sweep now, not by its schedule."""
        functions = client_in(self.url, account, "lambda", region)
        names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
        (name,) = (one for one in names if "Sweep" in one)
        answer = functions.invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer

    def operations(self) -> int:
        """Return how many operations the stack set has had."""
        found = self.client("cloudformation").list_stack_set_operations(
            StackSetName="sfn-endpoint-guardrail"
        )
        return len(found["Summaries"])


@pytest.fixture(scope="module")
def site(artifact: Path) -> Iterator[Site]:
    """Start an organisation with artifact buckets, and make sure that it ends."""
    assert artifact.is_dir()
    running = subprocess.Popen(
        [sys.executable, "-m", "guardrail_sandbox", "organisation", "--port", "0"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout
        ready = re.fullmatch(r"ready (\S+)\n", running.stdout.readline())
        assert ready
        try:
            site = Site(ready[1])
            buckets(site.client, REGIONS)
            yield site
        finally:
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 0


def until(look: Callable[[], Any]) -> Any:
    """Wait until something is there; return it."""
    end = time.monotonic() + WAIT
    while not (found := look()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.5)
    return found


def newer(folder: Path) -> Path:
    """Return a copy of the project, built, whose functions differ by a comment."""
    for name in ("src", "deploy"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "template.yaml", folder)
    built = folder / ".aws-sam" / "build"
    shutil.copytree(ROOT / ".aws-sam" / "build", built, copy_function=os.link)
    for package in (folder / "src", *(one for one in built.iterdir() if one.is_dir())):
        module = package / "guardrail" / "__init__.py"
        text = module.read_text(encoding="utf-8")
        module.unlink()  # it may be a link to the real one
        module.write_text(text + "\n# The next version.\n", encoding="utf-8")
    return folder


def test_from_the_first_deployment_to_removal(site: Site, tmp_path: Path) -> None:
    """Interrupted, deployed, joined, protected in a second region, upgraded, seen and removed."""
    organizations = site.client("organizations")
    unit = unit_named(organizations, "workloads")
    accounts = [joined(organizations, name, unit) for name in ("shop", "billing")]
    deploy = (
        *("deploy", "--organization-units", unit, "--regions", ",".join(REGIONS), *HOME),
        *("--artifact-prefix", PREFIX, "--mode", "observe", "--parameter", "SettleSeconds=1"),
        *("--parameter", f"StatusReader=arn:aws:iam::{MANAGEMENT}:root"),
    )
    interrupted(site, deploy)
    _, said = site.run(*deploy)
    assert "every account and region has its stack" in said
    begun = site.operations()
    site.run(*deploy)
    assert site.operations() == begun, "the second time changes nothing"

    accounts.append(joined(organizations, "newcomer", unit))
    places = {(account, region) for account in accounts for region in REGIONS}
    until(lambda: settled(site) == places)
    site.run("upgrade", *HOME, "--mode", "enforce")
    endpoint = protected(site, accounts[-1], REGIONS[1])
    for place in sorted(places):
        site.sweep(*place)
    before = site.status(code=0)
    assert {row["mode"] for place, row in before.items() if place in places} == {"enforce"}, before

    site.folder = newer(tmp_path)
    _, said = site.run("upgrade", *HOME)
    assert "the code is published" in said
    after = site.status(code=0)
    assert places <= after.keys()
    versions = {row["version"] for place, row in after.items() if place in places}
    assert len(versions) == 1
    assert not versions & {row["version"] for row in before.values()}
    assert not [
        row["problem"] for place, row in after.items() if place in places and row["problem"]
    ]
    assert all(after[place]["sweep"] for place in places)

    removed(site, accounts[-1], endpoint)


def interrupted(site: Site, deploy: tuple[str, ...]) -> None:
    """Begin to deploy, and break the command off in the middle."""
    begun = site.begin(*deploy)
    assert begun.stderr
    for line in begun.stderr:
        if "deploying to" in line:
            break
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode != 0
    assert "Traceback" not in err


def settled(site: Site) -> set[tuple[str, str]]:
    """Return the places that have their stack."""
    found = site.client("cloudformation").list_stack_instances(
        StackSetName="sfn-endpoint-guardrail"
    )
    return {(i["Account"], i["Region"]) for i in found["Summaries"] if i["Status"] == "CURRENT"}


def protected(site: Site, account: str, region: str) -> str:
    """Make a VPC and wait for its endpoint, which the account's own stack makes; return its id."""
    vpc_id = vpc(client_in(site.url, account, "ec2", region), region)
    (made,) = until(lambda: site.endpoints(account, region))
    assert (made["VpcId"], made["OwnerId"]) == (vpc_id, account)
    assert made["ServiceName"] == f"com.amazonaws.{region}.states"
    stack = {tag["Key"]: tag["Value"] for tag in made["Tags"]}["sfn-endpoint-guardrail:managed-by"]
    assert stack.startswith(f"arn:aws:cloudformation:{region}:{account}:stack/StackSet-")
    template = client_in(site.url, account, "cloudformation", region).describe_stacks(
        StackName=stack
    )
    told = {p["ParameterKey"]: p["ParameterValue"] for p in template["Stacks"][0]["Parameters"]}
    assert told["ArtifactPrefix"] == PREFIX
    return str(made["VpcEndpointId"])


def removed(site: Site, account: str, endpoint: str) -> None:
    """Remove everything, the endpoint too; the second time there is nothing to do."""
    out, _ = site.run("remove", *HOME, "--role", ADMINISTRATOR, "--delete-endpoints", "--yes")
    assert endpoint in out
    assert site.endpoints(account, REGIONS[1]) == []
    out, err = site.run("remove", *HOME, "--role", ADMINISTRATOR, code=2)
    assert "there is no stack set" in out + err


def test_what_fails_is_told_with_its_cause_and_the_rest_is_deployed(site: Site) -> None:
    """A region that is off, a service control policy, a bucket that lets nobody in."""
    name = "sfn-endpoint-guardrail-second"
    organizations = site.client("organizations")
    unit = unit_named(organizations, "troubled")
    good, denied, off = (joined(organizations, one, unit) for one in ("good", "denied", "off"))
    deny(organizations, denied)
    site.client("account").disable_region(AccountId=off, RegionName=REGIONS[1])
    _, told = site.run(
        *("deploy", "--organization-units", unit, "--regions", ",".join(REGIONS), *HOME),
        *("--artifact-prefix", PREFIX, "--stack-set", name, "--first", good),
        *("--parameter", f"StatusReader=arn:aws:iam::{MANAGEMENT}:root", "--may-fail", "1"),
        code=1,
    )
    assert "exempt CloudFormation's StackSets role" in told
    assert "the region is not enabled in this account" in told
    close(site.client("s3"), REGIONS[0])
    late = joined(organizations, "late", unit)
    unread = "bucket cannot be read"
    until(lambda: unread in site.status(code=1, name=name)[late, REGIONS[0]]["problem"])
    rows = site.status(code=1, name=name)
    assert "explicit deny in a service control policy" in rows[denied, REGIONS[0]]["problem"]
    assert "not enabled" in rows[off, REGIONS[1]]["problem"]
    assert unread in rows[late, REGIONS[0]]["problem"]
    for place in ((good, REGIONS[0]), (good, REGIONS[1]), (off, REGIONS[0])):
        assert (rows[place]["state"], rows[place]["problem"]) == ("CURRENT", "")


def deny(organizations: Any, account: str) -> None:
    """Attach a policy that lets nobody make functions."""
    statement = {"Effect": "Deny", "Action": "lambda:CreateFunction", "Resource": "*"}
    made = organizations.create_policy(
        Name="no-functions",
        Description="Nobody makes functions",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    policy_id = made["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy_id, TargetId=account)


def close(s3: Any, region: str) -> None:
    """Let the bucket of a region be read by another organisation alone."""
    policy = s3.get_bucket_policy(Bucket=f"{PREFIX}-{region}")["Policy"]
    another = re.sub(r"o-[a-z0-9]{10,}", "o-zzzzzzzzzz", policy)
    s3.put_bucket_policy(Bucket=f"{PREFIX}-{region}", Policy=another)
