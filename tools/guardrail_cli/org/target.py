"""Which stack set is meant, and what it is to give: from options, and from what it gives now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import boto3

from guardrail_cli.deployed import STACK, reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.homes import homes, regions_of
from guardrail_cli.org.model import Definition
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.stack_set import AwsStackSets
from guardrail_cli.org.values import refused, takes

OWN = {"Mode": "--mode", "ArtifactPrefix": "--artifact-prefix of `org deploy`"}
"""Parameters that have options of their own."""


@dataclass(frozen=True)
class Target:
    """The stack set of a name, in its home region, of this account or through a delegation."""

    name: str
    home: str
    delegated: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for no home, and a name that the rest of the project does not know."""
        if not self.home.strip():
            raise UsageError(
                "--home names no region: say the one that the stack set is at home in, such as"
                " --home eu-west-1; if that was a variable of the shell, it is not set"
            )
        if not self.name.startswith(STACK):
            raise UsageError(
                f"--stack-set must begin with {STACK}: deploy/scp.json and the role that status"
                " reads through go by that name"
            )

    @property
    def options(self) -> str:
        """The options that say it, for a command that a person can copy."""
        name = "" if self.name == STACK else f" --stack-set {self.name}"
        return f"--home {self.home}{name}{' --delegated' if self.delegated else ''}"

    def status_region(self, regions: tuple[str, ...]) -> str:
        """Return in which of the regions the role of status is made, unless another is given."""
        return self.home if self.home in regions else regions[0]

    def sets(self) -> AwsStackSets:
        """Return the stack set."""
        return AwsStackSets(self.name, self.home, delegated=self.delegated)

    def organisation(self) -> AwsOrganisation:
        """Return the organisation."""
        return AwsOrganisation(self.home)

    def definition(self) -> Definition:
        """Return what the set gives now; raises UsageError when it does not exist."""
        standing = self.sets().definition()
        if standing is None:
            raise UsageError(
                f"there is no stack set {self.name} in {self.home}; `org deploy` makes it, and"
                " --stack-set and --home say which one is meant"
            )
        return standing

    def refuse_second(self, regions: Iterable[str]) -> str:
        """Raise UsageError when a set of that name is at home elsewhere: there would be two.

        Return where that could not be seen, for a person; nothing when all regions told.
        """
        asked = ({*regions} | regions_of(self.home)) - {self.home}
        seen = homes(self.name, asked, delegated=self.delegated)
        if seen.found:
            raise UsageError(
                f"the stack set {self.name} is at home in {', '.join(seen.found)}, not in"
                f" {self.home}: say --home {seen.found[0]}"
            )
        if not seen.unseen:
            return ""
        first = next(iter(seen.unseen.values()))
        return (
            f"whether a stack set {self.name} is at home in {', '.join(seen.unseen)} could not be"
            f" seen ({first}); if it is, there will be two guardrails"
        )


def account_id(region: str) -> str:
    """Return the account whose credentials these are."""
    with reaching("asking who this is"):
        return str(boto3.client("sts", region_name=region).get_caller_identity()["Account"])


def listed(text: str, option: str) -> tuple[str, ...]:
    """Return the parts of a list with commas; raises UsageError when there is none."""
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not parts:
        raise UsageError(f"{option} names nothing")
    return parts


def given(parameters: Iterable[str]) -> dict[str, str]:
    """Return what `--parameter` gives; raises UsageError for what has an option of its own."""
    chosen: dict[str, str] = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--parameter takes Name=value, not {text!r}")
        if name in OWN:
            raise UsageError(f"{name} is set by {OWN[name]}, not by --parameter")
        chosen[name] = value
    return chosen


def checked(wanted: Definition) -> Definition:
    """Return the definition; raises UsageError for values that the template does not take."""
    for name, value in wanted.parameters.items():
        declared = wanted.declared.get(name)
        if declared is None:
            raise UsageError(f"the template has no parameter {name}")
        if (item := refused(declared, value)) is not None:
            raise UsageError(f"{name} takes {takes(declared)}, not {item!r}")
    region = wanted.parameters.get("StatusRegion", "")
    if region and region not in wanted.regions:
        regions = ", ".join(wanted.regions)
        raise UsageError(
            f"StatusRegion takes one of the set's regions, {regions}, not {region!r}: give"
            f" --parameter StatusRegion={wanted.regions[0]}, or --parameter StatusRegion= for no"
            " role to read the status through"
        )
    if missing := sorted(wanted.declared.keys() - wanted.effective.keys()):
        raise UsageError(f"{', '.join(missing)} must be given")
    return wanted


def refuse_moved_role(standing: Definition, wanted: Definition) -> None:
    """Raise UsageError where the role of status would go from one region's stack to another's.

    Regions go side by side, and CloudFormation deletes what a stack no longer has when all else is
    done: the other stack would make the role while this one has it, and be refused. Source: AWS
    CloudFormation user guide, "Stack status codes", UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.
    """
    before, after = (one.effective.get("StatusRegion", "") for one in (standing, wanted))
    has_role = standing.effective.get("StatusReader") and before in standing.regions
    if has_role and after not in {"", before} and wanted.effective.get("StatusReader"):
        raise UsageError(
            f"the role that status reads through cannot go from {before} to {after} in one step,"
            " since IAM's names are global: give --parameter StatusRegion= first, and when that"
            f" has reached all stacks, --parameter StatusRegion={after}"
        )


def first_definition(
    release: Release,
    target: Target,
    organization_id: str,
    units: tuple[str, ...],
    regions: tuple[str, ...],
) -> Definition:
    """Return what a new set gives: it observes, knows its organisation, and spreads its sweeps.

    PrivateLink throttles the organisation as a whole, so hourly sweeps start all over the hour.
    Source: AWS PrivateLink guide, "AWS PrivateLink quotas".
    """
    parameters = {
        "Mode": "observe",
        "OrganizationId": organization_id,
        "SweepWindowMinutes": "60",
        "StatusRegion": target.status_region(regions),
    }
    declared = Definition(release.template, {}).declared
    known = {name: value for name, value in parameters.items() if name in declared}
    return Definition(release.template, known, units, regions)


def next_definition(
    release: Release,
    target: Target,
    standing: Definition,
    units: tuple[str, ...],
    regions: tuple[str, ...],
    changes: Mapping[str, str],
) -> Definition:
    """Return what a set that stands is to give: what was chosen before, with the changes.

    The region of the role of status may have been taken out meanwhile. Where nobody may read the
    status no stack has that role, so another region is chosen, as for a new set.
    """
    parameters = kept(standing, release, changes)
    region, reader = parameters.get("StatusRegion"), standing.effective.get("StatusReader")
    if region and region not in regions and not reader and "StatusRegion" not in changes:
        parameters["StatusRegion"] = target.status_region(regions)
    return Definition(release.template, parameters, units, regions)


def changed(standing: Definition, wanted: Definition) -> list[str]:
    """Return one line for each parameter that would be another."""
    before, after = standing.effective, wanted.effective
    return [
        f"{name}: {before.get(name, 'nothing')!r} becomes {after.get(name, 'nothing')!r}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def kept(standing: Definition, release: Release, changes: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that were chosen before, with the changes."""
    declared = Definition(release.template, {}).declared
    return {**{k: v for k, v in standing.chosen.items() if k in declared}, **changes}
