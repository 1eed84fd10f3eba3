"""One EC2 call on its way to moto, and what may be answered in moto's place.

EC2 speaks the query protocol: a form with numbered lists. AWS: EC2 API reference, "Query requests".
"""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from guardrail_sandbox import moto_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment

    from guardrail_sandbox.untyped import Moto

Form = dict[str, str]
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_FILTER_NAME = re.compile(r"Filter\.(\d+)\.Name")


class RefusedError(Exception):
    """EC2 says no: error code as SDKs show it, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def succeeded(self) -> bool:
        """Whether the call was carried out."""
        return self.status.startswith("2")

    def with_body(self, body: bytes) -> Reply:
        """Return the same answer with another body."""
        kept = tuple(h for h in self.headers if h[0].lower() != "content-length")
        return replace(self, body=body, headers=(*kept, ("Content-Length", str(len(body)))))


@dataclass(slots=True)
class Call:
    """An EC2 call. Behaviours may rewrite `form`, keep `notes` for later, and set `views`.

    `views` are attributes of moto's EC2 (dictionaries of resources) that moto sees replaced
    while it answers this call.
    """

    action: str
    form: Form
    region: str
    access_key: str
    notes: dict[str, object] = field(default_factory=dict)
    views: dict[str, dict[str, Moto]] = field(default_factory=dict)

    @property
    def ec2(self) -> Moto:
        """Moto's EC2 of the region."""
        return moto_state.ec2(self.region)

    @property
    def endpoint(self) -> Moto:
        """The endpoint that ModifyVpcEndpoint names; None when there is none such."""
        return self.ec2.vpc_end_points.get(self.form.get("VpcEndpointId", ""))

    @property
    def vpc_id(self) -> str:
        """The VPC that the call is about; empty when that is unknown."""
        endpoint = self.endpoint
        return str(self.form.get("VpcId", "") if endpoint is None else endpoint.vpc_id)

    @property
    def service_name(self) -> str:
        """The service of the endpoint that is made or changed."""
        endpoint = self.endpoint
        return str(self.form.get("ServiceName", "") if endpoint is None else endpoint.service_name)

    @property
    def of_interface(self) -> bool:
        """Whether the endpoint that is made or changed is an interface endpoint."""
        endpoint = self.endpoint
        kind = self.form.get("VpcEndpointType") if endpoint is None else endpoint.vpc_endpoint_type
        return kind == "Interface"

    def values(self, member: str) -> list[str]:
        """Return the values of a numbered list, in order."""
        prefix = f"{member}."
        return [
            v for k, v in self.form.items() if k.startswith(prefix) and k[len(prefix) :].isdigit()
        ]

    def new_subnets(self) -> list[str]:
        """Return the subnets that the endpoint is to get."""
        return self.values("AddSubnetId" if self.action == "ModifyVpcEndpoint" else "SubnetId")

    def new_groups(self) -> list[str]:
        """Return the security groups that the endpoint is to get."""
        modifies = self.action == "ModifyVpcEndpoint"
        return self.values("AddSecurityGroupId" if modifies else "SecurityGroupId")

    def subnets_after(self) -> list[str]:
        """Return the subnets that the endpoint would have after the call."""
        return _after(
            self.endpoint.subnet_ids if self.endpoint else [],
            self.new_subnets(),
            self.values("RemoveSubnetId"),
        )

    def groups_after(self) -> list[str]:
        """Return the security groups that the endpoint would have after the call."""
        return _after(
            self.endpoint.security_group_ids if self.endpoint else [],
            self.new_groups(),
            self.values("RemoveSecurityGroupId"),
        )

    def filters(self) -> dict[str, list[str]]:
        """Return the filters by name."""
        names = {m[1]: v for k, v in self.form.items() if (m := _FILTER_NAME.fullmatch(k))}
        return {name: self.values(f"Filter.{index}.Value") for index, name in names.items()}

    def drop(self, *members: str) -> None:
        """Take parameters, with all that belongs to them, out of the form."""
        self.form = {k: v for k, v in self.form.items() if k.split(".")[0] not in members}


def _after(before: Iterable[str], added: list[str], removed: list[str]) -> list[str]:
    # AWS does not say in which order it adds and removes; as one step, order is no matter.
    whole = dict.fromkeys([*(before or ()), *added])
    return [item for item in whole if item not in removed or item in added]


def read_form(environ: WSGIEnvironment) -> Form:
    """Read the form and leave it to be read again; empty for bodies that are no plain form."""
    if environ.get("HTTP_CONTENT_ENCODING"):
        return {}
    stream = environ["wsgi.input"]
    # A chunked body has no length; the server ends the stream itself then.
    whole = environ.get("wsgi.input_terminated")
    body = stream.read() if whole else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def write_form(environ: WSGIEnvironment, form: Form) -> None:
    """Replace the form of a request."""
    body = urlencode(form).encode()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def refusal(error: RefusedError) -> Reply:
    """Return EC2's answer for a call that it refuses."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
    )
    reason = {400: "Bad Request", 412: "Precondition Failed", 503: "Service Unavailable"}
    return _xml(f"{error.status} {reason.get(error.status, 'Refused')}", body)


def answer(action: str, inner: str) -> Reply:
    """Return a successful answer with `inner` XML."""
    return _xml(
        "200 OK",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="{NAMESPACE}">'
        f"<requestId>{uuid.uuid4()}</requestId>{inner}</{action}Response>",
    )


def _xml(status: str, text: str) -> Reply:
    body = text.encode()
    headers = (("Content-Type", "text/xml;charset=UTF-8"), ("Content-Length", str(len(body))))
    return Reply(status, headers, body)
