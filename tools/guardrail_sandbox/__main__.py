"""`python -m guardrail_sandbox`: see `guardrail_sandbox.commands`."""

from __future__ import annotations

import sys

from guardrail_sandbox.isolation import isolate

isolate()

from guardrail_sandbox.commands import main  # noqa: E402  moto reads the environment on import

if __name__ == "__main__":
    sys.exit(main())
