"""Deploy the project's own template to moto and read back what it says.

Rules, targets, retry policies, dead-letter queues, environments, handlers and schedules come
from the deployed stack; nothing of it is written down here a second time.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError as ParserError

from guardrail_sandbox import patterns
from guardrail_sandbox.deployed import AsyncSettings, FunctionSpec
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.expand import Expanded, expand, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from guardrail_sandbox.untyped import Client

STACK_NAME = "sfn-endpoint-guardrail"
_ANYTHING = '{"source": [{"exists": true}]}'


class Clients(Protocol):
    """Makes boto3 clients of the sandbox's own region and address."""

    def __call__(self, service: str) -> Client:
        """Return a client."""


class Stack:
    """The deployed stack of one template; `parameters` are those given at the last deployment."""

    def __init__(
        self, template: Path, clients: Clients, region: str, name: str = STACK_NAME
    ) -> None:
        self.name = name
        self._source = load(template)
        self._clients = clients
        self._region = region
        self._deployed = False
        self._expanded = Expanded({}, {})
        self.parameters: dict[str, str] = {}

    def deploy(self, parameters: Mapping[str, str], template: Path | None = None) -> None:
        """Create or update the stack; raise with the cause when a parameter does not exist.

        `template` is another one than before.
        """
        if template is not None:
            self._source = load(template)
        self._check(parameters)
        # All of them: moto leaves a default that is a list as text.
        self.parameters = {**self._defaults(), **self.parameters, **parameters}
        self._expanded = expand(
            self._source, self.parameters, region=self._region, stack_name=self.name
        )
        self._send()
        self._check_patterns()
        self._deployed = True
        self._supplement()

    def delete(self) -> None:
        """Delete the stack, and what moto's CloudFormation does not know of it."""
        for name in self._expanded.group_names:
            self._clients("scheduler").delete_schedule_group(Name=name)
        self._clients("cloudformation").delete_stack(StackName=self.name)
        self._deployed = False

    @property
    def stack_id(self) -> str:
        """The ARN of the stack."""
        answer = self._clients("cloudformation").describe_stacks(StackName=self.name)
        return str(answer["Stacks"][0]["StackId"])

    def has_parameter(self, name: str) -> bool:
        """Tell whether the template declares this parameter."""
        return name in self._source.get("Parameters", {})

    def functions(self) -> list[FunctionSpec]:
        """Return the functions of the stack as deployed."""
        settings = self._async_settings()
        return [
            self._function(resource["LogicalResourceId"], resource["PhysicalResourceId"], settings)
            for resource in self._resources()
            if resource["ResourceType"] == "AWS::Lambda::Function"
        ]

    def queue_arns(self) -> list[str]:
        """Return the queues of the stack: where what failed for good ends."""
        sqs = self._clients("sqs")
        urls = [
            resource["PhysicalResourceId"]
            for resource in self._resources()
            if resource["ResourceType"] == "AWS::SQS::Queue"
        ]
        return [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            for url in urls
        ]

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        answer = self._clients("cloudformation").describe_stacks(StackName=self.name)
        return {
            output["OutputKey"]: str(output["OutputValue"])
            for output in answer["Stacks"][0].get("Outputs", [])
        }

    def _send(self) -> None:
        client = self._clients("cloudformation")
        call = client.update_stack if self._deployed else client.create_stack
        parameters = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
        ]
        try:
            call(
                StackName=self.name,
                TemplateBody=json.dumps(self._expanded.template),
                Parameters=parameters,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )
        except (ClientError, ParserError) as error:
            # A fault inside moto is answered with a page that boto3 cannot parse.
            raise SandboxError(f"moto's CloudFormation refused the template: {error}") from error

    def _check_patterns(self) -> None:
        """Refuse what EventBridge would: moto stores any pattern."""
        for rule in self._clients("events").list_rules()["Rules"]:
            try:
                patterns.read(rule.get("EventPattern") or _ANYTHING)
            except patterns.InvalidPatternError as error:
                raise SandboxError(f"the pattern of rule {rule['Name']}: {error}") from error

    def _defaults(self) -> dict[str, str]:
        declared = self._source.get("Parameters", {}).items()
        return {name: str(p["Default"]) for name, p in declared if "Default" in p}

    def _check(self, parameters: Mapping[str, str]) -> None:
        unknown = sorted(name for name in parameters if not self.has_parameter(name))
        if unknown:
            raise SandboxError(f"the template has no parameter {', '.join(unknown)}")

    def _resources(self) -> list[dict[str, Any]]:
        answer = self._clients("cloudformation").describe_stack_resources(StackName=self.name)
        return [resource for resource in answer["StackResources"] if "ResourceType" in resource]

    def _function(
        self, logical_id: str, name: str, settings: Mapping[str, AsyncSettings]
    ) -> FunctionSpec:
        found = self._clients("lambda").get_function_configuration(FunctionName=name)
        variables = found.get("Environment", {}).get("Variables", {})
        return FunctionSpec(
            logical_id=logical_id,
            name=name,
            arn=found["FunctionArn"],
            role_arn=found["Role"],
            handler=found["Handler"],
            timeout_seconds=float(found["Timeout"]),
            memory_mb=int(found["MemorySize"]),
            # moto keeps numbers as they are in the template; on AWS every value is text.
            environment={key: str(value) for key, value in variables.items()},
            asynchronous=settings.get(name, AsyncSettings()),
        )

    def _async_settings(self) -> dict[str, AsyncSettings]:
        """Return the event invoke configuration of each function by name."""
        kind = "AWS::Lambda::EventInvokeConfig"
        found = self._expanded.supplements_of(kind, self.outputs())
        return {str(p["FunctionName"]): _async_settings(p) for _, p in found}

    def _supplement(self) -> None:
        values = self.outputs()
        scheduler = self._clients("scheduler")
        for _, group in self._expanded.supplements_of("AWS::Scheduler::ScheduleGroup", values):
            with contextlib.suppress(scheduler.exceptions.ConflictException):
                self._ensure_group(group["Name"])
        for logical_id, schedule in self._expanded.supplements_of(
            "AWS::Scheduler::Schedule", values
        ):
            self._put_schedule({"Name": logical_id, **schedule})
        for _, policy in self._expanded.supplements_of("AWS::SQS::QueuePolicy", values):
            for url in policy["Queues"]:
                document = json.dumps(policy["PolicyDocument"])
                self._clients("sqs").set_queue_attributes(
                    QueueUrl=url, Attributes={"Policy": document}
                )
        self._set_time_to_live()
        self._ensure_trail()

    def _ensure_trail(self) -> None:
        """Have a trail that logs management events, as accounts have that the guardrail is for.

        AWS gives a new trail the selector that moto is told here.
        """
        trail = self._clients("cloudtrail")
        if trail.list_trails()["Trails"]:
            return
        # us-east-1 takes no constraint, every other region wants its own (S3, "CreateBucket").
        there = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        elsewhere = self._region != "us-east-1"
        self._clients("s3").create_bucket(Bucket=_TRAIL, **(there if elsewhere else {}))
        trail.create_trail(Name=_TRAIL, S3BucketName=_TRAIL, IsMultiRegionTrail=True)
        everything = {"ReadWriteType": "All", "IncludeManagementEvents": True}
        trail.put_event_selectors(TrailName=_TRAIL, EventSelectors=[everything])
        trail.start_logging(Name=_TRAIL)

    def _ensure_group(self, name: str) -> None:
        """Moto would replace a group of the same name, and lose its schedules."""
        scheduler = self._clients("scheduler")
        groups = scheduler.list_schedule_groups()["ScheduleGroups"]
        if name not in {group["Name"] for group in groups}:
            scheduler.create_schedule_group(Name=name)

    def _put_schedule(self, properties: dict[str, Any]) -> None:
        scheduler = self._clients("scheduler")
        members = scheduler.meta.service_model.operation_model("CreateSchedule").input_shape.members
        arguments = {key: value for key, value in properties.items() if key in members}
        try:
            scheduler.create_schedule(**_typed(arguments))
        except scheduler.exceptions.ConflictException:
            scheduler.update_schedule(**_typed(arguments))

    def _set_time_to_live(self) -> None:
        """Moto's CloudFormation leaves the time to live of a table out."""
        tables = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in self._resources()
            if resource["ResourceType"] == "AWS::DynamoDB::Table"
        }
        for logical_id, name in tables.items():
            properties = self._expanded.template["Resources"][logical_id]["Properties"]
            wanted = properties.get("TimeToLiveSpecification")
            if wanted:
                self._clients("dynamodb").update_time_to_live(
                    TableName=name, TimeToLiveSpecification=wanted
                )


_TRAIL = "management-events"


def _async_settings(properties: Mapping[str, Any]) -> AsyncSettings:
    failure = properties.get("DestinationConfig", {}).get("OnFailure", {})
    default = AsyncSettings()
    return AsyncSettings(
        maximum_retries=int(properties.get("MaximumRetryAttempts", default.maximum_retries)),
        maximum_age_seconds=int(
            properties.get("MaximumEventAgeInSeconds", default.maximum_age_seconds)
        ),
        on_failure_arn=failure.get("Destination"),
    )


def _typed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Turn numbers that a parameter made into text back into numbers."""
    window = arguments.get("FlexibleTimeWindow", {})
    if "MaximumWindowInMinutes" in window:
        window["MaximumWindowInMinutes"] = int(window["MaximumWindowInMinutes"])
    retry = arguments.get("Target", {}).get("RetryPolicy", {})
    for name, value in retry.items():
        retry[name] = int(value)
    return arguments
