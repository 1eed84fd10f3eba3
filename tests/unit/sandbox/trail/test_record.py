"""The fields around request and response: who, when, errors, sizes, envelope."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from guardrail_sandbox.trail import Identity, deliverable, envelope
from guardrail_sandbox.trail.identity import timestamp

from .harness import ACCOUNT, KEY, Canned, Trail, answer, error


def _failed(trail: Trail) -> dict[str, Any]:
    with pytest.raises(ClientError):
        trail.ec2().modify_vpc_endpoint(VpcEndpointId="vpce-1", ResetPolicy=True)
    return trail.last


def test_fixed_fields_are_those_of_a_management_write(trail: Trail) -> None:
    """Everything that does not depend on the call has CloudTrail's value."""
    trail.ec2("eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")
    record = trail.last
    assert record["eventVersion"] == "1.11"
    assert record["eventTime"] == "2026-11-23T12:00:00Z"
    assert record["eventSource"] == "ec2.amazonaws.com"
    assert record["awsRegion"] == "eu-west-1"
    assert (record["readOnly"], record["managementEvent"]) == (False, True)
    assert (record["eventType"], record["eventCategory"]) == ("AwsApiCall", "Management")
    assert record["recipientAccountId"] == ACCOUNT
    assert record["tlsDetails"] == {"clientProvidedHostHeader": "ec2.eu-west-1.amazonaws.com"}
    assert "errorCode" not in record


def test_request_and_event_ids_are_uuids_and_the_request_id_is_repeated(trail: Trail) -> None:
    """The request id stands in the record and in the response elements."""
    ec2 = trail.ec2()
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    first, second = trail.records
    assert UUID(first["requestID"]) != UUID(second["requestID"])
    assert UUID(first["eventID"]) != UUID(second["eventID"])
    assert first["responseElements"]["requestId"] == first["requestID"]


def test_request_id_of_the_answer_is_kept_when_it_is_a_uuid() -> None:
    """A server that behaves as AWS decides the id itself."""
    given = "b8dd3137-1553-4109-b927-8c974c244627"
    in_body = Trail(Canned(answer("CreateTags").replace("request-id", given)))
    in_header = Trail(Canned(answer("CreateTags"), x_amzn_requestid=given))
    for trail in (in_body, in_header):
        trail.ec2().create_tags(Resources=["vpc-1"], Tags=[])
        assert trail.last["requestID"] == given


def test_unknown_key_is_the_sandbox_user(trail: Trail) -> None:
    """Whoever uses any credentials at all is a user with a name."""
    trail.ec2(access_key="AKIAANYTHING").create_vpc(CidrBlock="10.0.0.0/16")
    who = trail.last["userIdentity"]
    assert who["arn"] == f"arn:aws:iam::{ACCOUNT}:user/sandbox-user"
    assert (who["type"], who["userName"]) == ("IAMUser", "sandbox-user")
    assert (who["accountId"], who["accessKeyId"]) == (ACCOUNT, "AKIAANYTHING")
    assert "sessionContext" not in who


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_user_of_another_partition_has_its_arn(region: str, partition: str) -> None:
    """ARNs in China and GovCloud name their partition."""
    trail = Trail(Canned(answer("DeleteVpc")))
    trail.ec2(region).delete_vpc(VpcId="vpc-1")
    who = trail.last["userIdentity"]
    assert who["arn"] == f"arn:{partition}:iam::{ACCOUNT}:user/sandbox-user"


