"""`sfn-guardrail org`: the guardrail in every account and region of an organisation."""
