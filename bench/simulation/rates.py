"""Throttles and durations of the simulation, each sourced, measured or assumed.

Not run by itself. Limits are tokens and their refill a second, durations are seconds.
"""

from __future__ import annotations

from simulation.events import Limit

# AWS publishes no rate of CloudFormation's API. Users report 5 a second for DescribeStacks in an
# account and region (aws-sam-cli#2671); assumed for each of its operations.
CLOUDFORMATION = Limit(5.0, 5.0)
# AWS publishes no rates of Organizations' API either. Assumed.
ORGANIZATIONS = Limit(5.0, 5.0)
# IAM user guide, "IAM and AWS STS quotas": of an account and region, for the caller.
STS = Limit(600.0, 600.0)
# Amazon DynamoDB developer guide, "Read and write capacity": a partition's 3,000 read units.
TABLE = Limit(3000.0, 3000.0)
# Amazon EC2 developer guide, "Request throttling": Create-, Modify- and DeleteVpcEndpoint of an
# account and region. PrivateLink's own throttle of an organisation is not published.
ENDPOINT_WRITES = Limit(4.0, 0.3)
# Assumed: 100 Mbit/s, a zip of 18.3 MB (docs/adr/0003-build.md), so 0.68 of them a second.
LINE = Limit(1.0, 100 / 8 / 18.3)
# Assumed: what is asked of a bucket is never throttled here.
S3 = Limit(100.0, 100.0)

# Assumed: a call to a region somewhere in the world, on a connection that stands.
CALL = 0.2
# Assumed: two round trips more for a new connection, TCP and TLS.
CONNECT = 0.3
# Measured, botocore 1.43 on Python 3.11 without the network: signing both calls of a stack, reading
# the answers.
READING = 0.0117
# Measured likewise: a client of a botocore session of its own, and one of a shared session.
CLIENT, CLIENT_OF_SHARED_SESSION = 0.069, 0.027
# Assumed: from an operation's acceptance to its first stack.
QUEUED = 30.0
# Assumed: one stack of this template, and how much that varies. IAM's throttle may stretch it where
# one account makes its roles in all regions at once; its rate is not published.
STACK, STACK_SPREAD = 120.0, 60.0

AT_ONCE = 10_000
"""Stack instances worked on at a time. Source: CloudFormation user guide, "Quotas"."""
PAGE = 100
"""Entries of a page of ListStackInstances and ListStackSetOperationResults (API reference)."""
PAGE_OF_ACCOUNTS = 20
"""Entries of a page of ListAccountsForParent and its kind (Organizations API reference)."""


def spread(number: int) -> float:
    """Return a share from 0 to 1: those of consecutive numbers lie evenly, and are always the same.

    Multiples of the golden ratio lie evenly between whole numbers.
    """
    return number * 0.6180339887 % 1
