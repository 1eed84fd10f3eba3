"""A local AWS Organization: one process for each account and region, StackSets in front of them.

moto keeps one account's functions, events and queues per process well, and its StackSets neither
wait nor deploy to accounts that join. So the management account's services (Organizations, STS, S3,
StackSets) are here, and each member account's region is a sandbox of its own.
"""
