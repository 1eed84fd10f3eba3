"""From the SAM template to what moto's CloudFormation can deploy, offline.

moto skips some resource types without a word. They are taken out here and given back as
`Supplement`: their properties, in which each Ref, GetAtt, Sub or condition is answered by an
extra output of the same stack. So the deployed stack resolves them, not a second resolver.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from guardrail_sandbox.untyped import Json

PLACEHOLDER_CODE = "pass"
"""Never runs. moto reads it as text to create a function, and as base64 to update one."""

_SUPPLEMENTED = frozenset(
    {
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Scheduler::Schedule",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SQS::QueuePolicy",
        "AWS::S3::BucketPolicy",
    }
)
_IGNORED = frozenset({"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"})
"""Not deployed by moto and without effect on what the sandbox shows."""

_MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": (
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
}
_OUTPUT = "SandboxValue"


@dataclass(frozen=True, slots=True)
class Expanded:
    """A template that moto deploys whole, and the resources to add to it afterwards."""

    template: dict[str, Any]
    supplements: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Output name to the intrinsic whose value it carries."""

    @property
    def group_names(self) -> list[str]:
        """The names of the stack's schedule groups."""
        kind = "AWS::Scheduler::ScheduleGroup"
        return [
            str(group["Properties"]["Name"])
            for group in self.supplements.values()
            if group["Type"] == kind
        ]

    def supplements_of(
        self, kind: str, values: Mapping[str, str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield logical id and resolved properties of the supplements of one type.

        `values` are the outputs of the deployed stack.
        """
        known = {_key(intrinsic): values[name] for name, intrinsic in self.outputs.items()}
        for logical_id, resource in self.supplements.items():
            wanted = resource["Type"] == kind and _applies(resource, known)
            if wanted:
                yield logical_id, _resolve(resource.get("Properties", {}), known)


def load(path: Path) -> dict[str, Any]:
    """Parse the SAM template."""
    if not path.is_file():
        raise SandboxError(f"no template at {path}", hint="run this from the project's folder")
    template = yaml_parse(path.read_text())
    if not isinstance(template, dict):
        raise SandboxError(f"{path} is not a SAM template")
    return template


def expand(
    template: dict[str, Any], parameters: Mapping[str, str], *, region: str, stack_name: str
) -> Expanded:
    """Translate SAM to CloudFormation and split off what moto does not deploy."""
    source = _with_placeholder_code(copy.deepcopy(template))
    session = boto3.session.Session(region_name=region)
    translator = Translator(_MANAGED_POLICIES, Parser(), boto_session=session)
    plain = json.loads(json.dumps(translator.translate(source, dict(parameters))))
    # To nobody: it only keeps the translator from complaining when it is collected.
    translator.metrics.publish()
    return split(plain, stack_name)


def split(template: dict[str, Any], stack_name: str) -> Expanded:
    """Take out what moto does not deploy; name schedule groups so that others can refer to them."""
    resources: dict[str, Any] = template["Resources"]
    supplements = {k: v for k, v in resources.items() if v["Type"] in _SUPPLEMENTED}
    kept = {
        k: v
        for k, v in resources.items()
        if v["Type"] not in _SUPPLEMENTED and v["Type"] not in _IGNORED
    }
    for logical_id in supplements:
        supplements[logical_id].setdefault("Properties", {})
    names = _group_names(supplements, stack_name)
    template = _replace({**template, "Resources": kept}, names)
    supplements = _replace(supplements, names)
    outputs = {
        f"{_OUTPUT}{index}": intrinsic
        for index, intrinsic in enumerate(_unique_intrinsics(supplements))
    }
    for name, intrinsic in outputs.items():
        template.setdefault("Outputs", {})[name] = {"Value": intrinsic}
    return Expanded(template, supplements, outputs)


def _with_placeholder_code(template: dict[str, Any]) -> dict[str, Any]:
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"].pop("CodeUri", None)
            resource["Properties"]["InlineCode"] = PLACEHOLDER_CODE
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = {"ZipFile": PLACEHOLDER_CODE}
    return template


def _group_names(supplements: dict[str, Any], stack_name: str) -> dict[str, str]:
    """Give each schedule group a fixed name; map what refers to it onto text for Fn::Sub."""
    texts: dict[str, str] = {}
    for logical_id, resource in supplements.items():
        if resource["Type"] == "AWS::Scheduler::ScheduleGroup":
            name = resource["Properties"].setdefault("Name", f"{stack_name}-{logical_id}")
            if not isinstance(name, str):
                raise SandboxError(f"the name of schedule group {logical_id} must be plain text")
            texts[logical_id] = name
            texts[f"{logical_id}.Arn"] = _GROUP_ARN + name
    return texts


def _replace(node: Json, texts: Mapping[str, str]) -> Json:
    match node:
        case {"Ref": str(name)} if name in texts:
            return texts[name]
        case {"Fn::GetAtt": [str(name), str(attribute)]} if f"{name}.{attribute}" in texts:
            return {"Fn::Sub": texts[f"{name}.{attribute}"]}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _REFERENCE.sub(lambda m: texts.get(m[1], m[0]), text)}
        case {"Fn::Sub": [str(text), variables]}:
            return {"Fn::Sub": [*_replace({"Fn::Sub": text}, texts).values(), variables]}
        case dict():
            return {k: _replace(v, texts) for k, v in node.items()}
        case list():
            return [_replace(item, texts) for item in node]
    return node


_REFERENCE = re.compile(r"\$\{([A-Za-z0-9.]+)\}")
_GROUP_ARN = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/"


def _unique_intrinsics(supplements: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for resource in supplements.values():
        if "Condition" in resource:
            found.setdefault(_key(_flag(resource["Condition"])), _flag(resource["Condition"]))
        for intrinsic in _intrinsics(resource["Properties"]):
            found.setdefault(_key(intrinsic), intrinsic)
    return list(found.values())


def _intrinsics(node: Json) -> Iterator[dict[str, Any]]:
    match node:
        case {"Ref": "AWS::NoValue"}:
            return
        case {"Fn::If": [str(condition), *branches]}:
            yield _flag(condition)
            for branch in branches:
                yield from _intrinsics(branch)
        case dict() if _is_intrinsic(node):
            yield node
        case dict():
            for value in node.values():
                yield from _intrinsics(value)
        case list():
            for item in node:
                yield from _intrinsics(item)


_NOTHING = object()


def _resolve(node: Json, known: Mapping[str, str]) -> Json:
    match node:
        case {"Ref": "AWS::NoValue"}:
            return _NOTHING
        case {"Fn::If": [str(condition), yes, no]}:
            return _resolve(yes if known[_key(_flag(condition))] == "true" else no, known)
        case dict() if _is_intrinsic(node):
            return known[_key(node)]
        case dict():
            resolved = {k: _resolve(v, known) for k, v in node.items()}
            return {k: v for k, v in resolved.items() if v is not _NOTHING}
        case list():
            return [v for v in (_resolve(item, known) for item in node) if v is not _NOTHING]
    return node


def _applies(resource: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    condition = resource.get("Condition")
    return condition is None or known[_key(_flag(condition))] == "true"


def _flag(condition: str) -> dict[str, Any]:
    return {"Fn::If": [condition, "true", "false"]}


def _is_intrinsic(node: dict[str, Any]) -> bool:
    name = next(iter(node)) if len(node) == 1 else ""
    return name == "Ref" or name.startswith("Fn::")


def _key(node: Json) -> str:
    return json.dumps(node, sort_keys=True)
