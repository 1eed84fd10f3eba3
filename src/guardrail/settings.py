"""The stack's parameters as the functions read them: environment variables, validated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import TypeVar

from guardrail.baseline import ORGANIZATION_ID
from guardrail.core.model import Intent, Mode, VpcDns
from guardrail.core.names import Service
from guardrail.errors import SettingsError

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the owner asked for (`intent`) and where the stack's own parts are.

    `settle_function_arn` is the function that a pause leads to; none where the function itself is.
    """

    intent: Intent
    organization_id: str
    settle_seconds: int
    sweep_writes: int
    history_days: int
    table_name: str
    stack_id: str
    schedule_group: str
    settle_role_arn: str
    settle_function_arn: str
    dead_letter_queue_arn: str
    dead_letter_queue_url: str
    rules: tuple[str, ...] = ()
    topic_arn: str = ""
    security_hub: bool = False

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings; raises SettingsError that names the variable and what it takes."""
        return cls(
            intent=_intent(env),
            organization_id=_organization(env.get("ORGANIZATION_ID", "")),
            settle_seconds=_number(env, "SETTLE_SECONDS", 300, least=0),
            sweep_writes=_number(env, "SWEEP_WRITES", 60, least=1),
            history_days=_number(env, "HISTORY_DAYS", 90, least=1),
            table_name=_required(env, "TABLE_NAME"),
            stack_id=_required(env, "STACK_ID"),
            schedule_group=env.get("SETTLE_SCHEDULE_GROUP", ""),
            settle_role_arn=env.get("SETTLE_ROLE_ARN", ""),
            settle_function_arn=env.get("SETTLE_FUNCTION_ARN", ""),
            dead_letter_queue_arn=env.get("DEAD_LETTER_QUEUE_ARN", ""),
            dead_letter_queue_url=_required(env, "DEAD_LETTER_QUEUE_URL"),
            rules=tuple(_list(env.get("RULES", ""))),
            topic_arn=env.get("NOTIFICATION_TOPIC", ""),
            security_hub=_switch(env, "SECURITY_HUB"),
        )


def _intent(env: Mapping[str, str]) -> Intent:
    services = dict.fromkeys(_list(env.get("SERVICES", "states"))) or [""]
    return Intent(
        mode=_choice(Mode, "MODE", env.get("MODE", Mode.ENFORCE_NEW)),
        services=tuple(_choice(Service, "SERVICES", name) for name in services),
        default_vpcs=_choice(_DefaultVpcs, "DEFAULT_VPCS", env.get("DEFAULT_VPCS", "skip"))
        is _DefaultVpcs.INCLUDE,
        max_zones=_number(env, "MAX_AVAILABILITY_ZONES", 3, least=1),
        min_free_addresses=_number(env, "MIN_FREE_ADDRESSES", 8, least=1),
        subnet_tag=_tag(env.get("SUBNET_TAG", "")),
        client_cidrs=tuple(_cidr(text) for text in _list(env.get("CLIENT_CIDRS", ""))),
        vpc_dns=_choice(VpcDns, "VPC_DNS", env.get("VPC_DNS", VpcDns.WAIT)),
        exemption_tag=env.get("EXEMPTION_TAG", ""),
        contested_after=_number(env, "CONTESTED_AFTER", 3, least=1),
        breaker_after=_number(env, "BREAKER_AFTER", 10, least=1),
    )


class _DefaultVpcs(StrEnum):
    SKIP = "skip"
    INCLUDE = "include"


class _Switch(StrEnum):
    OFF = "off"
    ON = "on"


def _switch(env: Mapping[str, str], name: str) -> bool:
    return _choice(_Switch, name, env.get(name, _Switch.OFF)) is _Switch.ON


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], name: str, text: str) -> _Choice:
    accepted = ", ".join(member.value for member in kind)
    return _parsed(kind, name, text, accepted)


def _number(env: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    value = _parsed(int, name, env.get(name, str(default)), f"a whole number from {least}")
    if value < least:
        raise SettingsError(f"{name} is {value}; it takes a whole number from {least}")
    return value


def _cidr(text: str) -> str:
    return str(_parsed(ip_network, "CLIENT_CIDRS", text, "CIDR blocks such as 10.0.0.0/8"))


def _parsed(parse: Callable[[str], _Parsed], name: str, text: str, accepted: str) -> _Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}; it takes {accepted}") from error


def _organization(text: str) -> str:
    if text and not ORGANIZATION_ID.fullmatch(text):
        raise SettingsError(
            f"ORGANIZATION_ID is {text!r}; it takes an id such as o-abc1234567, or nothing"
        )
    return text


def _tag(text: str) -> tuple[str, str | None] | None:
    if not text:
        return None
    key, separator, value = text.partition("=")
    if not key:
        # Without this, a slip of the pen would let endpoints into every subnet.
        raise SettingsError(f"SUBNET_TAG is {text!r}; it takes a tag's key or key=value")
    return key, value if separator else None


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _required(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise SettingsError(f"{name} is not set; the stack's template sets it for every function")
    return env[name]
