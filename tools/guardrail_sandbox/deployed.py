"""What the deployed stack says, as values: functions, how they are invoked, where failures go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AsyncSettings:
    """Event invoke configuration; the defaults are Lambda's own.

    AWS: Lambda developer guide, "Configuring error handling settings for asynchronous invocations".
    """

    maximum_retries: int = 2
    maximum_age_seconds: int = 21_600
    on_failure_arn: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function of the stack; `environment` is what the template gives it."""

    logical_id: str
    name: str
    arn: str
    role_arn: str
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: Mapping[str, str] = field(default_factory=dict)
    asynchronous: AsyncSettings = AsyncSettings()
