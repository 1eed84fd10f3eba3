"""How EC2's filters match: exactly, but for `*` and `?`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


def matches(values: Iterable[str], patterns: Iterable[str]) -> bool:
    """Tell whether one of the values matches one of the patterns.

    AWS: EC2 user guide, "List and filter your resources".
    """
    wanted = [_compiled(pattern) for pattern in patterns]
    return any(pattern.fullmatch(value) for value in values for pattern in wanted)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
