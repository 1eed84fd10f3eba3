"""The command `sfn-guardrail`."""
