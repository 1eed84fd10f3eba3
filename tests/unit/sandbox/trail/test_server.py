"""The layer behind a real HTTP server, with clients that come over the network."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from threading import Thread
from urllib.parse import urlencode

import boto3
import pytest
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .harness import KEY, Trail, authorization


class Quiet(WSGIRequestHandler):
    """A request handler that does not log."""

    def log(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(trail: Trail) -> Iterator[BaseWSGIServer]:
    """Serve the layer on a free port of the loopback interface."""
    running = make_server("127.0.0.1", 0, trail.layer, threaded=True, request_handler=Quiet)
    thread = Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def _drain(trail: Trail) -> None:
    deadline = time.monotonic() + 10
    while trail.layer.in_flight and time.monotonic() < deadline:
        time.sleep(0.01)


def test_boto3_over_the_network_is_recorded(trail: Trail, server: BaseWSGIServer) -> None:
    """A client with an endpoint address leaves the records that AWS would have."""
    ec2 = boto3.client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
    )
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.describe_vpcs(VpcIds=[vpc])
    ec2.delete_vpc(VpcId=vpc)
    _drain(trail)
    assert [record["eventName"] for record in trail.records] == ["CreateVpc", "DeleteVpc"]
    assert trail.last["requestParameters"] == {"vpcId": vpc}
    assert trail.last["sourceIPAddress"] == "127.0.0.1"


def test_chunked_upload_over_the_network_is_recorded(trail: Trail, server: BaseWSGIServer) -> None:
    """A body sent in chunks reaches moto and the record alike."""
    form = urlencode({"Action": "CreateVpc", "Version": "2016-11-15", "CidrBlock": "10.9.0.0/16"})
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(
        "POST",
        "/",
        body=iter([form[:20].encode(), form[20:].encode()]),
        headers={
            "Authorization": authorization(),
            "Content-Type": "application/x-www-form-urlencoded",
        },
        encode_chunked=True,
    )
    response = connection.getresponse()
    body = response.read()
    connection.close()
    _drain(trail)
    assert (response.status, b"10.9.0.0/16" in body) == (200, True)
    assert trail.last["requestParameters"] == {"cidrBlock": "10.9.0.0/16"}
