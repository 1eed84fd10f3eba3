"""The command line `sfn-guardrail`: the policy engine for people and for pipelines."""
