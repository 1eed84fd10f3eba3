"""The functions' code in one bucket per region: Lambda reads only from its own.

Source: AWS CloudFormation user guide, "AWS::Lambda::Function Code".
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError


class AwsArtifacts:
    """Buckets named `<prefix>-<region>`, as deploy/artifact-buckets.yaml makes them."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """See `Artifacts.publish`; a key that holds the content's hash is written once."""
        client: Any = boto3.client("s3", region_name=region)
        bucket = f"{self._prefix}-{region}"
        with reaching(f"looking for {key} in {bucket}"):
            try:
                client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code"))
                if code == "NoSuchBucket":
                    raise UsageError(_no_bucket(bucket)) from error
                if code not in {"404", "NoSuchKey", "NotFound"}:
                    raise
            else:
                return False
        with reaching(f"writing {key} to {bucket}"):
            try:
                client.put_object(Bucket=bucket, Key=key, Body=content)
            except ClientError as error:
                if str(error.response.get("Error", {}).get("Code")) == "NoSuchBucket":
                    raise UsageError(_no_bucket(bucket)) from error
                raise
        return True


def _no_bucket(bucket: str) -> str:
    return f"there is no bucket {bucket}; make it with deploy/artifact-buckets.yaml in that region"
