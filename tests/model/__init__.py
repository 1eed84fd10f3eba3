"""A model of owner, events and guardrail over the local AWS, in one process and driven time."""
