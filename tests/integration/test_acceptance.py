"""What a person types with the stock AWS CLI, in this order, and the state it leads to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from scenes import OPEN_POLICY, Cli, endpoints_of, policy_of

from guardrail_sandbox.sandbox import Sandbox


@dataclass
class Typed:
    """What was made so far; the tests of this module build on each other."""

    vpc_id: str = ""
    endpoint: dict[str, Any] = field(default_factory=dict)

    @property
    def endpoint_id(self) -> str:
        """Id of the endpoint that the guardrail made."""
        if not self.endpoint:
            pytest.skip("needs the endpoint of an earlier test of this module")
        return str(self.endpoint["VpcEndpointId"])


@pytest.fixture(scope="module")
def typed() -> Typed:
    """Return the state that the tests hand on."""
    return Typed()


def only_endpoint(sandbox: Sandbox, typed: Typed) -> dict[str, Any]:
    """Return the one endpoint of the VPC."""
    (endpoint,) = endpoints_of(sandbox, typed.vpc_id)
    return endpoint


def test_a_new_vpc_alone_gets_no_endpoint(sandbox: Sandbox, aws: Cli, typed: Typed) -> None:
    """A VPC without subnets waits, and the log says for what."""
    typed.vpc_id = aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    sandbox.settle()
    assert endpoints_of(sandbox, typed.vpc_id) == []
    assert sandbox.logs[-1]["states"] == ["waiting-for-subnets"]


def test_subnets_without_dns_hostnames_get_no_endpoint(
    sandbox: Sandbox, aws: Cli, typed: Typed
) -> None:
    """A VPC whose DNS attributes rule private DNS out waits for its owner to change them."""
    for number, zone in enumerate("abc"):
        aws(
            "ec2", "create-subnet", "--vpc-id", typed.vpc_id,
            "--cidr-block", f"10.0.{number}.0/24", "--availability-zone", f"us-east-1{zone}",
        )  # fmt: skip
    sandbox.settle()
    assert endpoints_of(sandbox, typed.vpc_id) == []
    assert sandbox.logs[-1]["states"] == ["waiting-for-dns"]


def test_dns_hostnames_make_the_endpoint_appear(sandbox: Sandbox, aws: Cli, typed: Typed) -> None:
    """The endpoint comes complete: baseline policy, three subnets, own group, private DNS."""
    aws("ec2", "modify-vpc-attribute", "--vpc-id", typed.vpc_id, "--enable-dns-hostnames")
    sandbox.settle()
    typed.endpoint = only_endpoint(sandbox, typed)
    assert typed.endpoint["ServiceName"] == "com.amazonaws.us-east-1.states"
    assert len(typed.endpoint["SubnetIds"]) == 3
    assert typed.endpoint["PrivateDnsEnabled"] is True
    statements = policy_of(typed.endpoint)["Statement"]
    assert all("aws:PrincipalAccount" in json.dumps(statement) for statement in statements)


def test_the_security_group_admits_the_vpc_on_443_only(aws: Cli, typed: Typed) -> None:
    """Clients of the VPC reach the endpoint, nobody else does."""
    assert typed.endpoint_id
    groups = [group["GroupId"] for group in typed.endpoint["Groups"]]
    found = aws("ec2", "describe-security-groups", "--group-ids", *groups)["SecurityGroups"]
    (rule,) = [rule for group in found for rule in group["IpPermissions"]]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert [block["CidrIp"] for block in rule["IpRanges"]] == ["10.0.0.0/16"]


def test_a_fourth_subnet_changes_nothing(sandbox: Sandbox, aws: Cli, typed: Typed) -> None:
    """Three zones are the limit of what the endpoint may cost."""
    writes = sandbox.writes()
    aws(
        "ec2", "create-subnet", "--vpc-id", typed.vpc_id,
        "--cidr-block", "10.0.9.0/24", "--availability-zone", "us-east-1d",
    )  # fmt: skip
    sandbox.settle()
    assert only_endpoint(sandbox, typed)["SubnetIds"] == typed.endpoint["SubnetIds"]
    assert sandbox.writes() == writes


@pytest.mark.parametrize(
    "change", [("--policy-document", OPEN_POLICY), ("--reset-policy",)], ids=["open", "reset"]
)
def test_a_loosened_policy_is_put_back(
    sandbox: Sandbox, aws: Cli, typed: Typed, change: tuple[str, ...]
) -> None:
    """Full access, written or reset to, is replaced by the baseline in one write."""
    count = len(sandbox.writes())
    aws("ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", typed.endpoint_id, *change)
    sandbox.settle()
    assert policy_of(only_endpoint(sandbox, typed)) == policy_of(typed.endpoint)
    assert [w["eventName"] for w in sandbox.writes()[count:]] == ["ModifyVpcEndpoint"]


def test_the_log_says_who_loosened_it_and_for_how_long(sandbox: Sandbox, typed: Typed) -> None:
    """The canonical line of a revert names actor, reason, hashes and exposure."""
    assert typed.endpoint_id
    lines = [line for line in sandbox.logs if line.get("outcome") == "repaired"]
    revert = lines[-1]
    assert revert["actor"].endswith("user/sandbox-user")
    assert "aws-cli" in revert["user_agent"]
    assert revert["policy_sha256_before"] != revert["policy_sha256_after"]
    assert revert["exposure_ms"] >= 0
    assert revert["findings"]


def test_the_same_policy_in_another_format_is_left(
    sandbox: Sandbox, aws: Cli, typed: Typed
) -> None:
    """Order, white space and lists of one make no drift, so there is no write."""
    count, text = len(sandbox.writes()), _reformatted(policy_of(typed.endpoint))
    aws(
        "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", typed.endpoint_id,
        "--policy-document", text,
    )  # fmt: skip
    sandbox.settle()
    assert policy_of(only_endpoint(sandbox, typed)) == json.loads(text)
    assert len(sandbox.writes()) == count


def test_private_dns_that_was_turned_off_is_turned_on(
    sandbox: Sandbox, aws: Cli, typed: Typed
) -> None:
    """The VPC's attributes allow private DNS, so a managed endpoint has it."""
    aws(
        "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", typed.endpoint_id,
        "--no-private-dns-enabled",
    )  # fmt: skip
    sandbox.settle()
    assert only_endpoint(sandbox, typed)["PrivateDnsEnabled"] is True


