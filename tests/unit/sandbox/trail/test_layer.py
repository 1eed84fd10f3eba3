"""The layer as middleware: what passes untouched, what is read how, what cannot go wrong."""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import EnvironBuilder

from guardrail_sandbox.trail import CloudTrailLayer
from guardrail_sandbox.trail.record import ec2_model

from .harness import ACCOUNT, KEY, NOON, Canned, Trail, answer, authorization

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TAGGING = {"Action": "CreateTags", "Version": "2016-11-15", "ResourceId.1": "vpc-1"}
_TAGGED = {"resourcesSet": {"items": [{"resourceId": "vpc-1"}]}}


@pytest.fixture
def canned() -> Canned:
    """Return an application that answers a tagging call."""
    return Canned(answer("CreateTags"), Content_Type="text/xml")


@pytest.fixture
def tagging(canned: Canned) -> Trail:
    """Return a layer around it."""
    return Trail(canned)


class Watched:
    """A body that must not be read by whoever only passes the request on."""

    def read(self, *_: int) -> bytes:
        """Fail the test."""
        raise AssertionError("the body of a foreign request was read")


def _environ(**changes: Any) -> WSGIEnvironment:
    body = urlencode(_TAGGING).encode()
    environ = EnvironBuilder(
        method="POST",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": authorization()},
    ).get_environ()
    return environ | changes


def test_body_and_answer_pass_unchanged(tagging: Trail, canned: Canned) -> None:
    """The inner application reads what the client sent; the client gets what it answered."""
    status, body = tagging.post(_TAGGING)
    assert canned.read == [urlencode(_TAGGING).encode()]
    assert (status, body) == (canned.status, canned.body)
    assert tagging.last["requestParameters"] == _TAGGED


@pytest.mark.parametrize(
    "action",
    [
        "DescribeVpcs",
        "GetConsoleOutput",
        "ListImagesInRecycleBin",
        "SearchTransitGatewayRoutes",
        "MakeCoffee",
        "",
    ],
)
def test_reads_and_unknown_actions_are_not_recorded(
    tagging: Trail, canned: Canned, action: str
) -> None:
    """CloudTrail logs neither reads as writes nor what is no API; both are still served."""
    status, _ = tagging.post({"Action": action})
    assert (tagging.records, status) == ([], "200 OK")
    assert canned.read == [urlencode({"Action": action}).encode()]


def test_other_services_pass_without_their_body_being_read() -> None:
    """A request signed for another service is handed on as it came."""
    seen: list[WSGIEnvironment] = []

    def inner(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return [b"ok"]

    trail = Trail(inner)
    environ = _environ(HTTP_AUTHORIZATION=authorization(service="sqs"), **{"wsgi.input": Watched()})
    assert trail.send(environ) == ("200 OK", b"ok")
    assert isinstance(seen[0]["wsgi.input"], Watched)
    assert trail.records == []


@pytest.mark.parametrize("host", ["ec2.eu-west-1.amazonaws.com", "ec2.eu-west-1.api.aws:443"])
def test_unsigned_call_is_known_by_its_host(tagging: Trail, host: str) -> None:
    """Without a signature the host tells service and region; nobody's key is recorded."""
    environ = _environ(HTTP_HOST=host)
    del environ["HTTP_AUTHORIZATION"]
    tagging.send(environ)
    assert tagging.last["awsRegion"] == "eu-west-1"
    assert "accessKeyId" not in tagging.last["userIdentity"]


def test_unsigned_call_to_another_host_is_not_ours(tagging: Trail) -> None:
    """A health check of the server is no call of EC2."""
    environ = _environ(HTTP_HOST="127.0.0.1:5055")
    del environ["HTTP_AUTHORIZATION"]
    tagging.send(environ)
    assert tagging.records == []


def test_global_host_stands_for_us_east_1(tagging: Trail) -> None:
    """EC2's host name without a region is the one in Virginia."""
    environ = _environ(HTTP_HOST="ec2.amazonaws.com")
    del environ["HTTP_AUTHORIZATION"]
    tagging.send(environ)
    assert tagging.last["awsRegion"] == "us-east-1"


def test_call_in_the_query_string_is_recorded(tagging: Trail) -> None:
    """EC2 takes its parameters from a GET as well."""
    tagging.post({}, method="GET", data=None, query_string=urlencode(_TAGGING))
    assert tagging.last["requestParameters"] == _TAGGED


def test_presigned_call_is_recorded_without_its_signature(tagging: Trail) -> None:
    """Credentials in the query string name the caller and are no parameters."""
    scope = f"{KEY}/20261123/eu-west-1/ec2/aws4_request"
    signature = {"X-Amz-Credential": scope, "X-Amz-Signature": "0", "X-Amz-Expires": "60"}
    environ = EnvironBuilder(query_string=urlencode(_TAGGING | signature)).get_environ()
    tagging.send(environ)
    assert tagging.last["requestParameters"] == _TAGGED
    assert tagging.last["userIdentity"]["accessKeyId"] == KEY
    assert tagging.last["awsRegion"] == "eu-west-1"


def test_old_signature_parameters_are_not_recorded(tagging: Trail) -> None:
    """Signature version 2 travels among the parameters and is left out of the record."""
    signature = {"AWSAccessKeyId": "AKIAOLD", "Signature": "0", "SignatureVersion": "2"}
    environ = _environ(HTTP_HOST="ec2.amazonaws.com")
    del environ["HTTP_AUTHORIZATION"]
    body = urlencode(_TAGGING | signature).encode()
    tagging.send(environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    assert tagging.last["requestParameters"] == _TAGGED
    assert tagging.last["userIdentity"]["accessKeyId"] == "AKIAOLD"


def test_chunked_body_is_read_to_its_end(tagging: Trail, canned: Canned) -> None:
    """A body without a length ends where the server says so."""
    environ = _environ(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True})
    del environ["CONTENT_LENGTH"]
    tagging.send(environ)
    assert canned.read == [urlencode(_TAGGING).encode()]
    assert tagging.last["requestParameters"] == _TAGGED


def test_compressed_body_is_understood_and_passed_on_compressed(
    tagging: Trail, canned: Canned
) -> None:
    """Only the record needs the text; the inner application gets the client's bytes."""
    packed = gzip.compress(urlencode(_TAGGING).encode())
    tagging.post({}, data=packed, headers={"Content-Encoding": "gzip"})
    assert canned.read == [packed]
    assert tagging.last["requestParameters"] == _TAGGED


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"Action=Crea", mtime=0)[:-12]])
def test_broken_compression_is_left_to_the_inner_application(
    tagging: Trail, canned: Canned, body: bytes
) -> None:
    """What cannot be read is no known call; it is served all the same."""
    status, _ = tagging.post({}, data=body, headers={"Content-Encoding": "gzip"})
    assert (status, canned.read, tagging.records) == ("200 OK", [body], [])


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateTags&ResourceId.1=%FF%FE",
        b"\xff\xfe=1&Action=CreateTags",
        b"Action=CreateTags&Tag.1=x&Tag.1.Key=a&Tag.a.b.c=1&.=1&..=2",
        b"Action=CreateTags&" + b"A." * 5000 + b"A=1",
    ],
)
def test_nonsense_in_the_form_never_reaches_the_caller(tagging: Trail, body: bytes) -> None:
    """Bad text, contradictory names and absurd depth are moto's to refuse."""
    status, _ = tagging.post({}, data=body)
    assert status == "200 OK"
    assert tagging.layer.in_flight == 0


