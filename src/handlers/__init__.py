"""The Lambda functions: parse, one call, report."""
