"""What the guardrail depends on, looked at by every sweep: the trail and its own rules.

EventBridge hears of EC2's calls only where a trail logs write management events in the account and
region. Source: Amazon EventBridge user guide, "AWS service events delivered via CloudTrail".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from guardrail.aws import clients
from guardrail.aws.failures import translated
from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from guardrail.aws.unstubbed import CloudTrail

_MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
_EC2 = "ec2.amazonaws.com"


class SelfCheck:
    """Says what is missing; `rules` are the names of the stack's rules."""

    def __init__(self, region: str, rules: Iterable[str]) -> None:
        self._region = region
        self._rules = tuple(rules)

    def missing(self) -> list[str]:
        """Return one sentence for each thing that is missing or cannot be looked at."""
        found: list[str] = []
        for what, look in (("the trails", self._trail), ("the rules", self._rule_states)):
            try:
                found += look()
            except GuardrailError as error:
                found.append(f"{what} cannot be looked at: {error}")
        return found

    def _trail(self) -> list[str]:
        client = clients.cloudtrail()
        with translated("looking for a trail"):
            trails = client.describe_trails()["trailList"]
        unseen: list[str] = []
        for trail in trails:
            try:
                if self._tells(client, trail):
                    return []
            except GuardrailError as error:
                # Another account's, perhaps; one of the others may be enough.
                unseen.append(str(error))
        if unseen:
            return [f"it is not known whether a trail logs here: {'; '.join(unseen)}"]
        names = ", ".join(str(trail.get("Name")) for trail in trails) or "there is none"
        return [
            f"no trail logs write management events of {_EC2} in {self._region} ({names}): without"
            " one no event comes, and only sweeps find what has changed"
        ]

    def _tells(self, client: CloudTrail, trail: Mapping[str, Any]) -> bool:
        here = trail.get("IsMultiRegionTrail") or trail.get("HomeRegion") == self._region
        if not here:
            return False
        arn = str(trail.get("TrailARN"))
        with translated(f"looking at the trail {arn}"):
            if not client.get_trail_status(Name=arn).get("IsLogging"):
                return False
            selectors = client.get_event_selectors(TrailName=arn)
        return any(_selects(one) for one in selectors.get("EventSelectors") or ()) or any(
            _selects_advanced(one) for one in selectors.get("AdvancedEventSelectors") or ()
        )

    def _rule_states(self) -> list[str]:
        return [sentence for rule in self._rules for sentence in _rule_state(rule)]


def _rule_state(rule: str) -> Iterator[str]:
    events = clients.events()
    with translated(f"looking at the rule {rule}"):
        try:
            state = events.describe_rule(Name=rule).get("State", "")
        except events.exceptions.ResourceNotFoundException:
            yield f"the rule {rule} does not exist: deploy the stack again"
            return
        if not str(state).startswith("ENABLED"):
            yield f"the rule {rule} is {state.lower()}: its events are lost until it is enabled"
        if not events.list_targets_by_rule(Rule=rule)["Targets"]:
            yield f"the rule {rule} has no target: deploy the stack again"


def _selects(selector: Mapping[str, Any]) -> bool:
    """Whether a selector of the plain kind has write management events."""
    return selector.get("ReadWriteType", "All") in {"All", "WriteOnly"} and bool(
        selector.get("IncludeManagementEvents", True)
    )


def _selects_advanced(selector: Mapping[str, Any]) -> bool:
    """Whether an advanced selector has EC2's write management events.

    Source: AWS CloudTrail API reference, "AdvancedFieldSelector": management events can be
    narrowed by `readOnly` and `eventSource`.
    """
    fields = list(selector.get("FieldSelectors", ()))
    if _MANAGEMENT not in fields:
        return False
    for field in fields:
        name, equals, differs = field.get("Field"), field.get("Equals"), field.get("NotEquals", ())
        if name == "readOnly" and equals == ["true"]:
            return False
        if name == "eventSource" and ((equals and _EC2 not in equals) or _EC2 in differs):
            return False
    return True
