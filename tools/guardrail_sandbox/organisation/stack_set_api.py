"""The StackSets calls of CloudFormation, as a WSGI layer in front of moto's.

moto's own deploy at once, whatever the account filter, and not to accounts that join. Requests and
answers go through moto's parser and serializer, by botocore's model of the API.
AWS: CloudFormation API reference, the calls by name.
"""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.parse import QueryParser
from moto.core.serialize import QuerySerializer
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from guardrail_sandbox.organisation import targets
from guardrail_sandbox.organisation.stack_set import Operation, Preferences, StackSet
from guardrail_sandbox.signature import credential_scope, peeked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.organisation.operations import Operations
    from guardrail_sandbox.organisation.tree import Tree

_PAGE = 100


class RefusedCallError(ServiceException):  # type: ignore[misc]  # moto is not typed
    """A call is answered with an error: code and message."""


class StackSetLayer:
    """Answers what is about stack sets and passes everything else on."""

    def __init__(self, app: WSGIApplication, tree: Tree, operations: Operations) -> None:
        self._app = app
        self._tree = tree
        self._operations = operations
        self._sets: dict[tuple[str, str], StackSet] = {}
        self._calls: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "CreateStackSet": self._create,
            "DescribeStackSet": self._describe,
            "UpdateStackSet": self._update,
            "DeleteStackSet": self._delete,
            "CreateStackInstances": self._add,
            "DeleteStackInstances": self._remove,
            "ListStackInstances": self._instances,
            "ListStackSetAutoDeploymentTargets": self._targets,
            "ListStackSetOperations": self._list_operations,
            "DescribeStackSetOperation": self._operation,
            "ListStackSetOperationResults": self._results,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None or scope.service != "cloudformation":
            return self._app(environ, start_response)
        body = peeked(environ)
        form: MultiDict[str, str] = Request({**environ, "wsgi.input": io.BytesIO(body)}).form
        call = self._calls.get(form.get("Action", ""))
        if call is None:
            return self._app(environ, start_response)
        return self._answer(call, form, scope.region, start_response)

    def moved(self) -> None:
        """Let auto-deployment see which accounts have joined or left."""
        for stack_set in self._sets.values():
            for operation in targets.automatic(stack_set, self._tree):
                self._operations.begin(stack_set, operation)

    def _answer(
        self,
        call: Callable[[str, dict[str, Any]], dict[str, Any]],
        form: MultiDict[str, str],
        region: str,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        model = get_service_model("cloudformation").operation_model(form["Action"])
        told = QueryParser(model).parse({"values": form})
        result: object
        try:
            result = call(region, told)
        except ServiceException as error:
            result = error
        answer = QuerySerializer(model).serialize(result)
        content = str(answer["body"]).encode()
        status = HTTPStatus(answer["status_code"])
        headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(content)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [content]

    def _found(self, region: str, told: dict[str, Any]) -> StackSet:
        name = told["StackSetName"].split(":")[0]
        if (region, name) not in self._sets:
            raise RefusedCallError("StackSetNotFoundException", f"StackSet {name} not found")
        return self._sets[region, name]

    def _create(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        name = told["StackSetName"]
        if (region, name) in self._sets:
            raise RefusedCallError("NameAlreadyExistsException", f"{name} exists already")
        if told.get("PermissionModel") != "SERVICE_MANAGED":
            raise RefusedCallError("ValidationError", "only service-managed stack sets are here")
        deployment = told.get("AutoDeployment", {})
        made = StackSet(
            name,
            told["TemplateBody"],
            _parameters(told, {}),
            automatic=bool(deployment.get("Enabled")),
            retain_on_leaving=bool(deployment.get("RetainStacksOnAccountRemoval")),
        )
        self._sets[region, name] = made
        return {"StackSetId": made.full_id}

    def _describe(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        parameters = [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in found.parameters.items()
        ]
        return {
            "StackSet": {
                "StackSetName": found.name,
                "StackSetId": found.full_id,
                "Status": "ACTIVE",
                "TemplateBody": found.template,
                "Parameters": parameters,
                "PermissionModel": "SERVICE_MANAGED",
                "ManagedExecution": {"Active": True},
                "AutoDeployment": {
                    "Enabled": found.automatic,
                    "RetainStacksOnAccountRemoval": found.retain_on_leaving,
                },
                "OrganizationalUnitIds": sorted(found.targets),
                "Regions": sorted({region for _, region in found.stacks}),
            }
        }

    def _update(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        """Change the set and the stacks that are named; all of them if none is.

        Whatever template or value is given anew leaves the others OUTDATED.
        """
        found = self._found(region, told)
        named = list(found.stacks)
        if "DeploymentTargets" in told:
            _refuse_strange_units(found, told["DeploymentTargets"])
            meant = targets.accounts(told["DeploymentTargets"], self._tree)
            named = [(one, where) for where in told["Regions"] for one in sorted(meant)]
        if missing := [place for place in named if place not in found.stacks]:
            account, where = missing[0]
            message = f"Stack instance not found for account {account} in region {where}"
            raise RefusedCallError("StackInstanceNotFoundException", message)
        if not told.get("UsePreviousTemplate") or any(
            "ParameterValue" in one for one in told.get("Parameters", ())
        ):
            for stack in found.stacks.values():
                stack.state = "OUTDATED"
        found.template = told.get("TemplateBody", found.template)
        found.parameters = _parameters(told, found.parameters)
        return self._begin(found, Operation("UPDATE", named, _preferences(told)))

    def _delete(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        if found.stacks:
            raise RefusedCallError("StackSetNotEmptyException", "StackSet is not empty")
        if found.going_on:
            raise RefusedCallError("OperationInProgressException", "An operation is in progress")
        del self._sets[region, found.name]
        return {}

    def _add(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        wanted = targets.accounts(told["DeploymentTargets"], self._tree)
        for unit in told["DeploymentTargets"]["OrganizationalUnitIds"]:
            found.target(unit, told["Regions"])
        operation = targets.added(found, wanted, told["Regions"], _preferences(told))
        return self._begin(found, operation)

    def _remove(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        meant = told["DeploymentTargets"]
        named = set(meant.get("Accounts", ()))
        places = [
            (stack.account, stack.region)
            for stack in found.stacks.values()
            if stack.region in told["Regions"]
            and (stack.account in named if named else stack.unit in meant["OrganizationalUnitIds"])
        ]
        operation = Operation("DELETE", places, _preferences(told), bool(told.get("RetainStacks")))
        for unit in () if named else meant["OrganizationalUnitIds"]:
            found.forget(unit, told["Regions"])
        return self._begin(found, operation)

    def _begin(self, stack_set: StackSet, operation: Operation) -> dict[str, Any]:
        return {"OperationId": self._operations.begin(stack_set, operation)}

    def _instances(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        return _page(
            told,
            [
                {
                    "StackSetId": found.full_id,
                    "Region": stack.region,
                    "Account": stack.account,
                    "StackId": stack.stack_id or None,
                    "Status": stack.state,
                    "StatusReason": stack.reason or None,
                    "StackInstanceStatus": {"DetailedStatus": stack.detail},
                    "OrganizationalUnitId": stack.unit,
                    "DriftStatus": "NOT_CHECKED",
                }
                for _, stack in sorted(found.stacks.items())
            ],
        )

    def _targets(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        targets = sorted(self._found(region, told).targets.items())
        units = [{"OrganizationalUnitId": u, "Regions": sorted(where)} for u, where in targets]
        return _page(told, units)

    def _list_operations(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        found = self._found(region, told)
        return _page(told, [_operation(one) for one in reversed(found.operations)])

    def _operation(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        return {"StackSetOperation": _operation(self._running(region, told))}

    def _results(self, region: str, told: dict[str, Any]) -> dict[str, Any]:
        results = sorted(self._running(region, told).results.items())
        return _page(
            told,
            [
                {
                    "Account": account,
                    "Region": where,
                    "Status": outcome.status,
                    "StatusReason": outcome.reason or None,
                }
                for (account, where), outcome in results
            ],
        )

    def _running(self, region: str, told: dict[str, Any]) -> Operation:
        found = self._found(region, told)
        for one in found.operations:
            if one.operation_id == told["OperationId"]:
                return one
        raise RefusedCallError("OperationNotFoundException", "Operation not found")


def _refuse_strange_units(found: StackSet, meant: dict[str, Any]) -> None:
    """Refuse units that the set is not for; see hashicorp/terraform-provider-aws#27877."""
    known = {*found.targets, *(stack.unit for stack in found.stacks.values())}
    for unit in meant["OrganizationalUnitIds"]:
        if unit not in known:
            message = f"Organizational unit {unit} not found in StackSet"
            raise RefusedCallError("ValidationError", message)


def _operation(operation: Operation) -> dict[str, Any]:
    ended = operation.ended is not None
    return {
        "OperationId": operation.operation_id,
        "Action": operation.action,
        "Status": operation.status if ended or operation.status == "QUEUED" else "RUNNING",
        "CreationTimestamp": operation.created,
        "EndTimestamp": operation.ended,
    }


def _parameters(told: dict[str, Any], before: dict[str, str]) -> dict[str, str]:
    return {
        one["ParameterKey"]: before[one["ParameterKey"]]
        if one.get("UsePreviousValue")
        else one["ParameterValue"]
        for one in told.get("Parameters", ())
    }


def _preferences(told: dict[str, Any]) -> Preferences:
    given = told.get("OperationPreferences", {})
    return Preferences(
        int(given.get("MaxConcurrentCount", 1)), int(given.get("FailureToleranceCount", 0))
    )


def _page(told: dict[str, Any], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the summaries of one page, which holds a hundred unless less is asked for."""
    begin, size = int(told.get("NextToken", 0)), int(told.get("MaxResults", _PAGE))
    until = begin + size
    return {
        "Summaries": items[begin:until],
        "NextToken": str(until) if until < len(items) else None,
    }
