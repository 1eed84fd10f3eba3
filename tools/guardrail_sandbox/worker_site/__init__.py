"""Modules that the workers import, apart from the sandbox itself."""
