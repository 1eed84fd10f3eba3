"""Fixtures of the CloudTrail layer's tests."""

from __future__ import annotations

import pytest
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from guardrail_sandbox.trail.record import ec2_model

from .harness import Trail


@pytest.fixture(scope="session")
def moto_app() -> DomainDispatcherApplication:
    """Return moto's server application; its state is shared by the whole process."""
    return DomainDispatcherApplication(create_backend_app)


@pytest.fixture
def trail(moto_app: DomainDispatcherApplication) -> Trail:
    """Return a layer in front of an empty moto."""
    get_backend("ec2").reset()
    return Trail(moto_app)


@pytest.fixture(scope="session", autouse=True)
def _model() -> None:
    """Read the EC2 model once, before any test."""
    ec2_model()
