"""The ports on AWS: the only package that imports the SDK."""
