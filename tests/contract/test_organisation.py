"""The organisation on moto: its accounts, buckets and stack sets, and reading other accounts."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from organisation_site import NAME, TEMPLATE, new_organisation, new_unit, session_of
from organisation_site import ROLE as ROLE_OF_ALL
from typer.testing import CliRunner

from guardrail_cli.documents import UsageError
from guardrail_cli.main import app
from guardrail_cli.org import packaging
from guardrail_cli.org.artifacts import AwsArtifacts
from guardrail_cli.org.model import Definition, Pace
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.stack_set import AwsStackSets
from guardrail_cli.org.target import Target

RUN = CliRunner()
REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture(autouse=True)
def management(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id: its organisation belongs to that one."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")


@pytest.fixture
def unit() -> str:
    """Make an organisation with a unit, a unit below that, and an account in each."""
    return new_organisation()


def test_the_accounts_in_and_below_a_unit_are_found(unit: str) -> None:
    """Without the management account, which no stack set of an organisation reaches."""
    organisation = AwsOrganisation("us-east-1")
    accounts = organisation.accounts((unit,))
    assert len(accounts) == 2
    assert DEFAULT_ACCOUNT_ID not in accounts
    root = boto3.client("organizations").list_roots()["Roots"][0]["Id"]
    assert organisation.accounts((root, unit)) == accounts
    assert organisation.partition() == "aws"


def test_an_account_that_is_closed_is_not_active(unit: str) -> None:
    """Nothing can be done in it; the management account counts, others of the unit do."""
    organisation = AwsOrganisation("us-east-1")
    first, second = organisation.accounts((unit,))
    assert organisation.active() == {DEFAULT_ACCOUNT_ID, first, second}
    boto3.client("organizations").close_account(AccountId=first)
    assert organisation.active() == {DEFAULT_ACCOUNT_ID, second}
    assert organisation.accounts((unit,)) == [second]


def test_a_unit_may_have_no_accounts_yet_but_must_be_there(unit: str) -> None:
    """Units are made before their accounts; a slip of the pen is none."""
    empty = new_unit(boto3.client("organizations"), unit, "empty")
    assert AwsOrganisation("us-east-1").accounts((empty,)) == []
    with pytest.raises(UsageError, match="looking for the accounts"):
        AwsOrganisation("us-east-1").accounts(("ou-abcd-11111111",))


def test_code_is_published_once_in_each_region() -> None:
    """Where the bucket is missing, the reader is told what makes it."""
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="acme-eu-west-1",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    artifacts = AwsArtifacts("acme", DEFAULT_ACCOUNT_ID)
    assert [artifacts.publish("eu-west-1", "key", b"code") for _ in range(2)] == [True, False]
    held = boto3.client("s3").get_object(Bucket="acme-eu-west-1", Key="key")
    assert held["Body"].read() == b"code"
    with pytest.raises(UsageError, match="no bucket acme-us-east-1; make it with deploy"):
        artifacts.publish("us-east-1", "key", b"code")


def test_code_that_somebody_else_has_put_there_is_not_taken() -> None:
    """Every account would run it."""
    boto3.client("s3").create_bucket(Bucket="acme-us-east-1")
    boto3.client("s3").put_object(Bucket="acme-us-east-1", Key="key", Body=b"evil")
    with pytest.raises(UsageError, match="holds something else"):
        AwsArtifacts("acme", DEFAULT_ACCOUNT_ID).publish("us-east-1", "key", b"code")


def test_a_bucket_of_somebody_else_is_neither_read_nor_written() -> None:
    """Its name could be guessed, and its owner was faster."""
    boto3.client("s3").create_bucket(Bucket="acme-us-east-1")
    asked: list[dict[str, str]] = []
    boto3.DEFAULT_SESSION = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refusing(asked))
        with pytest.raises(UsageError, match="is not account 999999999999's"):
            AwsArtifacts("acme", "999999999999").publish("us-east-1", "key", b"code")
    assert [one["ExpectedBucketOwner"] for one in asked] == ["999999999999"]


def refusing(asked: list[dict[str, str]]) -> Any:
    """Return what answers as S3 does for a bucket of another owner; moto does not look at that."""

    def answer(_: BaseClient, operation: str, parameters: dict[str, str]) -> None:
        asked.append(parameters)
        raise ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, operation
        )

    return answer


def test_a_stack_set_is_made_asked_and_deleted(unit: str) -> None:
    """Service-managed, with its parameters; what it gives can be compared with what is wanted."""
    sets = AwsStackSets(NAME, "us-east-1", delegated=False)
    assert sets.definition() is None
    assert sets.running() is None
    sets.create(Definition(TEMPLATE, {"Mode": "observe"}, (unit,), REGIONS))
    standing = sets.definition()
    assert standing
    assert (standing.template, standing.chosen) == (TEMPLATE, {"Mode": "observe"})
    operation = sets.operation(sets.add((unit,), [], ["us-east-1"], Pace()))
    assert operation.ended
    assert operation.status == "SUCCEEDED"
    assert {(one.region, one.state) for one in sets.instances()} == {("us-east-1", "CURRENT")}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["status", "--home", "us-east-1"], "there is no stack set"),
        (["upgrade", "--home", "us-east-1"], "`org deploy` makes it"),
        (["remove", "--home", "us-east-1"], "there is no stack set"),
        (["status", "--home", "us-east-1", "--stack-set", "mine"], "must begin with"),
    ],
)
def test_a_command_without_its_stack_set_says_so(arguments: list[str], told: str) -> None:
    """And what makes it."""
    result = RUN.invoke(app, ["org", *arguments])
    assert told in str(result.exception)


def test_status_and_remove_of_a_stack_set_without_stacks(unit: str) -> None:
    """Somebody has to look at a set without stacks; removing it asks first."""
    sets = AwsStackSets(NAME, "us-east-1", delegated=False)
    sets.create(Definition(TEMPLATE, {"Mode": "observe"}, (unit,), REGIONS))
    status = RUN.invoke(app, ["org", "status", "--home", "us-east-1"])
    assert (status.exit_code, status.stdout) == (1, "0 stacks, 0 to look at\n")
    upgraded = RUN.invoke(app, ["org", "upgrade", "--home", "us-east-1"])
    assert "`org deploy` says where" in str(upgraded.exception)
    declined = RUN.invoke(app, ["org", "remove", "--home", "us-east-1"], input="n\n")
    assert (declined.exit_code, sets.definition() is None) == (1, False)
    removed = RUN.invoke(app, ["org", "remove", "--home", "us-east-1"], input="y\n")
    assert (removed.exit_code, sets.definition()) == (0, None)
    assert "The endpoints stay" in removed.stdout


@pytest.fixture
def single(unit: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a unit with one account, and let a small template be the release."""
    release = Release(TEMPLATE, b"code", "ab" * 32, "key")
    monkeypatch.setattr(packaging, "release", lambda _: release)
    # moto does not know the call; that the unit is a target is what AWS would say.
    monkeypatch.setattr(AwsStackSets, "targets", lambda _: {below: frozenset(REGIONS)})
    boto3.client("s3").create_bucket(Bucket="acme-us-east-1")
    client = boto3.client("organizations")
    units = client.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    below = str(units[0]["Id"])
    return below


