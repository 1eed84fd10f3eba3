"""What EC2 does with interface endpoints and moto leaves out.

A WSGI layer in front of moto, small on purpose: only effects that the guardrail's promises
depend on. What EC2 refuses and moto accepts is not here.

- ModifyVpcEndpoint: `PrivateDnsEnabled` and `ResetPolicy` take effect, and the network interfaces
  follow the subnets. AWS: EC2 API reference, ModifyVpcEndpoint. It documents ResetPolicy for
  gateway endpoints; that it works on interface endpoints is an assumption
  (`Assumptions.reset_policy_of_interfaces`).
- CreateVpcEndpoint without a policy stores the full-access default, a text without Version; without
  security groups it takes the VPC's default group; the same ClientToken makes no second endpoint.
  AWS: PrivateLink guide, "Control access to VPC endpoints using endpoint policies", and EC2 API
  reference, CreateVpcEndpoint and "Ensuring idempotency".
- DescribeVpcEndpointServices filters by service name (moto answers HTTP 500), and an unknown
  name finds nothing. AWS: EC2 API reference, DescribeVpcEndpointServices.
- DescribeVpcEndpoints filters by endpoint id and service region (moto answers HTTP 500).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from moto.ec2.utils import random_private_ip

from guardrail_sandbox import moto_state
from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.untyped import Moto

FULL_ACCESS = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n'
    '      "Principal": "*", \n      "Resource": "*"\n    }\n  ]\n}'
)
"""The default endpoint policy as EC2 shows it."""

Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not documented and decided here; each can be switched off."""

    reset_policy_of_interfaces: bool = True


