"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from guardrail.core.actions import ActionKind
from guardrail.core.model import Mode
from guardrail.core.reasons import Reason
from guardrail.notices import SCHEMA, Kind
from guardrail.report import Outcome

SWEPT = "Sweep Finished"
"""`guardrail.aws.announcing` has it, which the unit tests do without: they need no SDK."""
DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Load the script that writes the pages."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_fresh(generate: ModuleType) -> None:
    """When this fails: `make docs`, and commit the pages."""
    for path, text in generate.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale"


def test_every_code_and_outcome_is_documented(generate: ModuleType) -> None:
    """Each with a text of its own, drift apart from states."""
    page = generate.reasons_page()
    drift, states = page.index("## Drift"), page.index("## States")
    for reason in Reason:
        place = page.index(f"| `{reason}` | ", drift if reason.is_drift else states)
        assert (place < states) is reason.is_drift
    for outcome in Outcome:
        assert f"| `{outcome}` | " in page[page.index("## Outcomes") :]


def test_the_concepts_name_every_mode_and_action() -> None:
    """The words of the log can be looked up."""
    concepts = (DOCS / "concepts.md").read_text(encoding="utf-8")
    for word in (*Mode, *ActionKind):
        assert f"`{word}`" in concepts


def test_the_links_between_the_pages_lead_somewhere() -> None:
    """Every relative link of this folder's pages names a file."""
    for page in DOCS.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_event_has_a_schema_and_stands_in_the_page() -> None:
    """The detail-types that the code announces, and no others; the version is that of the code."""
    schema = json.loads((DOCS / "schemas" / "events.schema.json").read_text())["$defs"]
    page = (DOCS / "reference" / "events.md").read_text()
    kinds = {*(kind.value for kind in Kind), SWEPT}
    assert {name for name in schema if " " in name} == kinds
    assert set(re.findall(r"^\| `([A-Z][^`]+)` \|", page, re.MULTILINE)) == kinds
    versions = {schema[kind]["properties"]["schema_version"]["const"] for kind in kinds - {SWEPT}}
    assert versions == {SCHEMA}
