"""What CloudFormation does in an account for a stack set: code from the bucket, then the stack.

The refusals are written as AWS words them as far as a source shows that; the causes are real here:
a bucket that is missing, elsewhere or closed, a service control policy, a region that is off.
AWS: Lambda developer guide, "Deploy Python Lambda functions with .zip file archives"; Organizations
user guide, "SCP evaluation"; CloudFormation user guide, "StackSets and Regions that are disabled".
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.authorization.roles import lets_in
from guardrail_sandbox.in_process import client_of
from guardrail_sandbox.organisation.operations import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIApplication

    from guardrail_sandbox.organisation.members import Member, Members
    from guardrail_sandbox.organisation.stack_set import Stack, StackSet
    from guardrail_sandbox.organisation.tree import Tree
    from guardrail_sandbox.untyped import Client

_KEY = "ASIASANDBOXSTACKSETS"
_ROLE = "stacksets-exec-0123456789abcdef0123456789abcdef"
_CREATES = {
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
}
"""What the role of StackSets has to be allowed for a resource of a type."""

_RESOURCES = {
    "lambda": "arn:aws:lambda:{region}:{account}:function:{name}",
    "iam": "arn:aws:iam::{account}:role/{name}",
    "events": "arn:aws:events:{region}:{account}:rule/{name}",
    "dynamodb": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "sqs": "arn:aws:sqs:{region}:{account}:{name}",
    "scheduler": "arn:aws:scheduler:{region}:{account}:schedule/{name}/{name}",
}


class MemberStacks:
    """Stacks in the member accounts; see `operations.Deployer`.

    `folder` is where code and templates are laid out for the members' processes.
    """

    def __init__(self, app: WSGIApplication, members: Members, tree: Tree, folder: Path) -> None:
        self._s3: Client = client_of(app, "s3", _KEY, "us-east-1")
        self._members = members
        self._tree = tree
        self._folder = folder
        self._lock = threading.Lock()
        self.disabled: set[tuple[str, str]] = set()
        """Regions that are not enabled in an account."""

    def suspended(self, account: str) -> bool:
        """See `Deployer.suspended`."""
        return self._tree.state(account) != "ACTIVE"

    def create(self, stack_set: StackSet, stack: Stack) -> str:
        """See `Deployer.create`."""
        member, told = self._ready(stack_set, stack)
        return str(member.ask("install", name=stack_set.stack_name, **told))

    def update(self, stack_set: StackSet, stack: Stack) -> None:
        """See `Deployer.update`."""
        member, told = self._ready(stack_set, stack)
        member.ask("change", **told)

    def delete(self, stack: Stack) -> None:
        """See `Deployer.delete`."""
        self._members.get(stack.account, stack.region).ask("uninstall")

    def _ready(self, stack_set: StackSet, stack: Stack) -> tuple[Member, dict[str, Any]]:
        """Return the member with the functions' code in its place, and what its stack is told."""
        if (stack.account, stack.region) in self.disabled:
            raise RefusedError(f"Region {stack.region} is not enabled in account {stack.account}")
        template = json.loads(stack_set.template)
        self._check_policies(template, stack_set.stack_name, stack)
        member = self._members.get(stack.account, stack.region)
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Function":
                code = resource["Properties"]["Code"]
                unpacked = self._unpacked(name, code, stack_set.parameters, stack)
                link = member.artifact / name
                link.unlink(missing_ok=True)
                link.symlink_to(unpacked, target_is_directory=True)
        return member, {
            "template": str(self._written(stack_set.template)),
            "parameters": stack_set.parameters,
        }

    def _check_policies(self, template: dict[str, Any], stack_name: str, stack: Stack) -> None:
        principal = f"arn:aws:iam::{stack.account}:role/{_ROLE}"
        for logical_id, resource in template["Resources"].items():
            action = _CREATES.get(resource["Type"])
            if action is None:
                continue
            arn = _RESOURCES[action.split(":")[0]].format(
                account=stack.account, region=stack.region, name=f"{stack_name}-{logical_id}"[:64]
            )
            if self._tree.denies(stack.account, principal, Need(action, arn)):
                raise RefusedError(
                    f"ResourceLogicalId:{logical_id}, ResourceType:{resource['Type']},"
                    f" ResourceStatusReason:User: {principal} is not authorized to perform:"
                    f" {action} on resource: {arn} with an explicit deny in a service control"
                    " policy."
                )

    def _unpacked(
        self, name: str, code: dict[str, Any], parameters: dict[str, str], stack: Stack
    ) -> Path:
        bucket = _filled(code["S3Bucket"], {**parameters, "AWS::Region": stack.region})
        why = f"ResourceLogicalId:{name}, ResourceType:AWS::Lambda::Function, ResourceStatusReason:"
        try:
            content = self._read(bucket, _filled(code["S3Key"], parameters), stack)
        except ClientError as error:
            told = error.response["Error"]
            raise RefusedError(
                f"{why}Error occurred while GetObject. S3 Error Code: {told['Code']}."
                f" S3 Error Message: {told['Message']}"
            ) from error
        folder = self._folder / "releases" / sha256(content).hexdigest()[:16]
        with self._lock:
            if not folder.is_dir():
                zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
        return folder

    def _read(self, bucket: str, key: str, stack: Stack) -> bytes:
        """Read as the account would: from its own region, and if the bucket lets it in."""
        place = self._s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"
        if place != stack.region:
            raise _s3_error("PermanentRedirect", f"The bucket is in this region: {place}.")
        organization = self._tree.organization["Id"]
        context = {"aws:PrincipalOrgID": organization, "aws:SecureTransport": "true"}
        need = Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", context)
        policy = self._s3.get_bucket_policy(Bucket=bucket)["Policy"]
        if not lets_in(policy, f"arn:aws:iam::{stack.account}:role/{_ROLE}", need):
            raise _s3_error("AccessDenied", "Access Denied")
        content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _written(self, template: str) -> Path:
        path = self._folder / f"{sha256(template.encode()).hexdigest()[:16]}.json"
        path.write_text(template, encoding="utf-8")
        return path


def _filled(value: object, parameters: dict[str, str]) -> str:
    """Return the text of a value that may be a Fn::Sub of parameters."""
    text = value["Fn::Sub"] if isinstance(value, dict) else str(value)
    for name, given in parameters.items():
        text = text.replace(f"${{{name}}}", given)
    return str(text)


def _s3_error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")
