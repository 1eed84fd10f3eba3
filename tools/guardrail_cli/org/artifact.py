"""The functions' code as one zip: the same bytes for the same sources, wherever it is made.

Its hash names it, so that a change of the code is a change of the template, which CloudFormation
would otherwise not notice ("AWS::Lambda::Function Code").
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from guardrail_cli.documents import UsageError

SHIPPED = ("baseline", "guardrail", "handlers")
"""The folders of src/ that the build copies (src/Makefile)."""

Files = Mapping[str, bytes]
"""Path inside of the artifact, with slashes, to content."""

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name."""
_READABLE = 0o100644 << 16
"""A plain file that everyone may read: Lambda runs the code as another user."""
_UNIX = 3
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def built_files(root: Path, functions: Iterable[str]) -> Files:
    """Return the files that all functions were built of.

    Raises UsageError when there is no build of one of them, when it was made of other sources than
    those under `root`, and when the functions differ: they share one artifact.
    """
    first, *others = functions
    build = root / ".aws-sam" / "build"
    files = _built(build / first)
    _check_sources(root, build / first, files)
    for name in others:
        other = _built(build / name)
        if other != files:
            raise UsageError(
                f"{build}: {first} and {name} are built of different files"
                f" ({_difference(files, other)}), and they have to share one artifact;"
                " remove the folder and run `make build`"
            )
    return files


def zipped(files: Files) -> bytes:
    """Return a zip of the files.

    They are stored, not compressed: what compression gives depends on the machine's zlib, and
    another hash would be another release. It costs 27 MB to publish a region in place of 18.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _BEGINNING)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            archive.writestr(entry, files[path])
    return target.getvalue()


def _built(folder: Path) -> Files:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no build; run `make build`")
    return _files(folder)


def _files(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def _check_sources(root: Path, folder: Path, files: Files) -> None:
    """Raise UsageError unless the build holds today's sources and pinned packages.

    Contents are compared, not times: a checkout makes every file new.
    """
    ours = {path: data for path, data in files.items() if path.split("/")[0] in SHIPPED}
    sources = {
        f"{name}/{path}": data
        for name in SHIPPED
        for path, data in _files(root / "src" / name).items()
    }
    packages = {path.split("/")[0] for path in files if ".dist-info/" in path}
    pinned = _pinned(root / "src" / "requirements.txt")
    if ours != sources or packages != pinned:
        other = _difference(sources, ours) or ", ".join(sorted(packages ^ pinned)[:3])
        raise UsageError(
            f"{folder}: the build is older than the sources ({other}); run `make build`"
        )


def _pinned(requirements: Path) -> set[str]:
    """Return the metadata folders of the packages, named as the wheel format says."""
    pins = _PIN.findall(requirements.read_text(encoding="utf-8"))
    return {f"{re.sub('[-_.]+', '_', name).lower()}-{version}.dist-info" for name, version in pins}


def _difference(one: Files, other: Files) -> str:
    """Return the first few paths that are not the same on both sides."""
    paths = sorted(p for p in {*one, *other} if one.get(p) != other.get(p))
    more = ", …" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more
