"""What moto lacks of Route 53: Profiles, how zones and endpoints keep apart, nameless rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail_sandbox.route53.hosted_zones import HostedZones
from guardrail_sandbox.route53.profiles import Profiles
from guardrail_sandbox.route53.rule_names import RuleNames

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from guardrail_sandbox.clock import Clock

__all__ = ["HostedZones", "Profiles", "RuleNames", "with_route53"]


def with_route53(app: WSGIApplication, clock: Clock) -> WSGIApplication:
    """Return `app` with all layers in front of it."""
    return Profiles(RuleNames(HostedZones(app)), clock.now)
