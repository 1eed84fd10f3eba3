"""From a VPC's item in the table to what is remembered of it.

One attribute for each thing, so that two invocations at once change different ones; ids are sets,
which DynamoDB adds to and takes from without reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from guardrail.core.memory import Cause, Central, Cession, Creation, VpcMemory, Window, Yield
from guardrail.core.names import Service

CONTESTED, BREAKER = "contested:", "breaker:"
"""These begin the names of attributes about an endpoint, whose id follows."""

GROUPS = "groups"
"""The attribute with the security groups that were made."""

UNTIL, HELD_BACK = "until:", "held:"
"""These begin the names of attributes about a window of messages, whose key follows."""

FINDING = "finding:"
"""This begins the name of the attribute about an endpoint with a finding that is not resolved."""


def memory_of(item: Mapping[str, Any]) -> VpcMemory:
    """Return what the item holds; an attribute that is missing is something not remembered."""
    return VpcMemory(
        creations={s: _creation(item, s) for s in Service if f"{s}:begun" in item},
        yielded=_yield(item["yield"]["S"]) if "yield" in item else None,
        ceded={s: _cession(item, s) for s in Service if f"{s}:ceded" in item},
        central={s: _central(item, s) for s in Service if f"{s}:central" in item},
        put_off=_moment(item["put_off"]["S"]) if "put_off" in item else None,
        contested=_moments(item, CONTESTED),
        breakers=_moments(item, BREAKER),
        windows={key: _window(item, key, text) for key, text in _named(item, UNTIL).items()},
        findings=_moments(item, FINDING),
        groups=_ids(item, GROUPS),
    )


def _creation(item: Mapping[str, Any], service: Service) -> Creation:
    return Creation(
        generation=int(item[f"{service}:generation"]["N"]),
        begun=_moment(item[f"{service}:begun"]["S"]),
        endpoint_ids=_ids(item, f"{service}:endpoints"),
        leaving=_ids(item, f"{service}:leaving"),
        departed=_ids(item, f"{service}:departed"),
        unanswered=item.get(f"{service}:unanswered", {}).get("BOOL", False),
    )


def _ids(item: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(item.get(name, {}).get("SS", ()))


def _named(item: Mapping[str, Any], prefix: str) -> Mapping[str, str]:
    return {k.removeprefix(prefix): v["S"] for k, v in item.items() if k.startswith(prefix)}


def _moments(item: Mapping[str, Any], prefix: str) -> Mapping[str, datetime]:
    return {key: _moment(text) for key, text in _named(item, prefix).items()}


def _window(item: Mapping[str, Any], key: str, until: str) -> Window:
    return Window(_moment(until), int(item.get(f"{HELD_BACK}{key}", {}).get("N", 0)))


def _yield(text: str) -> Yield:
    noted = json.loads(text)
    begun = _moment(noted["begun"])
    return Yield(Cause(noted["cause"]), begun, noted["actor"], noted["event_id"])


def _cession(item: Mapping[str, Any], service: Service) -> Cession:
    noted = json.loads(item[f"{service}:ceded"]["S"])
    return Cession(_moment(noted["begun"]), noted["actor"], noted["event_id"])


def _central(item: Mapping[str, Any], service: Service) -> Central:
    noted = json.loads(item[f"{service}:central"]["S"])
    return Central(noted["by"], _moment(noted["asked"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
