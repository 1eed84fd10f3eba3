"""A roll-out to an organisation of twenty accounts, played in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from guardrail_cli.org.model import Definition
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.waves import Waves
from support.stack_sets import FakeArtifacts, FakeOrganisation, FakeStackSets, Said

REGIONS = ("eu-west-1", "us-east-1")
PARAMETERS = '{"Mode": {"Default": "enforce-new"}, "SweepWrites": {"Default": 60}}'
TEMPLATE = f'{{"Version": 1, "Parameters": {PARAMETERS}}}'
WANTED = Definition(TEMPLATE, {"Mode": "observe"}, ("ou-1",), REGIONS)
NEXT = replace(WANTED, template=TEMPLATE.replace("1", "2"))
ACCOUNTS = [f"{number:012}" for number in range(1, 21)]
FIRST = [(ACCOUNTS[0], region) for region in REGIONS]


@dataclass
class Site:
    """An organisation of twenty accounts and its management account."""

    sets: FakeStackSets = field(
        default_factory=lambda: FakeStackSets(FakeOrganisation({"ou-1": ["m", *ACCOUNTS]}))
    )
    artifacts: FakeArtifacts = field(default_factory=FakeArtifacts)
    said: Said = field(default_factory=Said)
    waves: Waves = field(default_factory=Waves)

    @property
    def rollout(self) -> Rollout:
        """Return a command that begins anew."""
        organisation, artifacts = self.sets.organisation, self.artifacts
        return Rollout(
            self.sets, organisation, artifacts, self.said, self.waves, sleep=lambda _: None
        )

    def waves_of(self, action: str) -> list[int]:
        """Return how many accounts each operation of a kind was on."""
        return [len(accounts) for what, accounts, _ in self.sets.operations if what == action]

    def deployed(self) -> bool:
        """Whether every account but the management account has its stacks, as they should be."""
        stacks = self.sets.stacks
        places = {(account, region) for account in ACCOUNTS for region in REGIONS}
        return stacks.keys() == places and all(stack.settled for stack in stacks.values())
