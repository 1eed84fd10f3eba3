"""What a command says when AWS cannot be reached, or something else answers in its place."""

from __future__ import annotations

import sys

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.main import main
from guardrail_cli.org.homes import homes


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks"),
        EndpointConnectionError(endpoint_url="https://cloudformation"),
        ResponseParserError("invalid XML received: <!doctype html>"),
    ],
)
def test_no_answer_of_aws_ends_in_a_traceback(error: Exception) -> None:
    """It becomes a message that says what was tried."""
    with pytest.raises(UsageError, match="looking for the set: "), reaching("looking for the set"):
        raise error


def test_a_region_in_which_something_else_answers_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy, say; whether a set is at home there is not known."""

    def answer(*_: object) -> None:
        raise ResponseParserError("invalid XML received: <html>blocked</html>")

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    seen = homes("sfn-endpoint-guardrail", ["eu-west-1"], delegated=False)
    assert (seen.found, list(seen.unseen)) == ((), ["eu-west-1"])
    assert "blocked" in seen.unseen["eu-west-1"]


@pytest.mark.parametrize(
    ("profile", "home", "told"),
    [("nobody", "eu-west-1", "nobody"), ("", "eu west 1", "eu west 1")],
)
def test_a_client_that_cannot_be_made_ends_in_a_message(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    profile: str,
    home: str,
    told: str,
) -> None:
    """A profile that is not there, or a region that can be none."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    monkeypatch.setattr(sys, "argv", ["sfn-guardrail", "org", "status", "--home", home])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith("error: ")
    assert told in error
