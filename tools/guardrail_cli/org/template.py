"""The template of the organisation: template.yaml without its transform, for every region.

Service-managed StackSets take no transforms, whatever the capabilities ("CreateStackSet"), and a
function's code has to lie in the function's region ("AWS::Lambda::Function Code"). So the transform
is done here, offline, and the code's bucket is named after the region that the stack is in.
Roles and policies have no names of their own: IAM's are global, one stack per region would collide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
from yaml import YAMLError

from guardrail_cli.documents import UsageError

PREFIX = "ArtifactPrefix"
"""The parameter that says how the buckets' names begin; the rest is `-` and the region."""

PARAMETER = {
    "Type": "String",
    # No default: names of buckets are the world's. 63 characters at most ("Bucket naming rules"),
    # and the region takes up to 16 of them. A dot would break TLS.
    "AllowedPattern": "^[a-z0-9][a-z0-9-]{1,44}[a-z0-9]$",
    "Description": (
        "How the names of the artifact buckets begin; each region's ends with - and the region."
    ),
    "ConstraintDescription": "3 to 46 lower-case letters, digits and hyphens",
}
_GROUP = {"Label": {"default": "Where its code is"}, "Parameters": [PREFIX]}
_LABEL = {"default": "Prefix of the artifact buckets"}
_INTERFACE = "AWS::CloudFormation::Interface"


@dataclass(frozen=True, slots=True)
class _Session:
    """Stands in for an SDK session, which the translator asks for nothing but a region.

    Without one it would take the machine's. A test shows that the region has no effect.
    """

    region_name: str


def source(path: Path) -> dict[str, Any]:
    """Return template.yaml, short intrinsics spelled out; raises UsageError when unreadable."""
    try:
        raw = yaml_parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; run this from the project's folder") from error
    except YAMLError as error:
        raise UsageError(f"{path}: {error}") from error
    # Anchors would be one object in several places, which the translator then changes at once.
    parsed: dict[str, Any] = json.loads(json.dumps(raw))
    return parsed


def functions(template: dict[str, Any]) -> list[str]:
    """Return the names of the functions that the build has a folder for."""
    return [
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    ]


def expanded(template: dict[str, Any], region: str = "us-east-1") -> dict[str, Any]:
    """Return the template without its transform; it is the same for every region.

    Raises UsageError when it is no valid SAM template.
    """
    # The translator wants to see an address; `located` replaces it.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    # No managed policy is attached by name, so none has to be looked up.
    translator = Translator({}, Parser(), boto_session=_Session(region))
    try:
        plain: dict[str, Any] = json.loads(json.dumps(translator.translate(template, {})))
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise UsageError(f"template.yaml: {causes} (see `sam validate --lint`)") from error
    # To nobody: it only keeps the translator from complaining when it is collected.
    translator.metrics.publish()
    return plain


def located(plain: dict[str, Any], key: str, version: str) -> dict[str, Any]:
    """Return the template with its code at `key` of each region's bucket, and its version told."""
    for function in _code_of(plain):
        function["Properties"]["Code"] = {
            "S3Bucket": {"Fn::Sub": f"${{{PREFIX}}}-${{AWS::Region}}"},
            "S3Key": key,
        }
    for resource in plain["Resources"].values():
        # BuildMethod: for `sam build`, which has been.
        resource.pop("Metadata", None)
    plain["Parameters"][PREFIX] = dict(PARAMETER)
    interface = plain["Metadata"][_INTERFACE]
    interface["ParameterGroups"].append(_GROUP)
    interface["ParameterLabels"][PREFIX] = _LABEL
    plain["Outputs"]["Version"] = {
        "Description": "Begin of the hash of the functions' code.",
        "Value": version,
    }
    return plain


def joined(plain: dict[str, Any], addition: dict[str, Any]) -> dict[str, Any]:
    """Return the template with the sections of another in its own; names must differ."""
    for section, members in addition.items():
        own = plain.setdefault(section, {})
        if twice := own.keys() & members.keys():
            raise UsageError(f"two templates have {', '.join(sorted(twice))} in {section}")
        own.update(members)
    return plain


def _code_of(plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in plain["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            yield resource