def test_a_subnet_that_was_taken_out_comes_back(sandbox: Sandbox, aws: Cli, typed: Typed) -> None:
    """An endpoint in fewer zones than it should be is completed."""
    removed = typed.endpoint["SubnetIds"][0] if typed.endpoint_id else ""
    aws(
        "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", typed.endpoint_id,
        "--remove-subnet-ids", removed,
    )  # fmt: skip
    sandbox.settle()
    assert len(only_endpoint(sandbox, typed)["SubnetIds"]) == 3


def test_an_endpoint_made_by_hand_is_closed_and_otherwise_left(
    sandbox: Sandbox, aws: Cli, typed: Typed
) -> None:
    """An adopted endpoint gets the baseline policy and no second one beside it."""
    assert typed.endpoint_id
    vpc_id = aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = aws(
        "ec2", "create-subnet", "--vpc-id", vpc_id,
        "--cidr-block", "10.1.0.0/24", "--availability-zone", "us-east-1a",
    )["Subnet"]["SubnetId"]  # fmt: skip
    made = aws(
        "ec2", "create-vpc-endpoint", "--vpc-id", vpc_id, "--vpc-endpoint-type", "Interface",
        "--service-name", "com.amazonaws.us-east-1.states", "--subnet-ids", subnet,
        "--policy-document", OPEN_POLICY,
    )["VpcEndpoint"]  # fmt: skip
    aws("ec2", "modify-vpc-attribute", "--vpc-id", vpc_id, "--enable-dns-hostnames")
    sandbox.settle()
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert policy_of(endpoint) == policy_of(typed.endpoint)
    assert _without_policy(endpoint) == _without_policy(made)


def test_an_endpoint_of_another_service_is_left_alone(
    sandbox: Sandbox, aws: Cli, typed: Typed
) -> None:
    """What does not belong to Step Functions is not looked at twice."""
    count = len(sandbox.writes())
    made = aws(
        "ec2", "create-vpc-endpoint", "--vpc-id", typed.vpc_id, "--vpc-endpoint-type", "Interface",
        "--service-name", "com.amazonaws.us-east-1.sqs", "--policy-document", OPEN_POLICY,
    )["VpcEndpoint"]  # fmt: skip
    sandbox.settle()
    found = {e["VpcEndpointId"]: e for e in endpoints_of(sandbox, typed.vpc_id)}
    assert found[made["VpcEndpointId"]]["PolicyDocument"] == made["PolicyDocument"]
    assert len(sandbox.writes()) == count


def test_the_sweep_can_be_invoked_by_hand_and_finds_nothing_to_do(
    sandbox: Sandbox, aws: Cli
) -> None:
    """After all that, everything is in order and nothing went to the dead-letter queue."""
    count = len(sandbox.writes())
    name = sandbox.function("Sweep").name
    answer = aws("lambda", "invoke", "--function-name", name, "/dev/null")
    sandbox.settle()
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert len(sandbox.writes()) == count
    assert sandbox.dead_letters() == []


def _reformatted(policy: dict[str, Any]) -> str:
    """Write the same policy differently: order, indentation, scalars as lists, another Sid."""
    statements = [
        {
            **dict(reversed(statement.items())),
            "Sid": f"Other{number}",
            "Resource": [statement["Resource"]]
            if isinstance(statement["Resource"], str)
            else statement["Resource"],
            "Principal": {"AWS": "*"},
        }
        for number, statement in enumerate(policy["Statement"])
    ]
    return json.dumps({"Statement": statements[::-1], "Version": policy["Version"]}, indent=3)


def _without_policy(endpoint: dict[str, Any]) -> dict[str, Any]:
    changing = {"PolicyDocument", "CreationTimestamp", "State"}
    return {key: value for key, value in endpoint.items() if key not in changing}
