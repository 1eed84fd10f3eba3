"""Clients of other accounts, through a role that each of them has.

A client takes tens of milliseconds to make, so there is one for each service and region, and the
credentials are those of the account that the thread is at.
"""

from __future__ import annotations

from contextvars import ContextVar
from threading import Lock
from typing import Any, cast

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials

from guardrail_cli.deployed import reaching

_CURRENT: ContextVar[Credentials] = ContextVar("credentials")


class _Switched(Credentials):
    """Whatever the running thread has assumed."""

    def __init__(self) -> None:
        super().__init__("none", "none")

    def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - of the SDK
        """Return the credentials that a request is signed with."""
        return _CURRENT.get().get_frozen_credentials()


class _Provider(CredentialProvider):
    """Gives every client the same credentials, which are others in every thread."""

    METHOD = CANONICAL_NAME = "switched"

    def load(self) -> Credentials:
        """Return them."""
        return _Switched()


class Accounts:
    """Other accounts of the organisation, seen through their role of one name."""

    def __init__(self, role: str, partition: str) -> None:
        self._role = role
        self._partition = partition
        core = botocore.session.Session()
        core.register_component("credential_provider", CredentialResolver([_Provider()]))
        self._session = boto3.Session(botocore_session=core)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()
        self._sts: Any = boto3.client("sts")

    def enter(self, account: str) -> None:
        """Let this thread be at an account from now on; raises UsageError when it may not."""
        arn = f"arn:{self._partition}:iam::{account}:role/{self._role}"
        with reaching(f"assuming {arn}"):
            given = self._sts.assume_role(RoleArn=arn, RoleSessionName="sfn-guardrail")
        told = given["Credentials"]
        _CURRENT.set(
            Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
        )

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - of any service
        """Return the client of a service in a region, for whichever account the thread is at."""
        with self._lock:
            if (service, region) not in self._clients:
                make = cast("Any", self._session.client)
                self._clients[service, region] = make(service, region_name=region)
        return self._clients[service, region]
