"""Keep the developer's own AWS account out of this process.

moto, the SAM translator and boto3 look at the environment and the files of the person who runs
them. A profile that does not exist, or one that does, must make no difference here.
"""

from __future__ import annotations

import os

_REGION = "us-east-1"


def isolate() -> None:
    """Forget every AWS_* variable and configuration file; call it before importing boto3."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": _REGION,
    }
