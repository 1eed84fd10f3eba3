"""The AWS CLI commands that `serve` prints: complete, to be pasted line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail_sandbox.sandbox import Sandbox

_OPEN = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'

_COMMANDS = """
In another terminal (functions run on {interpreter}, mode {mode}; Ctrl-C here ends it):

  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION={region}
  export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_PAGER=

A VPC gets its endpoint once it has subnets and DNS hostnames, and has settled:

  VPC=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text)
  for i in a b c; do aws ec2 create-subnet --vpc-id $VPC --availability-zone {region}$i \\
    --cidr-block 10.0.$((0x$i)).0/24 --query Subnet.SubnetId --output text; done
  aws ec2 modify-vpc-attribute --vpc-id $VPC --enable-dns-hostnames
  sleep 5
  ENDPOINT=$(aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values=$VPC \\
    --query 'VpcEndpoints[0].VpcEndpointId' --output text)
  aws ec2 describe-vpc-endpoints --vpc-endpoint-ids $ENDPOINT

A policy that lets everyone do everything is put back:

  OPEN='{open}'
  aws ec2 modify-vpc-endpoint --vpc-endpoint-id $ENDPOINT --policy-document "$OPEN"
  aws ec2 modify-vpc-endpoint --vpc-endpoint-id $ENDPOINT --reset-policy
  aws ec2 describe-vpc-endpoints --vpc-endpoint-ids $ENDPOINT \\
    --query 'VpcEndpoints[0].PolicyDocument' --output text

An endpoint made by hand is closed and otherwise left as it is:

  OTHER=$(aws ec2 create-vpc --cidr-block 10.1.0.0/16 --query Vpc.VpcId --output text)
  aws ec2 create-vpc-endpoint --vpc-id $OTHER --vpc-endpoint-type Interface \\
    --service-name com.amazonaws.{region}.states --policy-document "$OPEN"
"""


def guide(sandbox: Sandbox) -> str:
    """Return the commands for a running sandbox."""
    return _COMMANDS.format(
        interpreter=sandbox.interpreter,
        mode=sandbox.stack.parameters.get("Mode", "unknown"),
        url=sandbox.url,
        region=sandbox.region,
        open=_OPEN,
    )
