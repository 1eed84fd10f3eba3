"""A release: the artifact and the template that deploys it, made of the project's folder.

Nothing here asks AWS, and nothing depends on the machine: the same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from guardrail_cli.org.artifact import built_files, zipped

FOLDER = "sfn-endpoint-guardrail"
"""Where artifacts lie in the buckets."""

_SHORT = 12


@dataclass(frozen=True)
class Release:
    """What is published and deployed.

    `template` is JSON text without transforms, `artifact` a zip, `digest` its SHA-256 in
    hexadecimal digits and `key` where the template looks for it in the bucket of each region.
    """

    template: str = field(repr=False)
    artifact: bytes = field(repr=False)
    digest: str
    key: str

    @property
    def version(self) -> str:
        """The begin of the digest, as the deployed stacks tell it in their output Version."""
        return self.digest[:_SHORT]

    @property
    def template_key(self) -> str:
        """Where the template lies in a bucket, for those who keep the stack set in CloudFormation.

        Named after its own hash, since it may change without the code: CloudFormation compares a
        template's address, not what lies there.
        """
        return f"{FOLDER}/{hashlib.sha256(self.template.encode()).hexdigest()}.json"


def release(root: Path) -> Release:
    """Make a release of the project's folder.

    Raises UsageError when the build is missing, is older than the sources, or is not the same for
    all functions; it says `make build`.
    """
    # The translator takes a second to import, which commands that make no release should not wait.
    from guardrail_cli.org.template import expanded, functions, joined, located, source

    template = source(root / "template.yaml")
    artifact = zipped(built_files(root, functions(template)))
    digest = hashlib.sha256(artifact).hexdigest()
    key = f"{FOLDER}/{digest}.zip"
    plain = located(expanded(template), key, digest[:_SHORT])
    plain = joined(plain, source(root / "deploy" / "status-role.yaml"))
    # Without spaces it fits into a request: 51,200 bytes ("CloudFormation quotas").
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True)
    return Release(text, artifact, digest, key)


def write(release: Release, folder: Path) -> None:
    """Write the template as `template.json`, and under `artifacts` what a bucket is to hold."""
    artifacts = folder / "artifacts"
    (artifacts / release.key).parent.mkdir(parents=True, exist_ok=True)
    (artifacts / release.key).write_bytes(release.artifact)
    for path in (folder / "template.json", artifacts / release.template_key):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(release.template, encoding="utf-8")
