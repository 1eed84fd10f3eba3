"""Names for what has no static type, so that a signature still says what it is about."""

from __future__ import annotations

from typing import Any

Json = Any
"""Parsed JSON or YAML of any shape."""

Moto = Any
"""An object of moto's, which ships without types."""

Client = Any
"""A boto3 client of a service that is named at run time."""