def of(unit: str, *more: str) -> list[str]:
    """Return the options that plan and deploy take."""
    return [
        *("--organization-units", unit, "--regions", "us-east-1", "--artifact-prefix", "acme"),
        *("--home", "us-east-1"),
        *more,
    ]


def test_plan_deploy_and_deploy_again(single: str) -> None:
    """One stack to make, made, and none the second time; what was chosen stays.

    The sweeps of a new set's stacks are spread over the hour.
    """
    plan = RUN.invoke(app, ["org", "plan", *of(single)])
    assert "1 accounts in 1 regions: 1 stacks to make" in plan.stdout
    assert "in all" in plan.stdout
    for more in (("--mode", "enforce-new"), ()):
        deployed = RUN.invoke(app, ["org", "deploy", *of(single, *more)])
        assert deployed.exit_code == 0, deployed.output
    assert "every account and region has its stack" in deployed.output
    standing = AwsStackSets(NAME, "us-east-1", delegated=False).definition()
    assert standing
    assert standing.chosen == {
        "ArtifactPrefix": "acme",
        "Mode": "enforce-new",
        "OrganizationId": AwsOrganisation("us-east-1").organization_id(),
        "StatusRegion": "us-east-1",
        "SweepWindowMinutes": "60",
    }
    again = RUN.invoke(app, ["org", "plan", *of(single, "--mode", "enforce")])
    assert "Mode: 'enforce-new' becomes 'enforce'" in again.stdout
    assert "0 stacks to make" in again.stdout