@pytest.mark.parametrize("length", ["", "-1", "many"])
def test_senseless_content_length_is_no_body(tagging: Trail, length: str) -> None:
    """A length that is no number counts as none."""
    status, _ = tagging.send(_environ(CONTENT_LENGTH=length))
    assert (status, tagging.records) == ("200 OK", [])


def test_record_is_published_when_the_caller_has_the_whole_answer(tagging: Trail) -> None:
    """Until the server closes the answer, the call is in flight and nothing is published."""
    chunks: Any = tagging.layer(_environ(), lambda *_: lambda _: None)
    body = b"".join(chunks)
    before = (list(tagging.records), tagging.layer.in_flight)
    chunks.close()
    chunks.close()
    assert body.startswith(b"<CreateTagsResponse")
    assert before == ([], 1)
    assert (len(tagging.records), tagging.layer.in_flight) == (1, 0)


def test_failing_publisher_is_logged_and_reaches_nobody(
    canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller's answer does not depend on what is made of the record."""

    def publish(record: dict[str, Any]) -> None:
        raise RuntimeError(record["eventName"])

    trail = Trail(canned)
    trail.layer = CloudTrailLayer(
        canned, publish, identities={}, account_id=ACCOUNT, clock=lambda: NOON
    )
    with caplog.at_level(logging.ERROR):
        status, _ = trail.post(_TAGGING)
    assert (status, trail.layer.in_flight) == ("200 OK", 0)
    assert "CloudTrail record of CreateTags was not published" in caplog.text


def test_crash_of_the_inner_application_is_recorded_and_raised() -> None:
    """The server sees the crash; CloudTrail sees an internal error."""

    def inner(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError

    trail = Trail(inner)
    with pytest.raises(ZeroDivisionError):
        trail.layer(_environ(), lambda *_: lambda _: None)
    assert trail.last["errorCode"] == "Server.InternalError"
    assert trail.layer.in_flight == 0


def test_server_that_cannot_start_the_answer_leaves_nothing_in_flight(tagging: Trail) -> None:
    """The write took place, so it is recorded although the client is gone."""

    def start(*_: Any) -> Callable[[bytes], object]:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        tagging.layer(_environ(), start)
    assert (len(tagging.records), tagging.layer.in_flight) == (1, 0)


def test_generator_with_late_headers_and_writes_is_collected_and_closed() -> None:
    """WSGI allows headers with the first chunk, a write callable and a close method."""
    closed: list[bool] = []

    def inner(_environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        try:
            write = start("200 OK", [("Content-Type", "text/xml")])
            whole = answer("CreateTags").encode()
            write(whole[:10])
            yield whole[10:20]
            yield whole[20:]
        finally:
            closed.append(True)

    trail = Trail(inner)
    status, body = trail.post(_TAGGING)
    assert (status, body, closed) == ("200 OK", answer("CreateTags").encode(), [True])
    assert trail.last["responseElements"]["_return"] is True


def test_reads_of_the_model_happen_before_the_first_call(tagging: Trail) -> None:
    """Two layers share one model, so a call costs no reading of files."""
    before = ec2_model.cache_info().misses
    Trail(tagging.app).post(_TAGGING)
    assert ec2_model.cache_info().misses == before
