"""Clients of other accounts, through a role that each of them has.

A client takes tens of milliseconds to make, so there is one for each service and region, and the
credentials are those of the account that the thread is at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import ContextVar
from itertools import groupby
from threading import Lock
from typing import Any, TypeVar, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Instance

Seen = TypeVar("Seen")

WORKERS = 32
"""Accounts that are read at once: the calls wait for the network most of the time."""

_RETRIES: Any = {"mode": "standard", "total_max_attempts": 6}
"""With jittered pauses that grow to 20 s. Source: AWS SDKs reference guide, "Retry behavior"."""

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

    def __init__(self, role: str, partition: str, home: str) -> None:
        self._role = role
        self._partition = partition
        core = botocore.session.Session()
        core.set_default_client_config(Config(max_pool_connections=WORKERS, retries=_RETRIES))
        core.register_component("credential_provider", CredentialResolver([_Provider()]))
        self._session = boto3.Session(botocore_session=core)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()
        # A region's own STS: what the global one gives out does not hold in every region.
        self._sts: Any = boto3.client("sts", region_name=home)

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


def by_account(
    instances: Iterable[Instance],
    accounts: Accounts,
    look: Callable[[Instance, Accounts], Seen],
    unseen: Callable[[Instance, str], Seen],
) -> Iterator[Seen]:
    """Yield what `look` sees of each stack, account by account as they are done.

    Each account is entered once; where that is refused, `unseen` says so of its stacks.
    """

    def enter(of_one: list[Instance]) -> list[Seen]:
        try:
            accounts.enter(of_one[0].account)
        except UsageError as error:
            return [unseen(one, str(error)) for one in of_one]
        return [look(one, accounts) for one in of_one]

    ordered = sorted(instances, key=lambda one: one.place)
    grouped = [list(of_one) for _, of_one in groupby(ordered, key=lambda one: one.account)]
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for done in as_completed([pool.submit(enter, of_one) for of_one in grouped]):
            yield from done.result()
    finally:
        # Whoever stops reading does not wait for the accounts that were not begun.
        pool.shutdown(cancel_futures=True)
