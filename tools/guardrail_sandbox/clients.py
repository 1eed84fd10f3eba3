"""boto3 clients of the sandbox, each made once: making one takes longer than most calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Client


class Clients:
    """Clients that try nothing twice, by service, access key and region."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str], Client] = {}

    def get(self, service: str, access_key: str, region: str, url: str) -> Client:
        """Return a client of any service at this address."""
        if (service, access_key, region) not in self._made:
            self._made[service, access_key, region] = boto3.client(
                service,  # type: ignore[call-overload]  # any service name
                endpoint_url=url,
                region_name=region,
                aws_access_key_id=access_key,
                aws_secret_access_key="sandbox",  # noqa: S106  moto takes any
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._made[service, access_key, region]
