"""The commands check, corpus and simulate: exit codes and shapes."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from guardrail_cli.main import app, main

if TYPE_CHECKING:
    from pathlib import Path

RUN = CliRunner()
OPEN = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Allow","Principal":"*","Action":"states:*","Resource":"*"}}'
)
NARROW = OPEN.replace("states:*", "states:StartExecution")
ODD = OPEN.replace('"Resource":"*"', '"Resource":"*","Extra":1')


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Return the paths of a few policy files."""
    texts = {"open": OPEN, "narrow": NARROW, "odd": ODD, "broken": "{"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: str(tmp_path / name) for name in texts}


@pytest.mark.parametrize(
    ("candidate", "code"), [("narrow", 0), ("open", 1), ("broken", 2), ("odd", 3)]
)
def test_check_exits_with_the_verdict(files: dict[str, str], candidate: str, code: int) -> None:
    """Contained, broader, malformed and undecided have their own exit codes."""
    result = RUN.invoke(app, ["check", files[candidate], "--baseline", files["narrow"]])
    assert result.exit_code == code


def test_check_prints_the_documented_json(files: dict[str, str]) -> None:
    """The JSON has verdict, reasons, witness and the hash of the policy."""
    arguments = ["check", files["open"], "--baseline", files["narrow"], "--format", "json"]
    record = json.loads(RUN.invoke(app, arguments).stdout)
    assert set(record) == {"verdict", "reasons", "witness", "policy_sha256"}
    assert set(record["reasons"][0]) == {"code", "message", "statement", "pointer"}
    assert set(record["witness"]) == {"principal", "action", "resource", "context"}
    assert (record["verdict"], record["reasons"][0]["code"]) == ("broader", "policy-broader")


def test_check_reads_standard_input(files: dict[str, str]) -> None:
    """A dash is standard input."""
    result = RUN.invoke(app, ["check", "-", "--baseline", files["open"]], input=NARROW)
    assert result.exit_code == 0


def test_check_gives_one_line_per_file_and_the_gravest_code(files: dict[str, str]) -> None:
    """Several files are judged one by one; an unreadable one does not stop the others."""
    paths = [files["narrow"], "no-such-file", files["open"]]
    result = RUN.invoke(app, ["check", *paths, "--baseline", files["narrow"]])
    lines = result.stdout.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["contained", "malformed", "broader"]
    assert result.exit_code == 2


def test_check_uses_the_baseline_that_ships(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file the default baseline is rendered for the account."""
    asked: dict[str, Any] = {}

    def render(**values: str) -> str:
        asked.update(values)
        return OPEN

    module = types.ModuleType("guardrail.baseline")
    module.render_baseline = render  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "guardrail.baseline", module)
    result = RUN.invoke(app, ["check", files["open"], "--account", "123456789012"])
    assert result.exit_code == 0
    assert asked["account"] == "123456789012"


@pytest.mark.parametrize(
    "arguments", [["check", "x"], ["check", "no-such-file", "--baseline", "no-such-file"]]
)
def test_usage_errors_exit_with_two(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing option or file is told on standard error, with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["sfn-guardrail", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")


def test_corpus_counts_and_names_disagreements(tmp_path: Path) -> None:
    """A wrong expectation is listed with its id and makes the exit code 1."""
    cases = [
        {"id": "a", "candidate": OPEN, "baseline": json.loads(OPEN), "expected": "contained"},
        {"id": "b", "candidate": OPEN, "baseline": NARROW, "expected": "contained"},
        {"id": "c", "document": "{", "expected": "invalid"},
        {"id": "d", "document": ODD, "expected": "unsupported"},
    ]
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(json.dumps(case) for case in cases), encoding="utf-8")
    result = RUN.invoke(app, ["corpus", str(file), "--format", "json"])
    record = json.loads(result.stdout)
    assert (record["total"], record["agreeing"], result.exit_code) == (4, 3, 1)
    assert record["disagreements"] == [{"id": "b", "expected": "contained", "actual": "broader"}]
    assert set(record["milliseconds"]) == {"median", "p90", "p99", "max"}
    text = RUN.invoke(app, ["corpus", str(file)]).stdout
    assert "b: expected contained, got broader" in text


def test_simulate_replays_a_request(files: dict[str, str]) -> None:
    """The plain evaluator says what a policy does with one request."""
    request = ["--principal", "anonymous", "--action", "states:StopExecution", "--resource", "*"]
    assert RUN.invoke(app, ["simulate", files["open"], *request]).exit_code == 0
    refused = RUN.invoke(app, ["simulate", files["narrow"], *request, "--format", "json"])
    assert json.loads(refused.stdout) == {"decision": "not allowed", "statement": None}
    assert refused.exit_code == 1


def test_simulate_takes_several_values_of_a_key(tmp_path: Path) -> None:
    """A key given twice has two values."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
    }
    file = tmp_path / "policy"
    file.write_text(json.dumps({"Statement": statement}), encoding="utf-8")
    request = ["--principal", "x", "--action", "states:A", "--resource", "r"]
    tags = ["--context", "aws:TagKeys=a", "--context", "aws:TagKeys=b"]
    assert RUN.invoke(app, ["simulate", str(file), *request, *tags]).exit_code == 0
    more = [*tags, "--context", "aws:TagKeys=c"]
    assert RUN.invoke(app, ["simulate", str(file), *request, *more]).exit_code == 1