class Ec2Effects:
    """WSGI layer that completes moto's EC2."""

    def __init__(self, app: WSGIApplication, assumptions: Assumptions | None = None) -> None:
        self._app = app
        self._assumptions = assumptions or Assumptions()
        self._tokens: dict[tuple[str, str], str] = {}
        self._actions: dict[str, Callable[[Form, str], Form]] = {
            "CreateVpcEndpoint": self._complete_creation,
            "ModifyVpcEndpoint": self._modify,
            "DescribeVpcEndpointServices": self._describe_services,
            "DescribeVpcEndpoints": self._describe_endpoints,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None or scope.service != "ec2":
            return self._app(environ, start_response)
        form = _read_form(environ)
        action = self._actions.get(form.get("Action", ""))
        if action is None:
            return self._app(environ, start_response)
        # Held over both parts, so that the effect and moto's own answer belong together.
        with moto_state.LOCK:
            form = action(form, scope.region)
            _write_form(environ, form)
            if form["Action"] == "CreateVpcEndpoint":
                return self._create(form, scope.region, environ, start_response)
            return self._app(environ, start_response)

    def _complete_creation(self, form: Form, region: str) -> Form:
        """Add what EC2 takes when the caller says nothing."""
        if form.get("VpcEndpointType") != "Interface":
            return form
        form.setdefault("PolicyDocument", FULL_ACCESS)
        if not _values(form, "SecurityGroupId"):
            group = _default_group(form.get("VpcId", ""), region)
            if group is not None:
                form["SecurityGroupId.1"] = group
        return form

    def _create(
        self,
        form: Form,
        region: str,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Create once for each client token; a replay is answered with the same endpoint."""
        key = (region, form.get("ClientToken", ""))
        endpoints = moto_state.ec2(region).vpc_end_points
        known = endpoints.get(self._tokens.get(key, ""))
        before = set(endpoints)
        answer = b"".join(self._app(environ, start_response))
        created = set(endpoints) - before
        if not created:
            return [answer]
        new = created.pop()
        if known is None or not key[1]:
            self._tokens[key] = new
            return [answer]
        moto_state.ec2(region).delete_vpc_endpoints([new])
        del endpoints[new]
        return [answer.replace(new.encode(), known.id.encode())]

    def _modify(self, form: Form, region: str) -> Form:
        """Apply what moto ignores; nothing when the endpoint does not exist (moto refuses)."""
        endpoint = moto_state.ec2(region).vpc_end_points.get(form.get("VpcEndpointId", ""))
        if endpoint is None:
            return form
        if "PrivateDnsEnabled" in form:
            endpoint.private_dns_enabled = form["PrivateDnsEnabled"] == "true"
        if form.get("ResetPolicy") == "true" and self._resets(endpoint):
            form["PolicyDocument"] = FULL_ACCESS
        _move_interfaces(endpoint, form, region)
        return form

    def _resets(self, endpoint: Moto) -> bool:
        gateway = endpoint.vpc_endpoint_type == "Gateway"
        return gateway or self._assumptions.reset_policy_of_interfaces

    def _describe_services(self, form: Form, region: str) -> Form:
        """Say `ServiceName` where the caller filters by it."""
        filters = _filters(form)
        wanted = filters.pop("service-name", None)
        # moto knows no regions here: every service is of the region that was asked.
        filters.pop("service-region", None)
        form = _with_filters(form, filters)
        if wanted is None:
            return form
        found = moto_state.ec2(region).describe_vpc_endpoint_services([], [], None, None, region)
        names = [name for name in found["serviceNames"] if _matches(name, wanted)]
        if not names:
            return _with_filters(form, {"service-type": ["none"]})
        return {**form, **{f"ServiceName.{i}": n for i, n in enumerate(names, 1)}}

    def _describe_endpoints(self, form: Form, region: str) -> Form:
        """Say `VpcEndpointId` where the caller filters by it."""
        filters = _filters(form)
        wanted = filters.pop("vpc-endpoint-id", None)
        regions = filters.pop("service-region", None)
        known = moto_state.ec2(region).vpc_end_points
        form = _with_filters(form, filters)
        if regions is not None and region not in regions:
            return _with_filters(form, {"vpc-id": ["none"]})
        if wanted is None:
            return form
        ids = [endpoint_id for endpoint_id in known if _matches(endpoint_id, wanted)]
        if not ids:
            return _with_filters(form, {"vpc-id": ["none"]})
        return {**form, **{f"VpcEndpointId.{i}": n for i, n in enumerate(ids, 1)}}


def _move_interfaces(endpoint: Moto, form: Form, region: str) -> None:
    """Give each added subnet a network interface and take those of removed subnets away."""
    backend = moto_state.ec2(region)
    removed = set(_values(form, "RemoveSubnetId"))
    added = set(_values(form, "AddSubnetId")) - set(endpoint.subnet_ids)
    if not added <= set(_subnet_ids(backend)):
        return
    for eni_id in list(endpoint.network_interface_ids):
        eni = backend.enis.get(eni_id)
        if eni is not None and eni.subnet.id in removed:
            endpoint.network_interface_ids.remove(eni_id)
            backend.enis.pop(eni_id)
    for subnet_id in sorted(added):
        eni = backend.create_network_interface(subnet_id, random_private_ip())
        endpoint.network_interface_ids.append(eni.id)


def _subnet_ids(backend: Moto) -> Iterable[str]:
    for subnets in backend.subnets.values():
        yield from subnets


def _default_group(vpc_id: str, region: str) -> str | None:
    groups = moto_state.ec2(region).groups.get(vpc_id, {})
    return next((group.id for group in groups.values() if group.name == "default"), None)


def _values(form: Form, member: str) -> list[str]:
    return [value for key, value in form.items() if re.fullmatch(rf"{member}\.\d+", key)]


def _filters(form: Form) -> dict[str, list[str]]:
    names = {
        match[1]: value for key, value in form.items() if (match := _FILTER_NAME.fullmatch(key))
    }
    return {
        name: [v for k, v in form.items() if k.startswith(f"Filter.{index}.Value.")]
        for index, name in names.items()
    }


_FILTER_NAME = re.compile(r"Filter\.(\d+)\.Name")


def _with_filters(form: Form, filters: dict[str, list[str]]) -> Form:
    kept = {key: value for key, value in form.items() if not key.startswith("Filter.")}
    for index, (name, values) in enumerate(filters.items(), 1):
        kept[f"Filter.{index}.Name"] = name
        kept.update({f"Filter.{index}.Value.{i}": v for i, v in enumerate(values, 1)})
    return kept


def _matches(text: str, patterns: Iterable[str]) -> bool:
    """EC2's filters know `*` and `?`."""
    return any(
        re.fullmatch(re.escape(p).replace(r"\*", ".*").replace(r"\?", "."), text) for p in patterns
    )


def _read_form(environ: WSGIEnvironment) -> Form:
    """Read the form and leave it to be read again; empty for bodies that are no plain form."""
    if environ.get("HTTP_CONTENT_ENCODING"):
        return {}
    stream = environ["wsgi.input"]
    # A chunked body has no length; the server ends the stream itself then.
    whole = environ.get("wsgi.input_terminated")
    body = stream.read() if whole else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _write_form(environ: WSGIEnvironment, form: Form) -> None:
    body = urlencode(form).encode()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
