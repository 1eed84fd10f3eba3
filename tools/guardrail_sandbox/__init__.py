"""A local AWS that shows the guardrail at work on one machine, without an account."""

from __future__ import annotations
