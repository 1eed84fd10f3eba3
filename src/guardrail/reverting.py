"""Putting back one policy: what is kept before, how often it was done, what EC2 shows after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from guardrail.core.actions import Origin, WritePolicy
from guardrail.core.fights import SPACING, WINDOW, Fight, Loosening, PastRevert
from guardrail.core.memory import VpcMemory
from guardrail.core.model import Endpoint, Finding, Intent, Mode, Step
from guardrail.core.plan import policy_hash
from guardrail.core.policy import baseline_alone, decide
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, PolicyRefusedError, RefusedError, RetryableError
from guardrail.ports import BeforeImage, Evidence, Kept, Network, Result

FRESH = timedelta(seconds=5)
"""A look that is older, while others had their turn, is taken again before anything is written."""

_WHOLE_SECOND = timedelta(seconds=1)
"""CloudTrail's times are cut to whole seconds."""


@dataclass(frozen=True, slots=True)
class Revert:
    """A policy that was put back: the record, when EC2 showed it, and the fight it is part of.

    `turns` says that the endpoint became contested with it, or its breaker opened. `verified` is
    None when EC2 still showed the old policy some seconds later. `exposure_ms` is from the change
    to the verified write, known where it is known who opened the policy.
    """

    image: BeforeImage
    fight: Fight
    turns: bool = False
    verified: datetime | None = None
    exposure_ms: int | None = None


