"""Start worker processes: which Python, which environment, which import path.

A worker sees the built artifact, awslambdaric and the standard library. It inherits neither the
developer's AWS_* variables nor the site-packages of the tools, so that what runs is what ships.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail_sandbox import nursery as nurseries
from guardrail_sandbox.clock import standing
from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.deployed import FunctionSpec
    from guardrail_sandbox.worker import Process

_RUNTIME = (3, 13)
"""The Lambda runtime that template.yaml names."""

_RUNTIME_PACKAGES = ("awslambdaric", "simplejson")
"""What Lambda's own Python runtime brings besides the standard library."""

_RUNTIME_ENVIRONMENT = {
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_EXECUTION_ENV": f"AWS_Lambda_python{_RUNTIME[0]}.{_RUNTIME[1]}",
}
"""What is the same for every function, and read as packages are loaded."""

_WORKER_MODULES = ("runtime_client.py", "driven_time.py")


def access_key_of(logical_id: str) -> str:
    """Return the access key that a function of the stack signs with (it tells callers apart)."""
    return f"ASIASANDBOX{logical_id.upper()}"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that can run the artifact."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"Python {self.version}"


def find_interpreter() -> Interpreter:
    """Return the runtime's Python when one that works is installed, else the current one."""
    for candidate in _runtime_candidates():
        version = _version(candidate)
        if version is not None and version.startswith(f"{_RUNTIME[0]}.{_RUNTIME[1]}."):
            return Interpreter(candidate, version)
    return Interpreter(sys.executable, ".".join(map(str, sys.version_info[:3])))


def _runtime_candidates() -> Iterator[str]:
    if sys.version_info[:2] == _RUNTIME:
        yield sys.executable
    name = f"python{_RUNTIME[0]}.{_RUNTIME[1]}"
    found = shutil.which(name)
    if found:
        yield found
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(versions.glob(f"{_RUNTIME[0]}.{_RUNTIME[1]}.*/bin/{name}")))


def _version(python: str) -> str | None:
    """Ask a Python for its version; None when it does not run (a shim without a version behind)."""
    command = [python, "-S", "-c", "import platform; print(platform.python_version())"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts workers of any function of the stack.

    `artifact` is the folder that `sam build` wrote, one folder per logical id; `scratch` belongs
    to this sandbox and goes with it.
    """

    interpreter: Interpreter
    artifact: Path
    scratch: Path
    endpoint: str
    region: str
    clock: Clock | None = None

    def prepare(self) -> None:
        """Lay out what workers need; raise `SandboxError` when some of it is not installed."""
        _site()

    def folder(self, logical_id: str) -> Path:
        """Return the artifact of one function, or say how to make it."""
        folder = self.artifact / logical_id
        if not folder.is_dir():
            raise SandboxError(f"no built artifact at {folder}", hint="run `make build` first")
        # A link may lead elsewhere later; what is kept of a folder goes by its real name.
        return folder.resolve()

    def start(self, spec: FunctionSpec, runtime_api: str) -> Process:
        """Start one worker; its output comes on one pipe."""
        folder = self.folder(spec.logical_id)
        if nurseries.AVAILABLE:
            return self._copied(spec, folder, self.environment(spec, runtime_api))
        return subprocess.Popen(
            [self.interpreter.path, "-s", "-S", "-m", "awslambdaric", spec.handler],
            cwd=folder,
            env=self.environment(spec, runtime_api),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A Ctrl-C on the terminal is for the sandbox, which then ends its workers.
            start_new_session=True,
        )

    def _copied(
        self, spec: FunctionSpec, folder: Path, environment: Mapping[str, str]
    ) -> nurseries.Copy:
        path = self._path(str(folder))
        loading = {**self._process_environment(str(folder)), **_RUNTIME_ENVIRONMENT}
        nursery = nurseries.nursery(self.interpreter.path, path, loading)
        return nursery.start(spec.handler, str(folder), path, environment)

    def environment(self, spec: FunctionSpec, runtime_api: str) -> dict[str, str]:
        """Return the whole environment of a worker; the template's own variables win."""
        folder = str(self.folder(spec.logical_id))
        return {
            **self._process_environment(folder),
            **self._lambda_environment(spec, runtime_api, folder),
            **self._moment(),
            **spec.environment,
        }

    def _process_environment(self, folder: str) -> Mapping[str, str]:
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.scratch),
            "PYTHONPATH": os.pathsep.join(self._path(folder)),
            # The artifact stays as it was built; a second start is quicker with the cache.
            "PYTHONPYCACHEPREFIX": str(self.artifact.parent / "pycache"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _lambda_environment(
        self, spec: FunctionSpec, runtime_api: str, folder: str
    ) -> Mapping[str, str]:
        return {
            "_HANDLER": spec.handler,
            "LAMBDA_TASK_ROOT": folder,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            **_RUNTIME_ENVIRONMENT,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": access_key_of(spec.logical_id),
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_SESSION_TOKEN": "sandbox",
        }

    def _moment(self) -> Mapping[str, str]:
        """Return at what time a worker loads its function, where a test drives the time."""
        moment = standing(self.clock)
        return {} if moment is None else {"SANDBOX_MOMENT": repr(moment)}

    def _path(self, folder: str) -> tuple[str, str]:
        """Return where a worker finds what is not in the standard library."""
        return folder, str(_site())


@cache
def _site() -> Path:
    """Lay out the folder that makes awslambdaric importable, and nothing else with it.

    One for all sandboxes of this process: workers of each are copied from one that has loaded it.
    """
    site = Path(tempfile.mkdtemp(prefix="guardrail-sandbox-site-"))
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    for package in _RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SandboxError(f"{package} is not installed", hint="run `make setup`")
        (site / package).symlink_to(Path(spec.origin).parent, target_is_directory=True)
    for module in _WORKER_MODULES:
        shutil.copy(Path(__file__).parent / "worker_site" / module, site)
    return site
