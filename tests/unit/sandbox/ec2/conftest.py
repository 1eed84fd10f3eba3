"""An EC2 with every behaviour, on a clock that the test drives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from ec2_world import Ec2World, Switchboard

from guardrail_sandbox import moto_state
from guardrail_sandbox.server import Server


@pytest.fixture(scope="session")
def switchboard() -> Iterator[Switchboard]:
    """Serve one application after the other at the same address."""
    board = Switchboard()
    server = Server(board, 0)
    server.start()
    board.url = server.url
    yield board
    server.close()


@pytest.fixture(scope="session")
def client_of(switchboard: Switchboard) -> Callable[[str, str], Any]:
    """Return clients, each made once: making them takes longer than a test."""
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str) -> Any:
        if (service, region) not in made:
            made[service, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=switchboard.url,
                aws_access_key_id="a",
                aws_secret_access_key="b",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return made[service, region]

    return client


@pytest.fixture
def make(switchboard: Switchboard, client_of: Callable[[str, str], Any]) -> Callable[..., Ec2World]:
    """Return what makes an EC2 with chosen behaviours; the last one made is served."""

    def make(region: str = "us-east-1", **choices: Any) -> Ec2World:
        moto_state.reset()
        made = Ec2World(client_of, region, **choices)
        switchboard.app = made.layer
        return made

    return make


@pytest.fixture
def world(make: Callable[..., Ec2World]) -> Ec2World:
    """Make an EC2 with every behaviour; things take as long as on AWS, reads do not lag."""
    return make()