def test_a_plan_says_how_it_knows_the_number_of_vpcs(single: str) -> None:
    """Counted through a role, else assumed; where that role is missing, assumed as well."""
    account = AwsOrganisation("us-east-1").accounts((single,))[0]
    ec2 = session_of(account).client("ec2", region_name="us-east-1")
    for _ in range(2):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    told = {
        how: RUN.invoke(app, ["org", "plan", *of(single, *how)]).stdout
        for how in ((), ("--count-with", ROLE_OF_ALL))
    }
    assert "1 VPCs that may get an endpoint (assumed: one for each" in told[()]
    assert "2 VPCs that may get an endpoint (counted)" in told["--count-with", ROLE_OF_ALL]


def test_an_upgrade_gives_the_release_of_today_where_the_set_is(
    single: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code in the bucket, then the template, with the parameters that were chosen."""
    assert RUN.invoke(app, ["org", "deploy", *of(single)]).exit_code == 0
    newer = TEMPLATE.replace("0123456789ab", "ba9876543210")
    release = Release(newer, b"newer", "ba" * 32, "newer")
    monkeypatch.setattr(packaging, "release", lambda _: release)
    sets = AwsStackSets(NAME, "us-east-1", delegated=False)
    # moto tells neither units nor regions of a set.
    known = Definition(
        TEMPLATE, {"Mode": "observe", "ArtifactPrefix": "acme"}, (single,), REGIONS[:1]
    )
    monkeypatch.setattr(Target, "definition", lambda _: known)
    upgraded = RUN.invoke(app, ["org", "upgrade", "--home", "us-east-1", "--mode", "enforce-new"])
    assert upgraded.exit_code == 0, upgraded.output
    assert "Mode: 'observe' becomes 'enforce-new'" in upgraded.output
    assert "us-east-1: the code is published" in upgraded.output
    assert "updating 1 of 1 accounts" in upgraded.output
    assert "every account and region has its stack" in upgraded.output
    held = boto3.client("s3").get_object(Bucket="acme-us-east-1", Key="newer")
    assert held["Body"].read() == b"newer"
    standing = sets.definition()
    assert standing
    assert (standing.template, standing.chosen["Mode"]) == (newer, "enforce-new")
    assert standing.chosen["ArtifactPrefix"] == "acme"


@pytest.mark.parametrize("home", ["eu-west-1", "us-east-1"])
def test_a_second_set_of_the_name_in_another_region_is_not_made(single: str, home: str) -> None:
    """There would be two guardrails in every account; whether or not it deploys to that region."""
    sets = AwsStackSets(
        NAME, "eu-central-1" if home == "us-east-1" else "us-east-1", delegated=False
    )
    sets.create(Definition(TEMPLATE, {"Mode": "observe"}))
    result = RUN.invoke(app, ["org", "plan", *of(single)[:-1], home])
    assert "say --home" in str(result.exception)
    assert "in all" not in result.output


@pytest.mark.parametrize(
    ("code", "told"), [("AccessDenied", True), ("UnrecognizedClientException", False)]
)
def test_a_region_that_may_not_be_asked_keeps_nobody_from_planning(
    single: str, monkeypatch: pytest.MonkeyPatch, code: str, *, told: bool
) -> None:
    """A policy denies it, which is told; or the account has not enabled the region."""
    call = BaseClient._make_api_call  # noqa: SLF001 - of the SDK

    def answer(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "DescribeStackSet" and client.meta.region_name != "us-east-1":
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    result = RUN.invoke(app, ["org", "plan", *of(single)])
    assert (result.exit_code, "in all" in result.stdout) == (0, True), result.output
    assert ("could not be seen" in result.stderr and "eu-west-1" in result.stderr) is told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--parameter", "Nobody=knows"], "no parameter Nobody"),
        (["--parameter", "Mode"], "takes Name=value"),
        (["--parameter", "Mode=enforce"], "set by --mode"),
        (["--parameter", "StatusRegion=eu-west-1"], "StatusRegion takes one of the set's regions"),
        (["--mode", "enfroce"], "Mode takes observe"),
        (["--regions", " , "], "--regions names nothing"),
        (["--artifact-prefix", "other"], "no bucket other-us-east-1"),
        (["--organization-units", ",".join(map(str, range(51)))], "51 units, and AWS takes 50"),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anything_is_made(
    single: str, more: list[str], told: str
) -> None:
    """With what is wrong about it."""
    result = RUN.invoke(app, ["org", "deploy", *of(single, *more)])
    assert told in str(result.exception)
    assert AwsStackSets(NAME, "us-east-1", delegated=False).definition() is None
