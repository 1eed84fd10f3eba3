"""What every suite that uses moto wants: backends that are made quickly."""

from __future__ import annotations

import os

# moto reads thousands of machine images for each new EC2 backend, seconds of it in every test.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
