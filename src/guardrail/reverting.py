"""Putting back one policy: what is kept before, how often it was done, what EC2 shows after."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from guardrail.core.actions import Origin, WritePolicy
from guardrail.core.fights import WINDOW, Fight, PastRevert
from guardrail.core.model import Finding, Intent
from guardrail.core.policy import baseline_alone, decide
from guardrail.core.trail import Trigger
from guardrail.errors import PolicyRefusedError, RefusedError, RetryableError
from guardrail.ports import BeforeImage, Evidence, Network, Result


@dataclass(frozen=True, slots=True)
class Revert:
    """A policy that was put back: the record, when EC2 showed it, and the fight it is part of.

    `verified` is None when EC2 still showed the old policy some seconds later. `exposure_ms` is
    from the change to the verified write, known where the trigger is what had changed it.
    """

    image: BeforeImage
    fight: Fight
    verified: datetime | None = None
    exposure_ms: int | None = None


class Reverting:
    """Puts policies of one VPC's endpoints back; `done` holds what was written."""

    def __init__(
        self,
        network: Network,
        evidence: Evidence,
        trigger: Trigger,
        *,
        vpc_id: str,
        baseline: str,
        intent: Intent,
        now: Callable[[], datetime],
    ) -> None:
        self._network = network
        self._evidence = evidence
        self._trigger = trigger
        self._vpc_id = vpc_id
        self._baseline = baseline
        self._intent = intent
        self._now = now
        self._begun = now()
        self.done: list[Revert] = []
        self.due: datetime | None = None

    def write(self, action: WritePolicy, findings: Iterable[Finding]) -> tuple[WritePolicy, Result]:
        """Write the policy; return what was written and what became of it.

        Where EC2 takes no policy of somebody's, the baseline alone is written: EC2's rules for
        endpoint policies are stricter than what is documented can tell, and an endpoint must not
        stay open for the sake of a statement that only narrowed it.
        """
        fight = self._fight(action.endpoint_id)
        if (due := fight.due(self._begun)) > self._begun:
            self.due = min(due, self.due or due)
            return action, Result.SPACED
        image = self._image(action, findings)
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
        past = self._evidence.reverts(endpoint_id, self._begun - WINDOW)
        return Fight(past, self._intent.contested_after, self._intent.breaker_after)

    def _image(self, action: WritePolicy, findings: Iterable[Finding]) -> BeforeImage:
        drifts = [f for f in findings if f.endpoint_id == action.endpoint_id and f.reason.is_drift]
        verdicts = [f.verdict for f in drifts if f.verdict]
        # Any event about the VPC may lead here; only one that wrote this endpoint tells who did.
        wrote_it = action.endpoint_id in self._trigger.new_ids
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
            event_id=self._trigger.event_id,
            actor=self._trigger.actor if wrote_it else None,
            user_agent=self._trigger.user_agent if wrote_it else None,
            changed=self._trigger.event_time if wrote_it else None,
        )

    def _replace(self, action: WritePolicy, image: BeforeImage, fight: Fight) -> Result:
        self.check(action.policy)
        self._evidence.keep(image)
        result = self._network.apply(action).result
        if result is Result.APPLIED:
            self._complete(image, fight)
        return result

    def _complete(self, image: BeforeImage, fight: Fight) -> None:
        """Verify the write by a read, and complete the record of it."""
        written, verified = self._now(), self._verified(image)
        exposure = None
        if image.changed:
            exposure = max(0, milliseconds((verified or written) - image.changed))
        one = PastRevert(image.at, image.actor, image.user_agent)
        # First: what was written is told of, whether or not its record can be completed.
        self.done.append(Revert(image, fight.with_one(one), verified, exposure))
        self._evidence.completed(image, written, verified, exposure)

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


def milliseconds(duration: timedelta) -> int:
    """Return the whole milliseconds of a duration."""
    return round(duration / timedelta(milliseconds=1))
