"""Keeps the policies of buckets away from moto, which reads them without their conditions.

So a Deny of requests without TLS would refuse everything there. Whoever needs a policy's decision
asks here for its text. AWS: S3 API reference, PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NONE = (
    b"<Error><Code>NoSuchBucketPolicy</Code>"
    b"<Message>The bucket policy does not exist</Message></Error>"
)


class BucketPolicies:
    """WSGI layer; `by_bucket` are the documents."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.by_bucket: dict[str, str] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        query = environ.get("QUERY_STRING", "").split("&")
        if scope is None or scope.service != "s3" or not {"policy", "policy="} & set(query):
            return self._app(environ, start_response)
        status, body = self._answer(environ["PATH_INFO"].strip("/"), environ)
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, bucket: str, environ: WSGIEnvironment) -> tuple[HTTPStatus, bytes]:
        match environ["REQUEST_METHOD"]:
            case "PUT":
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                self.by_bucket[bucket] = body.decode()
                return HTTPStatus.NO_CONTENT, b""
            case "DELETE":
                self.by_bucket.pop(bucket, None)
                return HTTPStatus.NO_CONTENT, b""
        if bucket not in self.by_bucket:
            return HTTPStatus.NOT_FOUND, _NONE
        return HTTPStatus.OK, self.by_bucket[bucket].encode()
