"""What the SAM features of template.yaml mean, written down by hand from SAM's specification.

It shares no code with the translator that makes the organisation's template, so the two can be
compared. A feature that it does not know is an error, not something to skip.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Resource = dict[str, Any]


def by_hand(source: Mapping[str, Any]) -> dict[str, Resource]:
    """Return the resources that a SAM template stands for, without the functions' code."""
    shared = source["Globals"]["Function"]
    resources: dict[str, Resource] = {}
    for name, resource in source["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resources.update(_function(name, resource["Properties"], shared))
        else:
            assert not resource["Type"].startswith("AWS::Serverless"), name
            resources[name] = copy.deepcopy(resource)
    return resources


def _function(
    name: str, own: Mapping[str, Any], shared: Mapping[str, Any]
) -> Iterator[tuple[str, Resource]]:
    merged = {**shared, **own}
    environment = [p.get("Environment", {}).get("Variables", {}) for p in (shared, own)]
    merged["Environment"] = {"Variables": {**environment[0], **environment[1]}}
    events, asynchronous = merged.pop("Events"), merged.pop("EventInvokeConfig")
    merged.pop("CodeUri")
    merged["Tags"] = [{"Key": "lambda:createdBy", "Value": "SAM"}]
    yield name, {"Type": "AWS::Lambda::Function", "Properties": merged}
    yield f"{name}EventInvokeConfig", _event_invoke_config(name, asynchronous)
    for event, described in events.items():
        given = dict(described["Properties"])
        match described["Type"]:
            case "EventBridgeRule":
                yield from _rule(name, f"{name}{event}", given)
            case "ScheduleV2":
                yield f"{name}{event}", _schedule(name, given)
            case other:
                raise NotImplementedError(other)


def _event_invoke_config(name: str, given: Mapping[str, Any]) -> Resource:
    failure = given["DestinationConfig"]["OnFailure"]
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {
            **given,
            "FunctionName": {"Ref": name},
            "Qualifier": "$LATEST",
            "DestinationConfig": {"OnFailure": {"Destination": failure["Destination"]}},
        },
    }


def _rule(name: str, rule: str, given: dict[str, Any]) -> Iterator[tuple[str, Resource]]:
    pattern = given.pop("Pattern")
    target = {"Arn": _arn(name), "Id": f"{rule}LambdaTarget", **given}
    yield (
        rule,
        {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [target]},
        },
    )
    yield (
        f"{rule}Permission",
        {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": name},
                "Principal": "events.amazonaws.com",
                "SourceArn": _arn(rule),
            },
        },
    )


def _schedule(name: str, given: dict[str, Any]) -> Resource:
    assert given.pop("OmitName") is True
    of_target = {"RoleArn", "DeadLetterConfig", "RetryPolicy"}
    target = {key: given.pop(key) for key in of_target}
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {**given, "Target": {"Arn": _arn(name), **target}},
    }


def _arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}
