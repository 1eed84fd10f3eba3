"""A policy that names a role or user shows its unique id once that is deleted.

A new role of the same name is another one: the policy goes on naming the old id. Whether such an
id can be written is not documented for endpoints; policies of other resources refuse it:
`write-deleted-principal`.

Source: IAM user guide, "AWS JSON policy elements: Principal".
Confidence: documented
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from guardrail_sandbox import moto_endpoints
from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply
from guardrail_sandbox.untyped import Moto

_UNIQUE_ID = re.compile(r'"(A(?:RO|ID)A[A-Z0-9]{12,})"')


class DeletedPrincipals(Behaviour):
    """See the module."""

    name = "deleted-principals"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "write-deleted-principal": ("accepted", "refused")
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._named: dict[str, dict[str, str]] = {}

    def before(self) -> Mapping[str, Before]:
        """Look, before anybody reads or writes policies, who is gone."""
        return {
            "DescribeVpcEndpoints": self._replace,
            "CreateVpcEndpoint": self._refuse,
            "ModifyVpcEndpoint": self._refuse,
        }

    def after(self) -> Mapping[str, After]:
        """Note who is named in a policy that was written."""
        return {"ModifyVpcEndpoint": self._note_changed}

    def made(self, endpoint: Moto, region: str) -> None:
        """Note who is named in the first policy."""
        del region
        self._note(endpoint)

    def _refuse(self, call: Call) -> None:
        if self.assumes("write-deleted-principal", "accepted"):
            return
        named = set(_UNIQUE_ID.findall(call.form.get("PolicyDocument", "")))
        if unknown := named - set(moto_endpoints.principal_ids().values()):
            message = f"Invalid policy document: Invalid principal in policy: {sorted(unknown)[0]}."
            raise RefusedError("InvalidPolicyDocument", message)

    def _note_changed(self, call: Call, reply: Reply) -> Reply:
        self._note(call.endpoint)
        return reply

    def _note(self, endpoint: Moto) -> None:
        text = str(endpoint.policy_document)
        named = {a: i for a, i in moto_endpoints.principal_ids().items() if f'"{a}"' in text}
        if named:
            self._named[endpoint.id] = named
        else:
            self._named.pop(endpoint.id, None)

    def _replace(self, call: Call) -> None:
        if not self._named:
            return
        alive = set(moto_endpoints.principal_ids().values())
        for endpoint_id, named in self._named.items():
            endpoint = call.ec2.vpc_end_points.get(endpoint_id)
            for arn, unique_id in named.items() if endpoint is not None else ():
                if unique_id not in alive:
                    text = endpoint.policy_document.replace(f'"{arn}"', f'"{unique_id}"')
                    endpoint.policy_document = text
