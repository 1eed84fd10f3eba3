"""One account in one region, in a process of its own: a sandbox that begins without a stack.

It is told what to do by lines of JSON on its standard input and answers each with one on its
standard output. It ends when its input does, so none outlives the organisation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail_sandbox import moto_state
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.sandbox import Sandbox
from guardrail_sandbox.trail import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from guardrail_sandbox.launch import Launcher

ADMINISTRATOR = "OrganizationAccountAccessRole"
"""The role that Organizations makes in each account. AWS: "Access member accounts"."""

_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)


class Account(Sandbox):
    """An account in one region; stacks come and go, its resources stay."""

    def __init__(self, region: str, artifact: Path) -> None:
        super().__init__(region=region, artifact=artifact)
        self._elsewhere: dict[str, list[str]] = {}
        self._policies_of = self._policies

    def install(self, name: str, template: Path, parameters: Mapping[str, str]) -> str:
        """Make the stack and run its functions; return the stack's id."""
        self._install(template, name, parameters)
        return self.stack.stack_id

    def change(self, template: Path, parameters: Mapping[str, str]) -> str:
        """Give the stack another template and other parameters; return its id."""
        self.stack.deploy(parameters, template)
        self._run_functions()
        return self.stack.stack_id

    def uninstall(self) -> None:
        """Delete the stack; what its functions made stays."""
        self._platform.run(())
        self.stack.delete()

    def know(self, key: str, role: str, session: str, policies: list[str]) -> None:
        """Remember whose key this is: what the role allows binds it from now on.

        `policies` are those that the role has in another region: IAM's roles are the account's.
        """
        self._identities[key] = who = Identity.assumed_role(
            role,
            session,
            account_id=moto_state.ACCOUNT_ID,
            partition=moto_state.partition_of(self.region),
        )
        if who.session_issuer:
            self._elsewhere[who.session_issuer.arn] = policies

    def role(self, role: str) -> dict[str, Any] | None:
        """Return a role's trust policy (`trust`) and `policies`; None when it is not made here."""
        iam = self.client("iam")
        try:
            found = iam.get_role(RoleName=role)["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        policies = moto_state.role_policies(found["Arn"])
        return {"trust": found["AssumeRolePolicyDocument"], "policies": policies}

    def _policies(self, role_arn: str) -> list[str]:
        return moto_state.role_policies(role_arn) or self._elsewhere.get(role_arn, [])

    def _deploy(self, launcher: Launcher) -> None:
        launcher.prepare()
        iam = self.client("iam")
        iam.create_role(RoleName=ADMINISTRATOR, AssumeRolePolicyDocument=_EVERYTHING)
        iam.put_role_policy(
            RoleName=ADMINISTRATOR, PolicyName="everything", PolicyDocument=_EVERYTHING
        )
        self._platform.start_schedules()


def serve(region: str, artifact: Path) -> None:
    """Serve until the input ends; the first line says where."""
    answers = sys.stdout
    # Whatever a library prints would be taken for an answer.
    sys.stdout = sys.stderr
    with Account(region=region, artifact=artifact) as account:
        _tell(answers, {"answer": account.url})
        for line in sys.stdin:
            _tell(answers, _answer(account, json.loads(line)))


def _answer(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    do = _COMMANDS[request.pop("do")]
    try:
        return {"answer": do(account, request)}
    except SandboxError as error:
        return {"error": str(error)}


def _tell(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _install(account: Account, told: dict[str, Any]) -> str:
    return account.install(told["name"], Path(told["template"]), told["parameters"])


def _change(account: Account, told: dict[str, Any]) -> str:
    return account.change(Path(told["template"]), told["parameters"])


_COMMANDS: dict[str, Callable[[Account, dict[str, Any]], Any]] = {
    "install": _install,
    "change": _change,
    "uninstall": lambda account, _: account.uninstall(),
    "know": lambda account, told: account.know(**told),
    "role": lambda account, told: account.role(**told),
    "lines": lambda account, _: account.journal.last_lines(),
}
