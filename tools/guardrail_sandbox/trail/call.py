"""An EC2 call as it stands in a WSGI request: who signed it, where it goes, what it asks for.

EC2 speaks the query protocol: action and parameters are form fields, in the body or in the
query string; lists are numbered (`SubnetId.1`), structures are dotted (`Tag.1.Key`).
AWS: Amazon EC2 API reference, "Query requests".
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

Environ = dict[str, Any]
Tree = dict[str, "Tree | str"]

_SCOPE: Final = re.compile(r"Credential=([^/,\s]+)/\d{8}/(?:([^/,\s]+)/)?([^/,\s]+)/aws4_request")
_HOST: Final = re.compile(r"^ec2\.(?:([a-z0-9-]+)\.)?(?:amazonaws\.com|api\.aws)", re.IGNORECASE)
_READ_ONLY: Final = ("Describe", "Get", "List", "Search")
# What belongs to the protocol or the signature and is no parameter of the call.
_PROTOCOL: Final = frozenset(
    {"Action", "Version", "AWSAccessKeyId", "Expires", "Signature", "SignatureMethod"}
    | {"SignatureVersion", "Timestamp"}
)
_MOST_INFLATED: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """Access key, region and service that a request is signed for; empty when unknown."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the EC2 API. `parameters` is the form as a tree, numbered lists as they are."""

    action: str
    parameters: Tree
    access_key: str
    region: str
    source_ip: str
    user_agent: str
    host: str

    @property
    def mutating(self) -> bool:
        """Whether CloudTrail logs this as a write; dry runs of writes are writes."""
        return bool(self.action) and not self.action.startswith(_READ_ONLY)


def is_ec2(environ: Mapping[str, Any]) -> bool:
    """Whether the request is addressed to EC2, judged without reading its body."""
    service = _credentials(environ).service
    return service == "ec2" or (not service and _HOST.match(_host(environ)) is not None)


def read_call(environ: Environ) -> Call:
    """Read the call and leave the request as it was: the body can be read again."""
    fields = dict(_fields(environ.get("QUERY_STRING", "")))
    fields.update(_fields(_form(_read_body(environ), environ)))
    signed = _credentials(environ)
    return Call(
        action=fields.get("Action", ""),
        parameters=_tree(fields),
        access_key=signed.access_key or fields.get("AWSAccessKeyId", ""),
        region=signed.region or _region_of(_host(environ)),
        source_ip=str(environ.get("REMOTE_ADDR", "")),
        user_agent=str(environ.get("HTTP_USER_AGENT", "")),
        host=_host(environ),
    )


def _credentials(environ: Mapping[str, Any]) -> Credentials:
    """Return what the signature says, from the header or from a presigned query string."""
    found = _SCOPE.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    if found is None and "X-Amz-Credential" in str(environ.get("QUERY_STRING", "")):
        signed = dict(_fields(environ["QUERY_STRING"])).get("X-Amz-Credential", "")
        found = _SCOPE.search(f"Credential={signed}")
    if found is None:
        return Credentials("", "", "")
    return Credentials(found[1], found[2] or "", found[3])


def _host(environ: Mapping[str, Any]) -> str:
    return str(environ.get("HTTP_HOST", ""))


def _region_of(host: str) -> str:
    """Return the region in EC2's host name; the global name stands for us-east-1."""
    found = _HOST.match(host)
    return (found[1] if found else None) or "us-east-1"


def _read_body(environ: Environ) -> bytes:
    """Read the body and put it back, for whoever reads the request next."""
    stream = environ["wsgi.input"]
    # A chunked body has no length; the server ends the stream itself then.
    body: bytes
    if environ.get("wsgi.input_terminated"):
        body = stream.read()
    else:
        length = str(environ.get("CONTENT_LENGTH", ""))
        body = stream.read(int(length) if length.isdecimal() else 0)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _form(body: bytes, environ: Mapping[str, Any]) -> str:
    """Return the body as text, inflated if it came compressed; empty when it is no text."""
    if str(environ.get("HTTP_CONTENT_ENCODING", "")).lower() == "gzip":
        try:
            body = zlib.decompressobj(wbits=31).decompress(body, _MOST_INFLATED)
        except zlib.error:
            return ""
    return body.decode(errors="replace")


def _fields(form: str) -> list[tuple[str, str]]:
    return parse_qsl(form, keep_blank_values=True)


def _tree(fields: Mapping[str, str]) -> Tree:
    """Return dotted names as nested mappings: `{"Tag": {"1": {"Key": "a"}}}`."""
    root: Tree = {}
    for name, value in fields.items():
        if name not in _PROTOCOL and not name.startswith("X-Amz-"):
            _insert(root, name.split("."), value)
    return root


def _insert(root: Tree, path: list[str], value: str) -> None:
    node = root
    for step in path[:-1]:
        child = node.get(step)
        if not isinstance(child, dict):
            child = node[step] = {}
        node = child
    node[path[-1]] = value


def numbered(tree: Tree) -> list[tuple[int, Tree | str]] | None:
    """Return the elements of a numbered list in order, or None when `tree` is a structure."""
    if not tree or not all(key.isdecimal() for key in tree):
        return None
    return sorted(((int(key), value) for key, value in tree.items()), key=lambda pair: pair[0])
