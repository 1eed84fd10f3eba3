"""Route 53 Profiles, which moto does not have: make, associate, list and take apart.

An endpoint's association tells the service and the private names by the ids of their zones, as
observed (AWS provider of Terraform, issues 42489 and 42558). Associations with zones and rules
tell nothing more than was given: what AWS adds there was not seen. Everything is in force at
once, though the answer to an association says CREATING. A VPC has one Profile at most.

Not modelled: tags, sharing, updates, quotas, and whether a resource exists.
Source: Route 53 API reference, Route 53 Profiles; examples of the AWS CLI.
Confidence: documented; inferred: the types of resources but FIREWALL_RULE_GROUP, and which error
a second Profile of a VPC is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from guardrail_sandbox import moto_state
from guardrail_sandbox.route53.profile_store import Asked, Item, RefusedError, Region
from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CALLS: tuple[tuple[str, str, Callable[[Region, Asked], Item]], ...] = (
    ("POST", "/profile", Region.create),
    ("GET", "/profile/([^/]+)", Region.get),
    ("DELETE", "/profile/([^/]+)", Region.delete),
    ("GET", "/profiles", Region.list_profiles),
    ("POST", "/profileassociation", Region.associate),
    ("DELETE", "/profileassociation/Profileid/([^/]+)/resourceid/([^/]+)", Region.disassociate),
    ("GET", "/profileassociations", Region.list_associations),
    ("POST", "/profileresourceassociation", Region.add),
    (
        "DELETE",
        "/profileresourceassociation/profileid/([^/]+)/resourcearn/(.+)",
        Region.remove,
    ),
    ("GET", "/profileresourceassociations/profileid/([^/]+)", Region.list_resources),
)


class Profiles:
    """WSGI layer that answers the calls about Profiles and passes everything else on."""

    def __init__(self, app: WSGIApplication, now: Callable[[], datetime]) -> None:
        self._app = app
        self._now = now
        self._regions: dict[str, Region] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None or scope.service != "route53profiles":
            return self._app(environ, start_response)
        headers = [("Content-Type", "application/json")]
        status = HTTPStatus.OK
        try:
            with moto_state.LOCK:
                answer = self._answer(environ, scope.region)
        except RefusedError as refused:
            status, answer = HTTPStatus.BAD_REQUEST, {"Message": str(refused)}
            headers.append(("X-Amzn-ErrorType", refused.code))
        body = json.dumps(answer).encode()
        start_response(
            f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(body)))]
        )
        return [body]

    def _answer(self, environ: WSGIEnvironment, region: str) -> Item:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        query = parse_qs(environ.get("QUERY_STRING", ""))
        for method, pattern, call in _CALLS:
            match = re.fullmatch(pattern, environ.get("PATH_INFO", ""))
            if match and method == environ["REQUEST_METHOD"]:
                asked = Asked(
                    region,
                    tuple(unquote(found) for found in match.groups()),
                    {name: values[0] for name, values in query.items()},
                    json.loads(raw or b"{}"),
                    self._now().timestamp(),
                )
                return call(self._regions.setdefault(region, Region()), asked)
        raise RefusedError("ValidationException", "the local AWS does not have this operation")
