"""What an EC2 call costs through the layers of the local AWS, against moto alone.

The promise: at most twice. Calls go past the network, straight into the application, because
the server and the client cost the same on both sides and would hide the difference. Ratios are of
medians, the two sides taking turns; exits with 1 when a ratio is above the limit.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from guardrail_sandbox.isolation import isolate

isolate()

from guardrail_sandbox import moto_state  # noqa: E402  moto reads the environment on import
from guardrail_sandbox.clock import RealClock  # noqa: E402
from guardrail_sandbox.ec2.behaviour import SHORT_PACE, World  # noqa: E402
from guardrail_sandbox.ec2.layer import Ec2Layer  # noqa: E402
from guardrail_sandbox.ec2.registry import behaviours  # noqa: E402
from guardrail_sandbox.trail import CloudTrailLayer  # noqa: E402

LIMIT = 2.0
ROUNDS = 60
REGION = "us-east-1"
SCOPE = f"AWS4-HMAC-SHA256 Credential=AKIABENCH/20260101/{REGION}/ec2/aws4_request"
POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
App = Callable[..., Any]


def call(app: App, action: str, **form: str) -> bytes:
    """Send one EC2 call into an application; return the body of its answer."""
    body = urlencode({"Action": action, "Version": "2016-11-15", **form}).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": SCOPE,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    started: list[str] = []
    chunks = app(environ, lambda status, *_: started.append(status))
    answer = b"".join(chunks)
    getattr(chunks, "close", lambda: None)()
    if not started[0].startswith("200"):
        raise SystemExit(f"{action}: {started[0]} {answer.decode()}")
    return answer


def layered(moto: App) -> App:
    """Return moto behind every behaviour and the CloudTrail layer; tokens come at once."""
    clock = RealClock()
    # Neither quota nor throttle is what is measured: a bench calls faster than either allows.
    world = World(clock, replace(SHORT_PACE, pending=0, read_lag=0.001, refill=1e9))
    layer = Ec2Layer(moto, behaviours(world, without={"endpoint-quota"}), world, REGION)
    account = moto_state.ACCOUNT_ID
    return CloudTrailLayer(layer, lambda _: None, identities={}, account_id=account)


def build(app: App) -> tuple[str, str, str]:
    """Make a VPC with a subnet and a few endpoints; return the ids of VPC, subnet, endpoint."""
    vpc_id = _id(call(app, "CreateVpc", CidrBlock="10.0.0.0/16"), "vpcId")
    subnet_id = _id(
        call(
            app,
            "CreateSubnet",
            VpcId=vpc_id,
            CidrBlock="10.0.0.0/20",
            AvailabilityZone="us-east-1a",
        ),
        "subnetId",
    )
    for _ in range(10):
        made = call(app, "CreateVpcEndpoint", **_creation(vpc_id, subnet_id))
    return vpc_id, subnet_id, _id(made, "vpcEndpointId")


def scenes(app: App) -> dict[str, Callable[[], object]]:
    """Return the calls that are measured."""
    vpc_id, subnet_id, endpoint_id = build(app)
    of_vpc = {"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpc_id, "MaxResults": "1000"}
    return {
        "DescribeVpcs": lambda: call(app, "DescribeVpcs", **of_vpc),
        "DescribeSubnets": lambda: call(app, "DescribeSubnets", **of_vpc),
        "DescribeVpcEndpoints": lambda: call(app, "DescribeVpcEndpoints", **of_vpc),
        "DescribeVpcEndpointServices": lambda: call(app, "DescribeVpcEndpointServices"),
        "ModifyVpcEndpoint": lambda: call(
            app, "ModifyVpcEndpoint", VpcEndpointId=endpoint_id, PolicyDocument=POLICY
        ),
        "CreateVpcEndpoint": lambda: call(app, "CreateVpcEndpoint", **_creation(vpc_id, subnet_id)),
    }


def measured() -> dict[str, tuple[float, float]]:
    """Return for each call the median seconds on moto alone and through the layers."""
    moto_state.reset()
    moto = moto_state.Serialised()
    # Apart by region: what one side makes does not burden the other.
    sides = [scenes(_in_region(moto, "us-west-2")), scenes(layered(moto))]
    found = {}
    for name in sides[0]:
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for side, taken in zip(sides, times, strict=True):
                begun = time.perf_counter()
                side[name]()
                taken.append(time.perf_counter() - begun)
        found[name] = (statistics.median(times[0]), statistics.median(times[1]))
    return found


def main() -> int:
    """Print a line for each call; tell whether every ratio is within the limit."""
    worst = 0.0
    for name, (alone, through) in measured().items():
        ratio = through / alone
        worst = max(worst, ratio)
        print(
            f"{name:28} moto {alone * 1000:6.2f} ms  layers {through * 1000:6.2f} ms  {ratio:.2f}x"
        )
    print(f"worst ratio {worst:.2f}, limit {LIMIT:.1f}")
    return int(worst > LIMIT)


def _in_region(app: App, region: str) -> App:
    def moved(environ: dict[str, Any], start: Any) -> Any:  # noqa: ANN401  WSGI
        environ["HTTP_AUTHORIZATION"] = SCOPE.replace(REGION, region)
        length = int(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"].read(length).replace(REGION.encode(), region.encode())
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        return app(environ, start)

    return moved


def _creation(vpc_id: str, subnet_id: str) -> dict[str, str]:
    return {
        "VpcId": vpc_id,
        "VpcEndpointType": "Interface",
        "ServiceName": f"com.amazonaws.{REGION}.states",
        "SubnetId.1": subnet_id,
        "PolicyDocument": POLICY,
        "PrivateDnsEnabled": "false",
    }


def _id(answer: bytes, element: str) -> str:
    return answer.decode().partition(f"<{element}>")[2].partition("<")[0]


if __name__ == "__main__":
    raise SystemExit(main())
