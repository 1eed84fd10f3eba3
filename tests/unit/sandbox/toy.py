"""A small application of its own for tests of the sandbox: no part of the guardrail is in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail_sandbox.sandbox import Sandbox

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: { Type: String, Default: hello }
  Names: { Type: CommaDelimitedList, Default: "a,b" }
  Again: { Type: String, Default: "yes" }
  Rate: { Type: String, Default: rate(1 hour) }
  Window: { Type: Number, Default: 15 }
Conditions:
  Tries: !Equals [!Ref Again, "yes"]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 1
    CodeUri: src/
    Environment:
      Variables:
        WORD: !Ref Word
        NAMES: !Join ["+", !Ref Names]
        GROUP: !Ref Group
        GROUP_ARN: !GetAtt Group.Arn
Resources:
  Queue: { Type: AWS::SQS::Queue }
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: { Service: events.amazonaws.com }
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
  Group: { Type: AWS::Scheduler::ScheduleGroup }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: gone_at, Enabled: true }
  Toy:
    Type: AWS::Serverless::Function
    Properties:
      Handler: toy_handler.handler
      EventInvokeConfig:
        MaximumRetryAttempts: !If [Tries, 1, 0]
        DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Queue.Arn } }
      Events:
        Called:
          Type: EventBridgeRule
          Properties:
            DeadLetterConfig: { Arn: !GetAtt Queue.Arn }
            Pattern: { source: [toy], detail: { wanted: [true] } }
        Ticked:
          Type: ScheduleV2
          Properties:
            Name: tick
            ScheduleExpression: !Ref Rate
            Input: '{"do": "tick"}'
            FlexibleTimeWindow: { Mode: FLEXIBLE, MaximumWindowInMinutes: !Ref Window }
"""

HANDLER = """
import json, os, sys, time
from datetime import date, datetime, timezone

loaded_at = datetime.now(timezone.utc)
print(json.dumps({"message": "loaded", "prefix": sys.prefix, "path": sys.path}))


def handler(event, context):
    detail = event.get("detail") or {}
    do = event.get("do") or detail.get("do")
    print(json.dumps({"message": "called", "do": do, "request_id": context.aws_request_id}))
    if do == "raise":
        raise RuntimeError("as told")
    if do == "exit":
        os._exit(7)
    if do == "hang":
        time.sleep(30)
    if do == "import":
        __import__(event["module"])
    if do == "times":
        return times(context)
    return {
        "do": do,
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "arn": context.invoked_function_arn,
        "left_ms": context.get_remaining_time_in_millis(),
    }


def times(context):
    left = context.get_remaining_time_in_millis()
    time.sleep(0.05)
    now = datetime.now(timezone.utc)
    looks = {
        "utcnow": datetime.utcnow(),
        "local": datetime.now().astimezone(timezone.utc),
        "today": datetime.today().replace(tzinfo=timezone.utc),
        "time": datetime.fromtimestamp(time.time(), timezone.utc),
        "time_ns": datetime.fromtimestamp(time.time_ns() // 1000 / 1e6, timezone.utc),
        "gmtime": datetime(*time.gmtime()[:6]),
        "localtime": datetime(*time.localtime()[:6]),
    }
    return {
        "loaded_at": loaded_at.isoformat(),
        "now": now.isoformat(),
        "date": date.today().isoformat(),
        "looks": {name: moment.isoformat()[:19] for name, moment in looks.items()},
        "is_datetime": isinstance(now.astimezone(), datetime) and issubclass(datetime, date),
        "class": str(datetime),
        "passed_ms": left - context.get_remaining_time_in_millis(),
        "variables": sorted(os.environ),
    }
"""


def write_toy(folder: Path, handler: str = HANDLER) -> tuple[Path, Path]:
    """Write template and artifact, return their paths."""
    template, artifact = folder / "template.yaml", folder / "build"
    template.write_text(TEMPLATE)
    (artifact / "Toy").mkdir(parents=True)
    (artifact / "Toy" / "toy_handler.py").write_text(handler)
    return template, artifact


def caller_role(sandbox: Sandbox) -> str:
    """Make a role that may invoke any function and send to any queue; return its ARN."""
    iam = sandbox.client("iam")
    allowed = {"Effect": "Allow", "Action": ["lambda:InvokeFunction", "sqs:SendMessage"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": "*"}]})
    role: str = iam.create_role(RoleName="caller", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName="caller", PolicyName="call", PolicyDocument=policy)
    return role


def eventually(happened: Callable[[], object], seconds: float = 10.0) -> bool:
    """Tell whether something became true in time."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
