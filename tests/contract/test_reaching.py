"""What a command says when AWS cannot be reached, or something else answers in its place."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError


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
