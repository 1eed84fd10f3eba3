"""Write the reference pages that are made from the code: reason codes and settings.

    python docs/generate.py

A test fails when the pages are not what this writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"

_REASONS = """# Reason codes and outcomes

<!-- Made by docs/generate.py from the code. -->

Each line `reconciled` in the log names the codes of what was found: under `drift` what a plan
removes, under `states` what is good to know. The codes are stable; alarms and reports may build on
them.

## Drift

{drift}

## States

{states}

## Outcomes

The field `outcome` holds the most telling word for one VPC.

{outcomes}
"""

_SETTINGS = """# Settings

<!-- Made by docs/generate.py from template.yaml. -->

The stack's parameters. Give them to `sam deploy` with `--parameter-overrides`, or in
samconfig.toml. A function reads each as the environment variable named last; a value it cannot use
fails the first invocation with the variable's name and what it takes.
{groups}
## Set by the template

Every function has these besides; they are not to be changed by hand.

{fixed}
"""


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref X`) as mappings."""


def _short_form(loader: _Template, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}  # type: ignore[arg-type]


_Template.add_multi_constructor("!", _short_form)


def pages() -> Mapping[Path, str]:
    """Return the text of each generated page."""
    return {PAGES / "reasons.md": reasons_page(), PAGES / "settings.md": settings_page()}


def reasons_page() -> str:
    """Return the page of reason codes and outcomes."""
    source = ROOT / "src" / "guardrail" / "core" / "reasons.py"
    codes, drift = dict(_documented(source, "Reason")), _drift(source)
    report = ROOT / "src" / "guardrail" / "report.py"
    return _REASONS.format(
        drift=_table({k: v for k, v in codes.items() if k in drift}, "code"),
        states=_table({k: v for k, v in codes.items() if k not in drift}, "code"),
        outcomes=_table(dict(_documented(report, "Outcome")), "outcome"),
    )


def settings_page() -> str:
    """Return the page of the stack's parameters."""
    template = _template()
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    groups = "".join(
        _group(group["Label"]["default"], group["Parameters"], template["Parameters"], variables)
        for group in interface["ParameterGroups"]
    )
    fixed = (name for name, value in variables.items() if _parameter(value) is None)
    return _SETTINGS.format(groups=groups, fixed="\n".join(f"- `{name}`" for name in fixed))


def _template() -> dict[str, Any]:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=_Template)  # noqa: S506 - a SafeLoader
    template = loaded
    for name, value in template["Globals"]["Function"]["Environment"]["Variables"].items():
        if _parameter(value) not in template["Parameters"]:
            template["Globals"]["Function"]["Environment"]["Variables"][name] = str(value)
    return template


def _group(
    title: str,
    names: list[str],
    parameters: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, Any],
) -> str:
    readers = {_parameter(value): name for name, value in variables.items()}
    entries = (_entry(name, parameters[name], readers.get(name)) for name in names)
    return f"\n## {title}\n\n{''.join(entries)}"


def _entry(name: str, parameter: Mapping[str, Any], variable: str | None) -> str:
    default = str(parameter.get("Default", ""))
    shown = f"`{default}`" if default else "empty"
    takes = str(parameter["ConstraintDescription"])
    read = f" `{variable}`." if variable else ""
    meaning = " ".join(str(parameter["Description"]).split())
    return f"- **{name}** (default {shown}): {meaning}\n  Takes {takes}.{read}\n"


def _parameter(value: object) -> str | None:
    """Return the parameter that an environment variable passes on."""
    if isinstance(value, dict) and "Ref" in value:
        return str(value["Ref"])
    if isinstance(value, dict) and "Join" in value:
        return _parameter(value["Join"][1])
    return None


def _documented(source: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield each member's value and the text that follows it."""
    body = _class(source, name).body
    for member, after in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(member.value, ast.Constant):
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                raise SystemExit(f"{source}: {ast.unparse(member)} has no text after it")
            yield str(member.value.value), re.sub(r"\s+", " ", str(after.value.value)).strip()


def _class(source: Path, name: str) -> ast.ClassDef:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)


def _drift(source: Path) -> set[str]:
    """Return the values of the members that stand in `_DRIFT`."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assigned = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_DRIFT"
    )
    names = {n.attr for n in ast.walk(assigned) if isinstance(n, ast.Attribute)}
    return {name.lower().replace("_", "-") for name in names}


def _table(entries: Mapping[str, str], heading: str) -> str:
    rows = (f"| `{code}` | {text} |" for code, text in entries.items())
    return "\n".join((f"| {heading} | meaning |", "|---|---|", *rows))


def main() -> None:
    """Write all pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