@pytest.mark.parametrize(("name", "code"), [("broken", 2), ("odd", 3)])
def test_simulate_tells_unreadable_from_unsupported(
    files: dict[str, str], name: str, code: int
) -> None:
    """A malformed policy exits with 2, an unsupported one with 3."""
    request = ["--principal", "x", "--action", "states:A", "--resource", "r"]
    assert RUN.invoke(app, ["simulate", files[name], *request]).exit_code == code


def test_check_says_in_json_what_could_not_be_read(files: dict[str, str], tmp_path: Path) -> None:
    """An unreadable file has a verdict and a reason, and no hash of what nobody read."""
    missing = str(tmp_path / "missing")
    arguments = ["check", missing, "--baseline", files["open"], "--format", "json"]
    result = RUN.invoke(app, arguments)
    record = json.loads(result.stdout)
    assert (result.exit_code, record["verdict"], record["policy_sha256"]) == (2, "malformed", None)
    assert missing in record["reasons"][0]["message"]


def refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run the command line; tell whether it ended with the code of a usage error."""
    monkeypatch.setattr(sys, "argv", ["sfn-guardrail", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code == 2


def test_check_blames_a_malformed_baseline_once(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The candidates are not called malformed for it."""
    paths = [files["open"], files["narrow"]]
    assert refused(["check", *paths, "--baseline", files["broken"]], monkeypatch)
    assert capsys.readouterr().err.count("baseline") == 1


def test_corpus_reports_a_case_that_cannot_be_judged_and_goes_on(tmp_path: Path) -> None:
    """A malformed baseline is a disagreement with its id; other separators end no line."""
    cases = [
        {"id": "bad", "candidate": OPEN, "baseline": "{", "expected": "contained"},
        {"id": "any", "candidate": OPEN, "baseline": OPEN, "expected": "contained"},
    ]
    cases[1] |= {"service": "any", "note": "\u2028"}
    path = tmp_path / "corpus.jsonl"
    lines = (json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text("\ufeff" + "\n".join(lines) + "\n  \n", encoding="utf-8")
    result = RUN.invoke(app, ["corpus", str(path), "--format", "json"])
    record = json.loads(result.stdout)
    assert (result.exit_code, record["total"], record["agreeing"]) == (1, 2, 1)
    assert record["disagreements"][0]["id"] == "bad"


@pytest.mark.parametrize("line", ["[]", "5", '{"id": "x"}', '{"id": 1, "service": 5}'])
def test_corpus_names_the_line_that_is_no_case(
    tmp_path: Path,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file and the line, exit 2, no traceback."""
    path = tmp_path / "corpus.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    assert refused(["corpus", str(path)], monkeypatch)
    assert f"{path}:2" in capsys.readouterr().err


def test_simulate_takes_two_spellings_of_a_key_as_one(tmp_path: Path) -> None:
    """Condition keys ignore case, so neither value is lost."""
    statement = json.loads(OPEN)
    statement["Statement"]["Condition"] = {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["a"]},
    }
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(statement), encoding="utf-8")
    request = ["--principal", "arn:aws:iam::111122223333:role/x", "--action", "states:TagResource"]
    keys = ["--context", "aws:TagKeys=a", "--context", "aws:tagkeys=b"]
    result = RUN.invoke(app, ["simulate", str(path), *request, "--resource", "x", *keys])
    assert result.exit_code == 1
