"""The functions' code in one bucket per region: Lambda reads only from its own.

Source: AWS CloudFormation user guide, "AWS::Lambda::Function Code".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError


class AwsArtifacts:
    """Buckets named `<prefix>-<region>` of one account, as deploy/artifact-buckets.yaml makes them.

    Such names can be guessed, and bucket names are the world's: nothing is read from or written to
    a bucket that is not `owner`'s.
    """

    def __init__(self, prefix: str, owner: str) -> None:
        self._prefix = prefix
        self._owner = owner

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """See `Artifacts.publish`; raises UsageError when another content lies under the key."""
        client: Any = boto3.client("s3", region_name=region)
        bucket = f"{self._prefix}-{region}"
        place = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": self._owner}
        held = self._held(client, place)
        if held is not None and held != content:
            raise UsageError(
                f"{bucket} holds something else under {key}: somebody has put it there; look who"
                " can write to the bucket, and delete the object"
            )
        if held is None:
            with reaching(f"writing {key} to {bucket}"), _bucket(bucket, self._owner):
                client.put_object(**place, Body=content)
        return held is None

    def _held(self, client: Any, place: dict[str, str]) -> bytes | None:  # noqa: ANN401 - of the SDK
        bucket = place["Bucket"]
        with reaching(f"looking for {place['Key']} in {bucket}"), _bucket(bucket, self._owner):
            try:
                return bytes(client.get_object(**place)["Body"].read())
            except ClientError as error:
                if _code(error) in {"404", "NoSuchKey"}:
                    return None
                raise


@contextmanager
def _bucket(bucket: str, owner: str) -> Iterator[None]:
    """Say what is wrong with the bucket, where that can be known."""
    try:
        yield
    except ClientError as error:
        if _code(error) == "NoSuchBucket":
            raise UsageError(
                f"there is no bucket {bucket}; make it with deploy/artifact-buckets.yaml there"
            ) from error
        if _code(error) in {"403", "AccessDenied"}:
            raise UsageError(
                f"{bucket} is not account {owner}'s (--artifact-account), or does not let you list,"
                " read and write objects"
            ) from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
