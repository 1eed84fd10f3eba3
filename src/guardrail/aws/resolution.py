"""Who answers for a service's name in a VPC; nobody is asked yet."""

from __future__ import annotations

from collections.abc import Collection


class VpcResolution:
    """See `guardrail.ports.Resolution`."""

    def __init__(self, region: str) -> None:
        self._region = region

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """Return None: nobody is asked yet."""
        del vpc_id, names
        return None
