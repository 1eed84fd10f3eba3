"""Lets the tests in the folders below import `toy`: pytest adds the folder of a conftest."""
