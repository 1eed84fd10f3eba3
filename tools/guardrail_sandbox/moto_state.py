"""What the sandbox uses of moto: its application, its reset and its stored state.

moto keeps one state per process and is not written for threads, so all access, through HTTP and
from here, takes the same lock.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.scheduler.models import scheduler_backends
from moto.sqs.models import sqs_backends
from moto.utilities.utils import get_partition

from guardrail_sandbox import patterns
from guardrail_sandbox.bus import Event, Target
from guardrail_sandbox.redelivery import RetryPolicy
from guardrail_sandbox.scheduler import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.untyped import Moto

# Nobody starts machine images here, and reading moto's list of them takes longer than all else.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

ACCOUNT_ID: str = os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)
"""The account of this process; moto takes the same variable for the account of every call."""

LOCK = threading.RLock()


def reset() -> None:
    """Forget every resource: a sandbox starts with an empty account."""
    logging.getLogger("moto").setLevel(logging.ERROR)
    with LOCK:
        moto_api_backend.reset()


def partition_of(region: str) -> str:
    """Return the partition of a region."""
    return str(get_partition(region))


class Serialised:
    """moto's server application, one request at a time.

    Receiving from a queue may wait for messages, so it alone passes without the lock.
    """

    def __init__(self) -> None:
        self._app: WSGIApplication = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
            return self._app(environ, start_response)
        with LOCK:
            return self._app(environ, start_response)


def ec2(region: str) -> Moto:
    """Return moto's EC2 of a region; hold `LOCK` while using it."""
    return ec2_backends[ACCOUNT_ID][region]


class StoredRules:
    """The rules of the default bus as deployed; see `guardrail_sandbox.bus.Rules`."""

    def __init__(self, region: str) -> None:
        self._region = region

    def targets_of(self, event: Event) -> list[Target]:
        """Return the targets of each enabled rule whose pattern matches."""
        with LOCK:
            rules = events_backends[ACCOUNT_ID][self._region].event_buses["default"].rules
            return [
                _target(rule, target)
                for rule in rules.values()
                if rule.state != "DISABLED" and _matches(rule, event)
                for target in rule.targets
            ]


def _matches(rule: Moto, event: Event) -> bool:
    pattern = rule.event_pattern.get_pattern()
    return bool(pattern) and patterns.matches(pattern, event)


def _target(rule: Moto, target: dict[str, Any]) -> Target:
    return Target(
        rule_arn=rule.arn,
        arn=target["Arn"],
        dead_letter_arn=target.get("DeadLetterConfig", {}).get("Arn"),
        retry_policy=RetryPolicy.of(target.get("RetryPolicy")),
    )


def may_invoke(function_arn: str, rule_arn: str, region: str) -> bool | None:
    """Tell whether the function's policy lets this rule in; None when there is no such function."""
    with LOCK:
        backend = lambda_backends[ACCOUNT_ID][region]
        try:
            function = backend.get_function(function_arn)
        except UnknownFunctionException:
            return None
        return any(_lets_in(statement, rule_arn) for statement in function.policy.statements)


def _lets_in(statement: dict[str, Any], rule_arn: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    condition = str(statement.get("Condition", {}))
    return service == "events.amazonaws.com" and (
        "ArnLike" not in condition or rule_arn in condition
    )


def role_policies(role_arn: str) -> list[str]:
    """Return the policy documents of a role, inline and attached; none when there is none such."""
    with LOCK:
        partition, name = role_arn.split(":")[1], role_arn.rpartition("/")[2]
        roles = iam_backends[ACCOUNT_ID][partition].roles.values()
        role = next((found for found in roles if found.name == name), None)
        if role is None:
            return []
        attached = [policy.document for policy in role.managed_policies.values()]
        return [_document(policy) for policy in (*role.policies.values(), *attached)]


def _document(policy: str | dict[str, Any]) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


class StoredSchedules:
    """The schedules of every group; see `guardrail_sandbox.scheduler.Schedules`."""

    def __init__(self, region: str) -> None:
        self._region = region

    def all(self) -> list[Schedule]:
        """Return every stored schedule."""
        with LOCK:
            return [_schedule(found) for found in self._stored()]

    def delete(self, schedule: Schedule) -> bool:
        """Delete unless it was changed since it was read; tell whether it is gone."""
        with LOCK:
            backend = scheduler_backends[ACCOUNT_ID][self._region]
            group = backend.schedule_groups.get(schedule.group)
            found = group.schedules.get(schedule.name) if group else None
            if found is None or _schedule(found) != schedule:
                return False
            group.delete_schedule(schedule.name)
            return True

    def _stored(self) -> Iterator[Moto]:
        for group in scheduler_backends[ACCOUNT_ID][self._region].schedule_groups.values():
            yield from group.schedules.values()


def _schedule(stored: Moto) -> Schedule:
    return Schedule(
        group=stored.group_name,
        name=stored.name,
        expression=stored.schedule_expression,
        timezone=stored.schedule_expression_timezone,
        enabled=stored.state != "DISABLED",
        delete_after=stored.action_after_completion == "DELETE",
        version=stored.last_modified_date,
        target=stored.target,
        arn=stored.arn,
    )


def send_message(queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
    """Put a message into a queue, as EventBridge, Scheduler and Lambda do."""
    *_, region, _, name = queue_arn.split(":")
    typed = {
        key: {"data_type": "String", "string_value": value} for key, value in attributes.items()
    }
    with LOCK:
        sqs_backends[ACCOUNT_ID][region].send_message(
            queue_name=name, message_body=body, message_attributes=typed
        )


def queue_policy(queue_arn: str) -> str | None:
    """Return the policy document of a queue; None when it has none."""
    *_, region, _, name = queue_arn.split(":")
    with LOCK:
        policy = sqs_backends[ACCOUNT_ID][region].get_queue(name).policy
        return _document(policy) if policy else None


def messages(queue_arn: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Return body and attributes of every message of a queue, without receiving them."""
    *_, region, _, name = queue_arn.split(":")
    with LOCK:
        queue = sqs_backends[ACCOUNT_ID][region].get_queue(name)
        return [
            (as_object(message.body), _attributes(message.message_attributes))
            for message in queue._messages  # noqa: SLF001  the public view hides received ones
        ]


def as_object(body: str) -> dict[str, Any]:
    """Parse a message; one that is no JSON object comes back under `text`."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = body
    return parsed if isinstance(parsed, dict) else {"text": parsed}


def _attributes(typed: dict[str, Any]) -> dict[str, str]:
    return {key: str(value.get("string_value")) for key, value in typed.items()}
