"""EC2 interface endpoints as AWS has them: one module for each behaviour, listed in `registry`."""
