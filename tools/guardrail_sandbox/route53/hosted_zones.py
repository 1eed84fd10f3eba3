"""Private hosted zones beside interface endpoints, in front of moto's Route 53.

Two sources of the same name exclude each other in a VPC: AssociateVPCWithHostedZone, and
CreateHostedZone with a VPC, answer `ConflictingDomainExists` when the VPC has a zone of that name
or an endpoint whose private DNS is on (documented for zones, observed for endpoints: AWS provider
of Terraform, issue 37783). The other direction is EC2's behaviour private-dns-conflicts.

A zone that is made with a VPC is private (moto wants to be told so, Terraform does not say it).
ListHostedZonesByVPC comes in pages and lists the zone of an endpoint's private DNS as well, owned
by `vpce.amazonaws.com` (documented that zones of services are listed; inferred: the name).
Source: Route 53 API reference, AssociateVPCWithHostedZone and ListHostedZonesByVPC.
"""

from __future__ import annotations

import io
import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from guardrail_sandbox import moto_endpoints, moto_state
from guardrail_sandbox.route53.endpoint_zones import zones_of_endpoints
from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_API = "/2013-04-01"
_ASSOCIATE = re.compile(rf"{_API}/hostedzone/([^/]+)/associatevpc")
_MOST = 100
_NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"


class HostedZones:
    """WSGI layer that answers or refuses those calls and passes everything else on."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None or scope.service != "route53":
            return self._app(environ, start_response)
        with moto_state.LOCK:
            reply = _reply(environ)
            if reply is None:
                return self._app(environ, start_response)
        status, text = reply
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]


def refusal(code: str, message: str) -> str:
    """Return Route 53's answer for a call that it refuses."""
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
    )


def _reply(environ: WSGIEnvironment) -> tuple[HTTPStatus, str] | None:
    method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "").rstrip("/")
    if method == "GET" and path == f"{_API}/hostedzonesbyvpc":
        return _zones_of_vpc(parse_qs(environ.get("QUERY_STRING", "")))
    match = _ASSOCIATE.fullmatch(path)
    if method == "POST" and match:
        return _conflict(moto_endpoints.zone_name(match[1]), _peeked(environ))
    if method == "POST" and path == f"{_API}/hostedzone":
        return _create(environ)
    return None


def _create(environ: WSGIEnvironment) -> tuple[HTTPStatus, str] | None:
    body = _peeked(environ)
    if "<VPC>" in body and "<PrivateZone>" not in body:
        opening, private = "<HostedZoneConfig>", "<PrivateZone>true</PrivateZone>"
        if opening in body:
            body = body.replace(opening, opening + private)
        else:
            body = body.replace("<VPC>", f"{opening}{private}</HostedZoneConfig><VPC>")
        _put_back(environ, body)
    return _conflict(_element(body, "Name"), body)


def _conflict(name: str, body: str) -> tuple[HTTPStatus, str] | None:
    vpc_id, region = _element(body, "VPCId"), _element(body, "VPCRegion")
    if not vpc_id:
        return None
    taken = moto_endpoints.private_zones(vpc_id) | zones_of_endpoints(region, vpc_id)
    if name.rstrip(".").lower() not in taken:
        return None
    message = f"The VPC {vpc_id} is already associated with another zone of the name {name}"
    return HTTPStatus.BAD_REQUEST, refusal("ConflictingDomainExists", message)


def _zones_of_vpc(query: dict[str, list[str]]) -> tuple[HTTPStatus, str]:
    vpc_id, region = query["vpcid"][0], query["vpcregion"][0]
    account = f"<OwningAccount>{moto_state.ACCOUNT_ID}</OwningAccount>"
    own = [(*zone, account) for zone in moto_endpoints.private_zones(vpc_id).items()]
    service = "<OwningService>vpce.amazonaws.com</OwningService>"
    found = own + [(*zone, service) for zone in zones_of_endpoints(region, vpc_id).items()]
    start = int(query.get("nexttoken", ["0"])[0])
    size = min(int(query.get("maxitems", [str(_MOST)])[0]), _MOST)
    summaries = "".join(
        f"<HostedZoneSummary><HostedZoneId>{zone_id}</HostedZoneId><Name>{escape(name)}.</Name>"
        f"<Owner>{owner}</Owner></HostedZoneSummary>"
        for name, zone_id, owner in found[start : start + size]
    )
    more = f"<NextToken>{start + size}</NextToken>" if start + size < len(found) else ""
    return HTTPStatus.OK, (
        f'<ListHostedZonesByVPCResponse xmlns="{_NAMESPACE}"><HostedZoneSummaries>{summaries}'
        f"</HostedZoneSummaries><MaxItems>{size}</MaxItems>{more}</ListHostedZonesByVPCResponse>"
    )


def _element(body: str, name: str) -> str:
    match = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return match[1] if match else ""


def _peeked(environ: WSGIEnvironment) -> str:
    """Read the body and put it back, for moto to read."""
    raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = raw.decode(errors="replace")
    _put_back(environ, body)
    return body


def _put_back(environ: WSGIEnvironment, body: str) -> None:
    raw = body.encode()
    environ["wsgi.input"] = io.BytesIO(raw)
    environ["CONTENT_LENGTH"] = str(len(raw))
