"""Values that make a witness read like a real request, tried before any invented one."""

from __future__ import annotations

_STATES = (
    "StartExecution",
    "DescribeExecution",
    "CreateStateMachine",
    "DeleteStateMachine",
    "UpdateStateMachine",
    "DescribeStateMachine",
    "StopExecution",
    "ListExecutions",
    "GetExecutionHistory",
    "ListStateMachines",
    "StartSyncExecution",
    "SendTaskSuccess",
    "SendTaskFailure",
    "GetActivityTask",
    "TagResource",
    "RedriveExecution",
)
_RESOURCES = (
    "arn:aws:states:us-east-1:111111111111:stateMachine:example",
    "arn:aws:states:us-east-1:111111111111:execution:example:run",
    "arn:aws:states:us-east-1:111111111111:activity:example",
)


def action_hints(service: str | None) -> tuple[str, ...]:
    """Names of real actions, in the lower case that patterns are compared in."""
    known = tuple(f"states:{name}".lower() for name in _STATES)
    if service is None:
        return (*known, "s3:getobject", "iam:createuser")
    return known if service.lower() == "states" else ()


def resource_hints() -> tuple[str, ...]:
    """ARNs of Step Functions resources in an account of nobody."""
    return _RESOURCES


def spelled(action: str) -> str:
    """Return the action as AWS writes it, where it is a known one."""
    return next(
        (f"states:{name}" for name in _STATES if f"states:{name}".lower() == action), action
    )