def test_function_is_a_session_of_its_role(trail: Trail) -> None:
    """An assumed role has a session, its issuer, and no user name."""
    created = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    role = Identity.assumed_role("guardrail", "VpcChange", account_id=ACCOUNT, created=created)
    trail.identities[KEY] = role
    trail.ec2().create_vpc(CidrBlock="10.0.0.0/16")
    who = trail.last["userIdentity"]
    issuer = who["sessionContext"]["sessionIssuer"]
    assert who["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/guardrail/VpcChange"
    assert who["principalId"] == f"{issuer['principalId']}:VpcChange"
    assert "userName" not in who
    assert issuer == {
        "type": "Role",
        "principalId": role.principal_id.partition(":")[0],
        "arn": f"arn:aws:iam::{ACCOUNT}:role/guardrail",
        "accountId": ACCOUNT,
        "userName": "guardrail",
    }
    assert who["sessionContext"]["attributes"] == {
        "creationDate": "2026-11-23T10:00:00Z",
        "mfaAuthenticated": "false",
    }


def test_principal_ids_look_like_iam_s_and_are_stable() -> None:
    """The same name gives the same id, of 21 characters, with IAM's prefix."""
    user = Identity.user("ann", account_id=ACCOUNT)
    again = Identity.user("ann", account_id=ACCOUNT)
    assert user == again
    assert user.principal_id.startswith("AIDA")
    assert len(user.principal_id) == 21


@pytest.mark.parametrize(
    "agent",
    [
        "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux lang/python#3.13 md/command#ec2",
        "APN/1.0 HashiCorp/1.0 Terraform/1.13.5 (+https://www.terraform.io) aws-sdk-go-v2/1.41",
        "Böto/1",
    ],
)
def test_user_agent_and_address_are_the_client_s(trail: Trail, agent: str) -> None:
    """Who used what from where is told as the client sent it; IPv6 addresses too."""
    trail.ec2(user_agent=agent, source_ip="2001:db8::1").create_vpc(CidrBlock="10.0.0.0/16")
    assert (trail.last["userAgent"], trail.last["sourceIPAddress"]) == (agent, "2001:db8::1")


def test_times_are_in_utc_whole_seconds() -> None:
    """A moment of another zone is converted, its fraction cut."""
    moment = datetime(2026, 1, 1, 1, 0, 0, 999999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2025-12-31T23:00:00Z"


def test_refusal_by_moto_is_recorded_as_a_client_error(trail: Trail) -> None:
    """A failed call has the prefixed code, the message, the request and no response."""
    with pytest.raises(ClientError):
        trail.ec2().delete_vpc(VpcId="vpc-0123456789abcdef0")
    record = trail.last
    assert record["errorCode"] == "Client.InvalidVpcID.NotFound"
    assert record["errorMessage"] == "VpcID vpc-0123456789abcdef0 does not exist."
    assert record["requestParameters"] == {"vpcId": "vpc-0123456789abcdef0"}
    assert record["responseElements"] is None


@pytest.mark.parametrize(
    ("code", "status", "recorded"),
    [
        ("DryRunOperation", "412 Precondition Failed", "Client.DryRunOperation"),
        ("RequestLimitExceeded", "503 Unavailable", "Client.RequestLimitExceeded"),
        ("InvalidParameter", "400 Bad Request", "Client.InvalidParameter"),
        ("InternalError", "500 Internal Server Error", "Server.InternalError"),
        ("Unavailable", "503 Unavailable", "Server.Unavailable"),
        ("InsufficientInstanceCapacity", "400 Bad Request", "Server.InsufficientInstanceCapacity"),
        ("NeverHeardOf", "500 Internal Server Error", "Server.NeverHeardOf"),
    ],
)
def test_error_codes_say_whose_fault_it_was(code: str, status: str, recorded: str) -> None:
    """Server errors are told from client errors; throttling counts as the client's."""
    record = _failed(Trail(Canned(error(code, "no"), status)))
    assert (record["errorCode"], record["errorMessage"]) == (recorded, "no")
    assert record["requestParameters"]["ModifyVpcEndpointRequest"]["ResetPolicy"] is True


@pytest.mark.parametrize("body", ["<!doctype html><p>Internal Server Error", "", "<a>"])
def test_crash_page_is_an_internal_error(body: str) -> None:
    """An answer that is no XML, as when moto fails, is the server's error."""
    trail = Trail(Canned(body, "500 Internal Server Error"))
    trail.post({"Action": "DeleteVpc", "VpcId": "vpc-1"})
    assert trail.last["errorCode"] == "Server.InternalError"
    assert trail.last["responseElements"] is None


def test_dry_run_is_recorded_as_it_was_answered() -> None:
    """A dry run that would succeed is a failed call with its own code."""
    refusal = error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    trail = Trail(Canned(refusal, "412 Precondition Failed"))
    with pytest.raises(ClientError):
        trail.ec2().create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    assert trail.last["errorCode"] == "Client.DryRunOperation"
    assert trail.last["requestParameters"] == {"cidrBlock": "10.0.0.0/16"}


def test_long_error_message_is_cut_at_one_kilobyte() -> None:
    """The limit counts bytes and cuts no character in two."""
    record = _failed(Trail(Canned(error("InvalidParameter", "€" * 1000), "400 Bad Request")))
    assert record["errorMessage"] == "€" * 341


def test_request_over_100_kb_is_omitted_and_the_rest_stays() -> None:
    """CloudTrail drops a large field, not the event."""
    trail = Trail(Canned(answer("ModifyVpcEndpoint")))
    trail.ec2().modify_vpc_endpoint(VpcEndpointId="vpce-1", PolicyDocument="x" * 102_400)
    assert trail.last["requestParameters"] is None
    assert trail.last["responseElements"]["ModifyVpcEndpointResponse"]["return"] is True


def test_request_just_within_the_limit_is_kept() -> None:
    """The limit is inclusive and counts the field's JSON."""
    trail = Trail(Canned(answer("ModifyVpcEndpoint")))
    ec2 = trail.ec2()
    ec2.modify_vpc_endpoint(VpcEndpointId="vpce-1", PolicyDocument="")
    rest = len(json.dumps(trail.last["requestParameters"], separators=(",", ":")))
    for size, kept in ((102_400, True), (102_401, False)):
        ec2.modify_vpc_endpoint(VpcEndpointId="vpce-1", PolicyDocument="x" * (size - rest))
        assert (trail.last["requestParameters"] is not None) is kept


def test_response_over_100_kb_is_omitted() -> None:
    """A large answer leaves a success without response elements."""
    large = f"<vpc><vpcId>vpc-1</vpcId><padding>{'x' * 102_400}</padding></vpc>"
    trail = Trail(Canned(answer("CreateVpc", large)))
    trail.ec2().create_vpc(CidrBlock="10.0.0.0/16")
    assert trail.last["responseElements"] is None
    assert "errorCode" not in trail.last


def test_event_over_256_kb_would_never_arrive(trail: Trail) -> None:
    """What is left can still be too large for the bus, by a long header for one."""
    ec2 = trail.ec2()
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    record = trail.last
    rest = len(json.dumps(envelope(record | {"userAgent": ""}), separators=(",", ":")))
    assert deliverable(record)
    assert deliverable(record | {"userAgent": "x" * (262_144 - rest)})
    assert not deliverable(record | {"userAgent": "x" * (262_145 - rest)})


def test_envelope_takes_account_region_and_time_from_the_record(trail: Trail) -> None:
    """Rules match on the envelope; it says nothing that the record does not."""
    trail.ec2("eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")
    first, second = envelope(trail.last), envelope(trail.last)
    assert first.pop("id") != second.pop("id")
    assert first == {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "account": ACCOUNT,
        "time": "2026-11-23T12:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": trail.last,
    }


def test_records_are_plain_json(trail: Trail) -> None:
    """What is published survives a trip through JSON unchanged."""
    trail.ec2().create_vpc(CidrBlock="10.0.0.0/16")
    assert json.loads(json.dumps(trail.last)) == trail.last
