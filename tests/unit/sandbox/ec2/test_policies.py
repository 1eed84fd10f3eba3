"""What EC2 does with the policy of an endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ec2_world import POLICY, Ec2World, refused

from guardrail_sandbox.ec2.default_policy import FULL_ACCESS
from guardrail_sandbox.ec2.policy_size import MOST_CHARACTERS

Make = Callable[..., Ec2World]
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def policy(**changes: Any) -> str:
    """Return a policy of one statement with these elements changed (None: taken out)."""
    statement = {k: v for k, v in {**ALLOW, **changes}.items() if v is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_endpoint_without_a_policy_has_the_default(world: Ec2World) -> None:
    """Full access, in a text without Version."""
    assert world.create(world.vpc())["PolicyDocument"] == FULL_ACCESS


def test_a_policy_comes_back_in_another_layout(world: Ec2World) -> None:
    """Another text with the same meaning, in the answer and later."""
    made = world.create(world.vpc(), PolicyDocument=POLICY)
    shown = world.read(made["VpcEndpointId"])["PolicyDocument"]
    assert shown == made["PolicyDocument"]
    assert shown != POLICY
    assert json.loads(shown) == json.loads(POLICY)
    assert list(json.loads(shown)["Statement"][0]) == sorted(json.loads(shown)["Statement"][0])


def test_a_policy_can_come_back_verbatim(make: Make) -> None:
    """Recordings show that too."""
    world = make(assume={"policy-text": "verbatim"})
    endpoint_id = world.endpoint(world.vpc())
    world.modify(endpoint_id, PolicyDocument=POLICY)
    assert world.read(endpoint_id)["PolicyDocument"] == POLICY


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"Statement": []}',
        '{"Statement": ["Allow"]}',
        json.dumps({"Version": "2020-01-01", "Statement": ALLOW}),
        json.dumps({"Statements": ALLOW}),
        policy(Principal=None),
        policy(Principal="arn:aws:iam::123456789012:root"),
        policy(Effect="Maybe"),
        policy(Action=None),
        policy(NotAction="states:*"),
        policy(Conditions={}),
        policy(Condition=["a"]),
    ],
)
def test_what_is_no_policy_is_refused(world: Ec2World, text: str) -> None:
    """On creation and on change; the policy that stands is kept."""
    vpc_id = world.vpc()
    assert refused(world.create, vpc_id, PolicyDocument=text)[0] == "InvalidPolicyDocument"
    endpoint_id = world.endpoint(vpc_id)
    assert refused(world.modify, endpoint_id, PolicyDocument=text)[0] == "InvalidPolicyDocument"
    assert world.read(endpoint_id)["PolicyDocument"] == FULL_ACCESS


@pytest.mark.parametrize(
    "text",
    [
        policy(Condition={"StringLike": {"aws:PrincipalAccount": "1234*"}}),
        policy(Condition={"NumericEquals": {"aws:PrincipalAccount": "123456789012"}}),
        policy(Condition={"StringLike": {"aws:SourceVpc": "vpc-*"}}),
        policy(Condition={"StringLike": {"aws:PrincipalTag/team": "a*"}}),
        policy(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1234*:role/x"}}),
        policy(Resource="arn:aws:states:us-east-1:1234*:stateMachine:x"),
    ],
)
def test_endpoint_policies_are_judged_more_strictly_than_others(
    make: Make, world: Ec2World, text: str
) -> None:
    """What IAM would take is refused here, unless the rule is switched off."""
    assert refused(world.create, world.vpc(), PolicyDocument=text)[0] == "InvalidPolicyDocument"
    lenient = make(without={"policy-strict"})
    assert lenient.create(lenient.vpc(), PolicyDocument=text)["State"] == "pending"


@pytest.mark.parametrize(
    "text",
    [
        POLICY,
        policy(Condition={"StringLike": {"aws:PrincipalTag/team": "payments*"}}),
        policy(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deployer"}}),
        policy(Principal={"AWS": "123456789012"}, Sid="x"),
        json.dumps({"Id": "x", "Statement": ALLOW}),
    ],
)
def test_good_policies_are_taken(world: Ec2World, text: str) -> None:
    """Also those with wildcards in the right places."""
    made = world.create(world.vpc(), PolicyDocument=text)
    assert json.loads(made["PolicyDocument"]) == json.loads(text)


def test_a_policy_has_a_most_of_characters(world: Ec2World) -> None:
    """White space counts."""
    vpc_id = world.vpc()
    fits = POLICY + " " * (MOST_CHARACTERS - len(POLICY))
    code, _ = refused(world.create, vpc_id, PolicyDocument=fits + " ")
    assert code == "InvalidPolicyDocument"
    assert world.create(vpc_id, PolicyDocument=fits)["State"] == "pending"


@pytest.mark.parametrize("answer", ["applied", "ignored", "refused"])
def test_what_a_reset_does_to_interface_endpoints_is_a_choice(make: Make, answer: str) -> None:
    """AWS documents it for gateway endpoints only."""
    world = make(assume={"reset-policy": answer})
    endpoint_id = world.endpoint(world.vpc(), PolicyDocument=POLICY)
    if answer == "refused":
        assert refused(world.modify, endpoint_id, ResetPolicy=True)[0] == "InvalidParameter"
    else:
        world.modify(endpoint_id, ResetPolicy=True)
    reset = world.read(endpoint_id)["PolicyDocument"] == FULL_ACCESS
    assert reset is (answer == "applied")


def test_a_deleted_role_is_shown_by_its_id(world: Ec2World) -> None:
    """A new role of the same name does not bring the name back."""
    iam = world.client("iam", world.region)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName="clerk", AssumeRolePolicyDocument=trust)["Role"]
    endpoint_id = world.endpoint(world.vpc(), PolicyDocument=policy(Principal={"AWS": role["Arn"]}))
    assert role["Arn"] in world.read(endpoint_id)["PolicyDocument"]
    iam.delete_role(RoleName="clerk")
    iam.create_role(RoleName="clerk", AssumeRolePolicyDocument=trust)
    (statement,) = json.loads(world.read(endpoint_id)["PolicyDocument"])["Statement"]
    assert statement["Principal"] == {"AWS": role["RoleId"]}


@pytest.mark.parametrize("answer", ["accepted", "refused"])
def test_whether_a_deleted_principal_can_be_written_is_a_choice(make: Make, answer: str) -> None:
    """A living one can be named by its id in any case."""
    world = make(assume={"write-deleted-principal": answer})
    iam = world.client("iam", world.region)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role_id = iam.create_role(RoleName="clerk", AssumeRolePolicyDocument=trust)["Role"]["RoleId"]
    endpoint_id, text = world.endpoint(world.vpc()), policy(Principal={"AWS": role_id})
    world.modify(endpoint_id, PolicyDocument=text)
    iam.delete_role(RoleName="clerk")
    if answer == "accepted":
        world.modify(endpoint_id, PolicyDocument=text)
    else:
        code, message = refused(world.modify, endpoint_id, PolicyDocument=text)
        assert code == "InvalidPolicyDocument"
        assert f"Invalid principal in policy: {role_id}" in message


def test_a_service_without_policy_support_takes_full_access_only(world: Ec2World) -> None:
    """The message is AWS's."""
    found = world.ec2.describe_vpc_endpoint_services()["ServiceDetails"]
    plain = [d["ServiceName"] for d in found if not d["VpcEndpointPolicySupported"]]
    vpc_id = world.vpc()
    named: dict[str, Any] = {"ServiceName": plain[0]}
    _, message = refused(world.create, vpc_id, PolicyDocument=POLICY, **named)
    assert "only supports the full-access endpoint policy" in message
    assert world.create(vpc_id, **named)["State"] == "pending"
