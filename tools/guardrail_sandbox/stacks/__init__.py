"""CloudFormation's network resources, made by EC2 calls instead of behind EC2's back.

moto makes a stack's resources in its own state: no event tells of them, updates and deletions are
left out, and EC2's rules are passed by. Here VPCs, subnets, security groups and VPC endpoints of a
stack are created, changed and deleted by calls through all layers, made by CloudFormation for the
user; what EC2 refuses is rolled back. Other types are made as moto does, stacks without any of the
four are left to moto altogether.
"""

from __future__ import annotations

from guardrail_sandbox.stacks.hooks import NetworkStacks

__all__ = ["NetworkStacks"]
