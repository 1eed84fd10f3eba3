"""The stack set in AWS CloudFormation; see `guardrail_cli.org.model.StackSets`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition, Instance, Operation, Outcome, Pace, Place

DESCRIPTION = "Keeps AWS Step Functions reachable by endpoints whose policies stay in the baseline"
RETRIES: Any = {"mode": "standard", "total_max_attempts": 8}
"""An operation is followed for an hour: half a minute without network, or of throttling, passes.

Begun twice it is one, for each request carries its OperationId.
"""

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


class AwsStackSets:
    """Calls of the management account, or of a delegated administrator (`delegated`)."""

    def __init__(self, name: str, region: str, *, delegated: bool) -> None:
        self._name = name
        self._cfn: Any = boto3.client(
            "cloudformation", region_name=region, config=Config(retries=RETRIES)
        )
        self._as = {"CallAs": "DELEGATED_ADMIN" if delegated else "SELF"}

    def definition(self) -> Definition | None:
        """See `StackSets.definition`."""
        with reaching(f"looking for the stack set {self._name}"):
            try:
                found = self._cfn.describe_stack_set(StackSetName=self._name, **self._as)
            except ClientError as error:
                if _code(error) == "StackSetNotFoundException":
                    return None
                raise
        stack_set = found["StackSet"]
        if stack_set.get("PermissionModel", "SERVICE_MANAGED") != "SERVICE_MANAGED":
            raise UsageError(
                f"the stack set {self._name} is self-managed, so the guardrail did not make it;"
                " choose another name with --stack-set"
            )
        given = stack_set.get("Parameters", [])
        return Definition(
            template=stack_set.get("TemplateBody", "{}"),
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in given},
            units=tuple(stack_set.get("OrganizationalUnitIds", ())),
            regions=tuple(stack_set.get("Regions", ())),
        )

    def create(self, definition: Definition) -> None:
        """See `StackSets.create`."""
        with reaching(f"making the stack set {self._name}"):
            self._cfn.create_stack_set(
                StackSetName=self._name,
                Description=DESCRIPTION,
                PermissionModel="SERVICE_MANAGED",
                # Stacks of accounts that leave go; what they made stays, as with any deletion.
                AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
                ManagedExecution={"Active": True},
                Capabilities=_CAPABILITIES,
                **_given(definition),
                **self._as,
            )

    def add(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.add`."""
        with reaching(f"making stacks of {self._name} in {len(accounts)} accounts"):
            answer = self._cfn.create_stack_instances(
                StackSetName=self._name,
                DeploymentTargets=_targets(units, accounts),
                Regions=regions,
                OperationPreferences=_preferences(pace),
                **self._as,
            )
        return str(answer["OperationId"])

    def targets(self) -> dict[str, frozenset[str]]:
        """See `StackSets.targets`.

        Source: AWS CloudFormation API reference, "ListStackSetAutoDeploymentTargets".
        """
        found: dict[str, frozenset[str]] = {}
        asked: dict[str, Any] = {"StackSetName": self._name, **self._as}
        with reaching(f"asking where {self._name} deploys to accounts that join"):
            while True:
                page = self._cfn.list_stack_set_auto_deployment_targets(**asked)
                for one in page["Summaries"]:
                    found[one["OrganizationalUnitId"]] = frozenset(one["Regions"])
                if not page.get("NextToken"):
                    return found
                asked["NextToken"] = page["NextToken"]

    def register(self, unit: str, regions: list[str]) -> str:
        """See `StackSets.register`.

        The unit alone, without a filter of accounts, is all of it. AWS takes it without accounts,
        too, and the operation succeeds, as users of Terraform and Pulumi report, whose tools did
        not expect that (hashicorp/terraform-provider-aws#23349, pulumi/pulumi-aws#2839).
        """
        with reaching(f"making the stacks of {unit}"):
            answer = self._cfn.create_stack_instances(
                StackSetName=self._name,
                DeploymentTargets={"OrganizationalUnitIds": [unit]},
                Regions=regions,
                OperationPreferences=_preferences(Pace()),
                **self._as,
            )
        return str(answer["OperationId"])

    def define(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.define`.

        An update that names nobody updates everybody. Source: AWS CloudFormation API reference,
        "UpdateStackSet".
        """
        return self._update(_given(definition), definition, accounts, regions, pace)

    def update(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.update`.

        A template or values that are given again would make every other stack OUTDATED, whether or
        not they differ. Source: AWS CloudFormation API reference, "UpdateStackSet".
        """
        previous = {
            "UsePreviousTemplate": True,
            "Parameters": [
                {"ParameterKey": name, "UsePreviousValue": True}
                for name in sorted(definition.parameters)
            ],
        }
        return self._update(previous, definition, accounts, regions, pace)

    def _update(
        self,
        what: dict[str, Any],
        definition: Definition,
        accounts: list[str],
        regions: list[str],
        pace: Pace,
    ) -> str:
        where: dict[str, Any] = {}
        if accounts:
            where["DeploymentTargets"] = _targets(definition.units, accounts)
            where["Regions"] = regions
        with reaching(f"updating the stack set {self._name}"):
            answer = self._cfn.update_stack_set(
                StackSetName=self._name,
                Description=DESCRIPTION,
                Capabilities=_CAPABILITIES,
                OperationPreferences=_preferences(pace),
                **where,
                **what,
                **self._as,
            )
        return str(answer["OperationId"])

    def remove(self, units: tuple[str, ...], regions: list[str], pace: Pace) -> str:
        """See `StackSets.remove`.

        Without a filter of accounts: deleting the stacks of a unit "removes that OU as a stack set
        target". Source: AWS CloudFormation user guide, "Delete stacks from StackSets".
        """
        with reaching(f"deleting the stacks of {self._name}"):
            return self._remove({"OrganizationalUnitIds": list(units)}, regions, pace, retain=False)

    def detach(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.detach`."""
        with reaching(f"letting go of stacks of {self._name}"):
            return self._remove(_targets(units, accounts), regions, pace, retain=True)

    def _remove(
        self, targets: dict[str, Any], regions: list[str], pace: Pace, *, retain: bool
    ) -> str:
        answer = self._cfn.delete_stack_instances(
            StackSetName=self._name,
            DeploymentTargets=targets,
            Regions=regions,
            OperationPreferences=_preferences(pace),
            RetainStacks=retain,
            **self._as,
        )
        return str(answer["OperationId"])

    def delete(self) -> None:
        """See `StackSets.delete`."""
        with reaching(f"deleting the stack set {self._name}"):
            self._cfn.delete_stack_set(StackSetName=self._name, **self._as)

    def instances(self) -> Iterator[Instance]:
        """See `StackSets.instances`; pages hold 100."""
        with reaching(f"listing the stacks of {self._name}"):
            pages = self._cfn.get_paginator("list_stack_instances").paginate(
                StackSetName=self._name, **self._as
            )
            for page in pages:
                yield from (_instance(one) for one in page["Summaries"])

    def running(self) -> str | None:
        """See `StackSets.running`."""
        operations = self._operations()
        going = (o for o in operations if o["Status"] in {"RUNNING", "QUEUED", "STOPPING"})
        return next((str(one["OperationId"]) for one in going), None)

    def deleted(self) -> set[Place]:
        """See `StackSets.deleted`; a hundred results in a call."""
        deletions = [one for one in self._operations() if one.get("Action") == "DELETE"]
        return {place for one in deletions for place in self.operation(one["OperationId"]).results}

    def _operations(self) -> list[Any]:
        with reaching(f"looking for operations of {self._name}"):
            try:
                pages = self._cfn.get_paginator("list_stack_set_operations").paginate(
                    StackSetName=self._name, **self._as
                )
                return [one for page in pages for one in page["Summaries"]]
            except ClientError as error:
                if _code(error) == "StackSetNotFoundException":
                    return []
                raise

    def operation(self, operation_id: str) -> Operation:
        """See `StackSets.operation`."""
        named = {"StackSetName": self._name, "OperationId": operation_id, **self._as}
        with reaching(f"following the operation {operation_id} of {self._name}"):
            told = self._cfn.describe_stack_set_operation(**named)["StackSetOperation"]
            pages = self._cfn.get_paginator("list_stack_set_operation_results").paginate(**named)
            results = {
                (one["Account"], one["Region"]): Outcome(one["Status"], one.get("StatusReason", ""))
                for page in pages
                for one in page["Summaries"]
            }
        return Operation(operation_id, told["Status"], told.get("StatusReason", ""), results)


def _given(definition: Definition) -> dict[str, Any]:
    return {
        "TemplateBody": definition.template,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in sorted(definition.parameters.items())
        ],
    }


def _targets(units: tuple[str, ...], accounts: list[str]) -> dict[str, Any]:
    """Return those accounts of the units.

    The units deploy to accounts that join, all the same: "automatic deployments do not consider
    account level targeting filters". Sources: AWS CloudFormation API reference,
    "DeploymentTargets"; user guide, "Enable or disable automatic deployments for StackSets".
    """
    return {
        "OrganizationalUnitIds": list(units),
        "Accounts": accounts,
        "AccountFilterType": "INTERSECTION",
    }


def _preferences(pace: Pace) -> dict[str, Any]:
    """Return the pace; soft tolerance, so that one failure does not slow the others down."""
    return {
        "RegionConcurrencyType": "PARALLEL",
        "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
        "MaxConcurrentCount": pace.at_once,
        "FailureToleranceCount": pace.may_fail,
    }


def _instance(told: Any) -> Instance:  # noqa: ANN401 - of the SDK
    return Instance(
        account=told["Account"],
        region=told["Region"],
        state=told.get("Status", ""),
        detail=told.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        reason=told.get("StatusReason", ""),
        stack_id=told.get("StackId", ""),
        drift=told.get("DriftStatus", ""),
        unit=told.get("OrganizationalUnitId", ""),
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