class Reverting:
    """Puts policies of one VPC's endpoints back.

    `memory` and `kept` are what is remembered of the VPC and of its endpoints, `looked` is when
    they were looked at; `judge` says what a policy that was looked at anew needs. `done` holds what
    was written, `untidy` why a record of that could not be completed.
    """

    def __init__(
        self,
        network: Network,
        evidence: Evidence,
        trigger: Trigger,
        *,
        vpc_id: str,
        baseline: str,
        intent: Intent,
        memory: VpcMemory,
        kept: Mapping[str, Kept],
        looked: datetime,
        judge: Callable[[Endpoint], list[Step]],
        now: Callable[[], datetime],
    ) -> None:
        self._network = network
        self._evidence = evidence
        self._trigger = trigger
        self._vpc_id = vpc_id
        self._baseline = baseline
        self._intent = intent
        self._memory = memory
        self._kept = kept
        self._looked = looked
        self._judge = judge
        self._now = now
        self._begun = now()
        self.done: list[Revert] = []
        self.due: datetime | None = None
        self.untidy: GuardrailError | None = None

    def write(self, action: WritePolicy, findings: Iterable[Finding]) -> tuple[WritePolicy, Result]:
        """Write the policy; return what was written and what became of it.

        Where EC2 takes no policy of somebody's, the baseline alone is written: EC2's rules for
        endpoint policies are stricter than what is documented can tell, and an endpoint must not
        stay open for the sake of a statement that only narrowed it.
        """
        if self._is_stale and self._intent.mode is not Mode.OBSERVE:
            steps = self._needed_now(action.endpoint_id)
            findings = [step for step in steps if isinstance(step, Finding)]
            needed = [step for step in steps if isinstance(step, WritePolicy)]
            if not needed:
                return action, Result.GONE
            action = needed[0]
        fight = self._fight(action.endpoint_id)
        loosening = self._loosening(action, fight)
        if self._is_spaced(action.endpoint_id, fight):
            if loosening:
                self._evidence.note_loosening(action.endpoint_id, loosening)
            return action, Result.SPACED
        image = self._image(action, findings, loosening)
        try:
            return action, self._replace(action, image, fight)
        except PolicyRefusedError:
            alone = replace(action, policy=baseline_alone(self._baseline), origin=Origin.BASELINE)
            if alone.policy == action.policy:
                raise
            image = replace(image, after=alone.policy, origin=alone.origin)
            return alone, self._replace(alone, image, fight)

    def check(self, policy: str) -> None:
        """Refuse to write what the engine does not find inside the baseline."""
        verdict = decide(policy, self._baseline)
        if not verdict.contained:
            raise RefusedError(
                f"the policy to be written is not inside the baseline: {verdict.reasons[0].message}"
            )

    def _fight(self, endpoint_id: str) -> Fight:
        past = self._evidence.reverts(endpoint_id, self._begun)
        return Fight(past, self._intent.contested_after, self._intent.breaker_after)

    def _is_spaced(self, endpoint_id: str, fight: Fight) -> bool:
        """Whether the write has to wait; of several that are due at once, one does not.

        A sweep writes: it comes by its schedule, not for each time that somebody loosens.
        """
        if self._trigger.is_sweep or not fight.open:
            return False
        due, next_due = fight.due(self._begun), self._begun + SPACING
        if due <= self._begun:
            if self._evidence.claim(endpoint_id, self._begun, next_due):
                return False
            due = next_due
        self.due = min(due, self.due or due)
        return True

    @property
    def _is_stale(self) -> bool:
        """Whether the owner may have closed it himself since: others had their turn before."""
        return self._trigger.is_sweep or self._now() - self._looked > FRESH

    def _needed_now(self, endpoint_id: str) -> list[Step]:
        """Return what the endpoint needs now; a sweep comes to it minutes after it has looked."""
        found = self._network.glance([endpoint_id]) or ()
        return [step for glimpse in found for step in self._judge(glimpse.endpoint)]

    def _loosening(self, action: WritePolicy, fight: Fight) -> Loosening | None:
        """Return who gave the policy that is replaced, as far as an event told.

        Any event about the VPC may lead here, the guardrail's own and one that comes days late
        among them. One tells who it was if it gave this endpoint this policy, within the last hour
        and after the last revert; or it did when a revert was put off, and was noted.
        """
        digest = _digest(action.before)
        last = max((revert.at for revert in fight.made), default=self._begun - WINDOW)
        noted = self._kept.get(action.endpoint_id, Kept()).loosening
        candidates = [
            one
            for one in (self._told(action.endpoint_id), noted)
            if one and one.sha256 == digest and _is_after(one.at, last)
        ]
        if len(candidates) == 2 and candidates[0].actor == candidates[1].actor:
            # The same again: it has been open since the first time.
            return candidates[1]
        return candidates[0] if candidates else None

    def _told(self, endpoint_id: str) -> Loosening | None:
        """Return who gave the endpoint which policy by the call that the event is about."""
        told = self._trigger
        if endpoint_id not in told.written_endpoints or told.policy is None:
            return None
        digest = _digest(told.policy)
        return Loosening(told.actor, told.user_agent, told.event_id, told.event_time, digest)

    def _image(
        self, action: WritePolicy, findings: Iterable[Finding], loosening: Loosening | None
    ) -> BeforeImage:
        drifts = [f for f in findings if f.endpoint_id == action.endpoint_id and f.reason.is_drift]
        verdicts = [f.verdict for f in drifts if f.verdict]
        return BeforeImage(
            action.endpoint_id,
            self._vpc_id,
            action.before,
            action.policy,
            action.origin,
            self._begun,
            codes=tuple(f.reason for f in drifts),
            reason=drifts[0].message if drifts else "",
            witness=verdicts[0].witness if verdicts else None,
            trigger=self._trigger.name,
            event_id=loosening.event_id if loosening else self._trigger.event_id,
            actor=loosening.actor if loosening else None,
            user_agent=loosening.user_agent if loosening else None,
            changed=loosening.at if loosening else None,
        )

    def _replace(self, action: WritePolicy, image: BeforeImage, fight: Fight) -> Result:
        self.check(action.policy)
        self._evidence.keep(image)
        try:
            result = self._network.apply(action).result
        except GuardrailError as error:
            if not (isinstance(error, RetryableError) and self._stands(image)):
                self._evidence.note_failed(image)
                raise
            # The write was made, and only its answer was lost.
            result = Result.APPLIED
        if result is Result.APPLIED:
            self._complete(image, fight)
        else:
            self._evidence.note_failed(image)
        return result

    def _stands(self, image: BeforeImage) -> bool:
        """Whether EC2 shows the policy that was to be written."""
        try:
            found = self._network.glance([image.endpoint_id]) or ()
        except RetryableError:
            return False
        return any(_digest(one.endpoint.policy) == _digest(image.after) for one in found)

    def _complete(self, image: BeforeImage, fight: Fight) -> None:
        """Complete the record: that it was written, then that EC2 shows it."""
        written = self._now()
        after = fight.with_one(PastRevert(image.at, image.actor, image.user_agent))
        exposure = _exposure(image, written)
        # What was written is told of, whether or not its record can be completed.
        self.done.append(Revert(image, after, self._turns(image, after), exposure_ms=exposure))
        try:
            self._evidence.note_written(image, written, exposure)
            if verified := self._verified(image):
                exposure = _exposure(image, verified)
                self.done[-1] = replace(self.done[-1], verified=verified, exposure_ms=exposure)
                self._evidence.note_verified(image, verified, exposure)
        except GuardrailError as error:
            self.untidy = error

    def _turns(self, image: BeforeImage, fight: Fight) -> bool:
        """Whether it is news that the endpoint is contested, or that its breaker is open."""
        if fight.open:
            return not self._memory.breaks(image.endpoint_id, image.at)
        return fight.contested and not self._memory.contests(image.endpoint_id, image.at)

    def _verified(self, image: BeforeImage) -> datetime | None:
        try:
            shown = self._network.settled_policy(image.endpoint_id, self._fits)
        except RetryableError:
            # The write was made. That it could not be read is recorded as not verified, and its
            # own event leads to the next look.
            return None
        return self._now() if shown is not None else None

    def _fits(self, shown: str) -> bool:
        return decide(shown, self._baseline).contained


def _digest(policy: str) -> str:
    """Return a hash that is the same for the same policy, however it is spaced."""
    try:
        return policy_hash(json.dumps(json.loads(policy), sort_keys=True))
    except (ValueError, RecursionError):
        return policy_hash(policy)


def _is_after(moment: datetime | None, last: datetime) -> bool:
    return moment is not None and moment > last - _WHOLE_SECOND


def _exposure(image: BeforeImage, until: datetime) -> int | None:
    return max(0, milliseconds(until - image.changed)) if image.changed else None


def milliseconds(duration: timedelta) -> int:
    """Return the whole milliseconds of a duration."""
    return round(duration / timedelta(milliseconds=1))
