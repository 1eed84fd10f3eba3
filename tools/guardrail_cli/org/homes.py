"""In which regions a stack set of a name is at home: two would be two guardrails in every account.

Every region is asked, not those alone that are deployed to: a set can be at home anywhere. What
refuses to say so is reported and holds nobody up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

_AT_ONCE = 16
# Of some regions nobody may expect an answer, behind a firewall, say.
_QUICK: Any = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
_OFF = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"})
"""What a region says that this account has not enabled: no set of the account is at home there."""


@dataclass(frozen=True, slots=True)
class Homes:
    """Regions in which the set is at home, and those that did not tell, with why."""

    found: tuple[str, ...]
    unseen: Mapping[str, str]


def regions_of(partition_of: str) -> frozenset[str]:
    """Return all regions of a region's partition, as far as the SDK knows them."""
    session = boto3.Session()
    try:
        partition = session.get_partition_for_region(partition_of)
    except BotoCoreError:  # younger than this SDK
        return frozenset()
    return frozenset(session.get_available_regions("cloudformation", partition))


def homes(name: str, regions: Iterable[str], *, delegated: bool) -> Homes:
    """Ask every one of the regions for the set."""
    ordered = sorted(regions)
    # Made one after the other: the SDK's session is not made for threads, its clients are.
    make: Any = boto3.client
    clients = [make("cloudformation", region_name=r, config=_QUICK) for r in ordered]
    asked = {"StackSetName": name, "CallAs": "DELEGATED_ADMIN" if delegated else "SELF"}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = dict(zip(ordered, pool.map(lambda it: _answer(it, asked), clients), strict=True))
    return Homes(
        found=tuple(region for region, why in told.items() if why is None),
        unseen={region: why for region, why in told.items() if why},
    )


def _answer(client: Any, asked: dict[str, str]) -> str | None:  # noqa: ANN401 - of the SDK
    """Return None when the set is there, nothing when it is not, else why that is not known."""
    try:
        client.describe_stack_set(**asked)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "" if code == "StackSetNotFoundException" or code in _OFF else str(error)
    except (BotoCoreError, ResponseParserError) as error:
        return str(error)
    return None
