"""What is kept of a tool's calls, and that it can be read again."""

from __future__ import annotations

import pytest

from support.recording import Call, Exchange, Recording, distil, filled, outcome, read, value_at

VPC, SUBNET = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0"
NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
MADE = f"<CreateVpcResponse {NAMESPACE}><vpc><vpcId>{VPC}</vpcId></vpc></CreateVpcResponse>"
HELD = "<Response><Errors><Error><Code>DependencyViolation</Code></Error></Errors></Response>"
DONE = f"<DeleteVpcResponse {NAMESPACE}><return>true</return></DeleteVpcResponse>"


def described(*states: str) -> str:
    """Return the answer about endpoints in these states."""
    items = "".join(f"<item><state>{state}</state></item>" for state in states)
    inner = f"<vpcEndpointSet>{items}</vpcEndpointSet>"
    return f"<DescribeVpcEndpointsResponse {NAMESPACE}>{inner}</DescribeVpcEndpointsResponse>"


def exchange(action: str, answer: str, **given: str) -> Exchange:
    """Return a call of EC2 in the step `built`."""
    return Exchange("built", "ec2", {"Action": action, "Version": "1", **given}, answer)


def kept(*exchanges: Exchange) -> list[Call]:
    """Return the calls that are kept of these."""
    return list(distil(exchanges, "a tool").steps["built"])


def test_an_id_is_bound_by_the_answer_that_has_it_first() -> None:
    """And stands as a symbol wherever it is used."""
    made, deleted = kept(exchange("CreateVpc", MADE), exchange("DeleteVpc", DONE, VpcId=VPC))
    assert made == Call("ec2", "CreateVpc", {}, {"vpc": "vpc/vpcId"})
    assert deleted == Call("ec2", "DeleteVpc", {"VpcId": "<vpc>"})
    assert value_at(MADE, "vpc/vpcId") == VPC
    assert filled("<vpc>/<subnet-2>", {"vpc": VPC, "subnet-2": SUBNET}) == f"{VPC}/{SUBNET}"


def test_an_id_of_a_list_is_found_by_its_place() -> None:
    """Items are counted from one, as in XPath."""
    items = f"<item><id>subnet-aaaaaaaa</id></item><item><id>{SUBNET}</id></item>"
    answer = f"<DescribeSubnetsResponse {NAMESPACE}><set>{items}</set></DescribeSubnetsResponse>"
    found, _ = kept(
        exchange("DescribeSubnets", answer), exchange("DeleteSubnet", DONE, SubnetId=SUBNET)
    )
    assert found.binds == {"subnet": "set/item[2]/id"}
    assert value_at(answer, "set/item[2]/id") == SUBNET


def test_an_id_that_no_answer_gave_cannot_be_recorded() -> None:
    """It would mean nothing to another local AWS."""
    with pytest.raises(KeyError, match=VPC):
        kept(exchange("DeleteVpc", DONE, VpcId=VPC))


def test_what_was_refused_and_tried_again_is_kept_once() -> None:
    """With the reads that were made anew for it, if nothing happened in between."""
    look = exchange("DescribeVpcEndpoints", described("available"))
    calls = kept(look, exchange("DeleteVpc", HELD), look, exchange("DeleteVpc", DONE))
    assert [call.action for call in calls] == ["DescribeVpcEndpoints", "DeleteVpc"]
    assert calls[1].until == ""


def test_waiting_is_kept_as_what_was_waited_for() -> None:
    """Available endpoints, or none any more; not a state that was seen in passing."""
    asked = [["pending"], ["available"], []]
    calls = kept(*(exchange("DescribeVpcEndpoints", described(*states)) for states in asked[:2]))
    assert [call.until for call in calls] == ["available"]
    one, two = (exchange("DescribeVpcEndpoints", described(*states)) for states in asked[1:])
    delete = exchange("DeleteVpcEndpoints", DONE)
    assert [call.until for call in kept(one, delete, two)] == ["available", "", "nothing"]
    (seen,) = kept(exchange("DescribeVpcEndpoints", described("pending")))
    assert seen.until == ""


def test_a_refusal_that_the_tool_took_for_an_answer_is_kept() -> None:
    """Such as an id that is not found any more."""
    (call,) = kept(exchange("DescribeVpcs", HELD))
    assert call.until == outcome(HELD) == "DependencyViolation"


def test_tokens_are_numbered() -> None:
    """A tool makes them at random."""
    one, two = kept(
        exchange("CreateVpcEndpoint", DONE, ClientToken="x8f"),
        exchange("CreateVpcEndpoint", DONE, ClientToken="k2a"),
    )
    assert (one.given["ClientToken"], two.given["ClientToken"]) == ("token-1", "token-2")


def test_a_recording_can_be_read_again() -> None:
    """A call on each line; what is empty is left out."""
    calls = [
        Call("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, {"vpc": "vpc/vpcId"}),
        Call("ec2", "DescribeVpcs", {"VpcId.1": "<vpc>"}, {}, "available"),
    ]
    recording = Recording("a tool 1.0", {"ec2": "2016-11-15"}, {"built": calls, "destroyed": []})
    assert read(recording.text()) == recording
    assert '      {"call": "ec2:CreateVpc", ' in recording.text()
